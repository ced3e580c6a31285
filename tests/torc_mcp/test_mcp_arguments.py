"""What an agent writes wrongly is named: arguments, ids in addresses, and what a prompt is given."""

import json

import pytest
from mcp import MCPError
from mcp_scenes import agent, failing, make_workflow

from torc_client.http import TorcClient

pytestmark = pytest.mark.anyio


async def test_an_argument_that_a_tool_does_not_know_is_named(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", "zzz")])
    request = {"job_id": job_id, "action": "fail", "reason": "x"}
    async with agent(shared_client, mode=mode) as me:
        reply = await me.refused(
            "classify_and_resolve_failures", workflow_id=workflow_id, classifications=[request], dryrun=False
        )
        assert "does not know 'dryrun'" in reply and "dry_run" in reply
        assert not shared_client.failures.proposals(workflow_id)


async def test_a_value_that_cannot_be_read_is_named_with_its_place_alone(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        reply = await me.refused("get_workflow_status", workflow_id="abc")
        assert "workflow_id: " in reply and "integer" in reply
        assert "pydantic" not in reply and "http" not in reply
        nested = await me.refused("classify_and_resolve_failures", workflow_id=1, classifications=[{"action": "x"}])
        assert "classifications.0.action" in nested and "pydantic" not in nested


async def test_what_is_not_there_has_one_hint(shared_client: TorcClient) -> None:
    async with agent(shared_client) as me:
        reply = await me.refused("get_workflow_status", workflow_id=987654)
    assert reply.count("list_workflows") == 1 and ";" not in reply


async def test_ids_in_addresses_are_checked(
    shared_client: TorcClient, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with agent(shared_client, mode=mode) as me:
        for uri in ("torc://workflows/abc/failures", "torc://workflows/1/jobs/x/stderr"):
            with pytest.raises(MCPError, match="not a number"):
                await me.client.read_resource(uri)
    assert not [record for record in caplog.records if record.exc_info]


async def test_arguments_of_prompts_are_checked(
    shared_client: TorcClient, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with agent(shared_client, mode=mode) as me:
        for name, arguments, words in (
            ("triage_workflow", {"workflow_id": "1", "more": "x"}, "does not know 'more'"),
            ("triage_workflow", {}, "triage_workflow needs workflow_id"),
            ("triage", {}, "there is no prompt 'triage'"),
        ):
            with pytest.raises(MCPError, match=words):
                await me.client.get_prompt(name, arguments)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_specification_is_taken_under_both_of_its_names(shared_client: TorcClient) -> None:
    spec = {"name": "one", "jobs": [{"name": "a", "command": "true"}]}
    async with agent(shared_client) as me:
        assert (await me.ask("create_workflow", spec_json=json.dumps(spec)))["valid"]
        assert (await me.ask("create_workflow", spec=spec))["valid"]
        for arguments in ({}, {"spec": spec, "spec_json": spec}):
            assert "needs the workflow once" in await me.refused("create_workflow", **arguments)
