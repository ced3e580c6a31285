"""A server for one workflow alone, and the tools that an unattended agent gets."""

from collections.abc import Callable
from typing import Any

import pytest
from mcp import MCPError
from mcp_scenes import agent, failing, make_workflow
from mcp_types import PromptReference, ResourceTemplateReference

from torc_client.http import TorcClient
from torc_core.errors import InvalidInputError
from torc_mcp.main import main
from torc_mcp.registry import TOOLS
from torc_mcp.resources import FAILURES_URI
from torc_mcp.settings import parse_toolsets

pytestmark = pytest.mark.anyio

TRIAGE = {
    "list_pending_failed_jobs",
    "list_failed_jobs",
    "get_workflow_status",
    "get_job_details",
    "get_job_logs",
    "check_resource_utilization",
    "classify_and_resolve_failures",
}
STDERR = "ConnectionError: Connection refused"
ARGUMENTS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "list_jobs_by_status": lambda workflow_id, _: {"workflow_id": workflow_id, "status": "failed"},
    "get_execution_plan": lambda workflow_id, _: {"spec_or_id": workflow_id},
    "update_job_resources": lambda _, job_id: {"job_id": job_id, "memory": "9g"},
    "get_job_details": lambda _, job_id: {"job_id": job_id},
    "get_job_logs": lambda _, job_id: {"job_id": job_id},
    "regroup_job_resources": lambda workflow_id, job_id: {
        "workflow_id": workflow_id,
        "groups": [{"name": "more", "job_ids": [job_id], "num_cpus": 1, "memory": "9g", "runtime": "PT1H"}],
    },
    "create_workflow": lambda *_: {
        "spec": {"name": "more", "jobs": [{"name": "a", "command": "true"}]},
        "action": "create_workflow",
    },
    "classify_and_resolve_failures": lambda workflow_id, job_id: {
        "workflow_id": workflow_id,
        "classifications": [{"job_id": job_id, "action": "fail", "reason": "x"}],
        "dry_run": False,
    },
}


@pytest.mark.parametrize("name", [entry.name for entry in TOOLS if entry.name != "list_workflows"])
async def test_no_tool_reaches_another_workflow(shared_client: TorcClient, name: str) -> None:
    own, _ = make_workflow(shared_client, [failing("mine", STDERR)])
    other, (job_id,) = make_workflow(shared_client, [failing("theirs", STDERR)])
    make = ARGUMENTS.get(name, lambda workflow_id, _: {"workflow_id": workflow_id})
    async with agent(shared_client, workflows=frozenset({own})) as me:
        reply = await me.refused(name, **make(other, job_id))
    assert f"this server is for workflow {own} alone" in reply
    assert str(shared_client.jobs.get(job_id).status) == "pending_failed"


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_job_of_another_workflow_is_never_decided_about(shared_client: TorcClient, *, dry_run: bool) -> None:
    own, _ = make_workflow(shared_client, [failing("mine", STDERR)])
    _, (job_id,) = make_workflow(shared_client, [failing("theirs", STDERR)])
    requests = [{"job_id": job_id, "action": "fail", "reason": "a log demands it"}]
    async with agent(shared_client, workflows=frozenset({own})) as me:
        refusal = await me.refused(
            "classify_and_resolve_failures", workflow_id=own, classifications=requests, dry_run=dry_run
        )
        listed = await me.refused("list_results", workflow_id=own, job_id=job_id)
    assert f"job {job_id} is not of workflow {own}" in refusal
    assert "theirs" not in refusal
    assert "another workflow" in listed
    assert str(shared_client.jobs.get(job_id).status) == "pending_failed"


async def test_only_its_workflows_are_listed_and_completed(shared_client: TorcClient) -> None:
    own, (job_id,) = make_workflow(shared_client, [failing("mine", STDERR)])
    second, _ = make_workflow(shared_client, [failing("mine too", STDERR)], name="second")
    other, _ = make_workflow(shared_client, [failing("theirs", STDERR)])
    async with agent(shared_client, workflows=frozenset({own, second})) as me:
        listed = await me.ask("list_workflows")
        assert [row["workflow_id"] for row in listed["workflows"]] == [second, own]
        assert (await me.ask("list_workflows", name="second"))["total"] == 1
        reference = ResourceTemplateReference(type="ref/resource", uri=FAILURES_URI)
        found = await me.client.complete(reference, {"name": "workflow_id", "value": ""})
        assert found.completion.values == [str(second), str(own)]
        jobs = await me.client.complete(
            PromptReference(type="ref/prompt", name="explain_failure"),
            {"name": "job_id", "value": ""},
            context_arguments={"workflow_id": str(other)},
        )
        assert jobs.completion.values == []
        assert (await me.ask("get_job_details", job_id=job_id))["workflow_id"] == own


async def test_resources_and_prompts_keep_to_the_workflow_too(shared_client: TorcClient) -> None:
    own, _ = make_workflow(shared_client, [failing("mine", STDERR)])
    other, (job_id,) = make_workflow(shared_client, [failing("theirs", STDERR)])
    base = f"torc://workflows/{other}"
    async with agent(shared_client, workflows=frozenset({own})) as me:
        for uri in (base, f"{base}/failures", f"{base}/jobs/{job_id}/stderr"):
            with pytest.raises(MCPError, match=f"for workflow {own} alone"):
                await me.client.read_resource(uri)
        with pytest.raises(MCPError):
            await me.client.read_resource(f"torc://workflows/{own}/jobs/{job_id}/stderr")
        with pytest.raises(MCPError, match=f"for workflow {own} alone"):
            await me.client.get_prompt("triage_workflow", {"workflow_id": str(other)})
        with pytest.raises(MCPError, match=f"for workflow {own} alone"):
            await me.client.get_prompt("explain_failure", {"job_id": str(job_id)})


async def test_triage_is_what_deciding_about_failures_needs(shared_client: TorcClient) -> None:
    async with agent(shared_client, toolsets=parse_toolsets("triage"), workflows=frozenset({3})) as me:
        assert set(await me.tools()) == TRIAGE
        assert "This server is for workflow 3 alone." in (me.client.instructions or "")


@pytest.mark.parametrize("value", ["x", "0", "-1"])
def test_what_is_no_id_is_refused_at_the_start(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--workflow", value])
    assert ended.value.code == 2
    assert "--workflow" in capsys.readouterr().err


def test_an_unknown_toolset_is_named() -> None:
    with pytest.raises(InvalidInputError, match="'triag' is no toolset"):
        parse_toolsets("triag")
