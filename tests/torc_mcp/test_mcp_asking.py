"""The person is asked before decisions are applied, what was previewed is applied, and changes are notified."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from helpers import ServerProcess
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_scenes import Agent, agent, failing, make_workflow, run_jobs, text_of
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult, Implementation
from test_mcp_stdio import environment

from torc_client.http import TorcClient
from torc_core.jobs.status import JobStatus

pytestmark = pytest.mark.anyio

CONNECTION = "ConnectionError: Connection refused to storage.internal:443"
FORMAT = "ValueError: Column 'timestamp' has invalid format"
TOOL = "classify_and_resolve_failures"


class Person:
    """Answers every question alike, and remembers them."""

    def __init__(self, action: Any, **content: Any) -> None:
        self.action, self.content = action, content
        self.questions: list[str] = []

    async def __call__(self, _: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        return ElicitResult(action=self.action, content=self.content if self.action == "accept" else None)


@asynccontextmanager
async def over_stdio(
    server: ServerProcess, *arguments: str, mode: str = "auto", person: Person | None = None
) -> AsyncIterator[Agent]:
    """An agent beside the real program."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "torc_mcp.main", *arguments],
        env=environment(TORC_API_URL=server.url),
    )
    async with Client(
        parameters, mode=mode, client_info=Implementation(name="test-agent", version="1"), elicitation_callback=person
    ) as connected:
        yield Agent(connected)


def scene(client: TorcClient) -> tuple[int, list[int]]:
    return make_workflow(
        client, [failing("batch_1", CONNECTION), failing("batch_2", CONNECTION), failing("validate\x1b[31m", FORMAT)]
    )


def statuses(client: TorcClient, job_ids: list[int]) -> set[JobStatus | None]:
    return {client.jobs.get(job_id).status for job_id in job_ids}


def entries(job_ids: list[int]) -> list[dict[str, Any]]:
    first, second, bad = job_ids
    return [
        {"job_id": first, "action": "retry", "reason": "storage was down", "memory": "16g"},
        {"job_id": second, "action": "retry", "reason": "storage was down", "memory": "16g"},
        {"job_id": bad, "action": "fail", "reason": "wrong data"},
    ]


async def test_a_person_who_agrees_has_seen_the_summary_by_group(shared_server: ServerProcess, mode: str) -> None:
    with shared_server.client() as client:
        workflow_id, job_ids = scene(client)
        person = Person("accept", apply=True)
        async with over_stdio(shared_server, mode=mode, person=person) as me:
            done = await me.ask(TOOL, workflow_id=workflow_id, classifications=entries(job_ids), dry_run=False)
        assert (done["jobs_to_retry"], done["jobs_to_fail"]) == (2, 1)
        [question] = person.questions
        assert question.startswith(f"Apply these decisions to workflow {workflow_id}: retry 2, fail 1, skip 0 job(s)?")
        assert "- retry 2: batch_1" in question
        assert "with memory 8g -> 16g: storage was down" in question
        assert "\x1b" not in question
        assert JobStatus.PENDING_FAILED not in statuses(client, job_ids)


@pytest.mark.parametrize("person", [Person("decline"), Person("cancel"), Person("accept", apply=False)])
async def test_a_person_who_does_not_agree_changes_nothing(
    shared_server: ServerProcess, mode: str, person: Person
) -> None:
    with shared_server.client() as client:
        workflow_id, job_ids = scene(client)
        async with over_stdio(shared_server, mode=mode, person=person) as me:
            refusal = await me.refused(TOOL, workflow_id=workflow_id, classifications=entries(job_ids), dry_run=False)
        assert "did not agree: no job of workflow" in refusal
        assert person.questions
        assert statuses(client, job_ids) == {JobStatus.PENDING_FAILED}


async def test_nobody_is_asked_about_a_preview_nor_where_asking_is_off(shared_server: ServerProcess) -> None:
    with shared_server.client() as client:
        workflow_id, job_ids = scene(client)
        person = Person("decline")
        async with over_stdio(shared_server, person=person) as me:
            await me.ask(TOOL, workflow_id=workflow_id, classifications=entries(job_ids))
        async with over_stdio(shared_server, "--no-asking", person=person) as me:
            await me.ask(TOOL, workflow_id=workflow_id, classifications=entries(job_ids)[:1], dry_run=False)
        assert person.questions == []


async def test_a_previewed_proposal_is_applied_by_its_id(shared_server: ServerProcess, mode: str) -> None:
    with shared_server.client() as client:
        workflow_id, job_ids = scene(client)
        person = Person("accept", apply=True)
        async with over_stdio(shared_server, mode=mode, person=person) as me:
            shown = await me.ask(TOOL, workflow_id=workflow_id, classifications=entries(job_ids))
            done = await me.ask(TOOL, workflow_id=workflow_id, proposal_id=shown["proposal_id"], dry_run=False)
            again = await me.refused(TOOL, workflow_id=workflow_id, proposal_id=shown["proposal_id"], dry_run=False)
        assert (done["proposal_id"], done["jobs_to_retry"], done["jobs_to_fail"]) == (shown["proposal_id"], 2, 1)
        assert person.questions[0].startswith(f"Apply proposal {shown['proposal_id']} to workflow {workflow_id}")
        assert "already" in again
        assert client.failures.proposal(shown["proposal_id"]).status == "approved"
        assert {one.actor.kind for one in client.failures.decisions(workflow_id)} == {"agent"}


async def test_many_jobs_need_the_id_of_a_preview(shared_client: TorcClient, mode: str) -> None:
    workflow_id, job_ids = make_workflow(shared_client, [failing(f"batch_{n}", CONNECTION) for n in range(4)])
    wanted = [{"job_id": job_id, "action": "retry", "reason": "storage was down"} for job_id in job_ids]
    async with agent(shared_client, mode=mode, preview_above=3) as me:
        refusal = await me.refused(TOOL, workflow_id=workflow_id, classifications=wanted, dry_run=False)
        assert "4 jobs would be changed, more than 3: no job was changed" in refusal
        assert "proposal_id" in refusal
        assert statuses(shared_client, job_ids) == {JobStatus.PENDING_FAILED}
        shown = await me.ask(TOOL, workflow_id=workflow_id, classifications=wanted)
        assert f"proposal_id={shown['proposal_id']}" in shown["next_steps"]
        await me.ask(TOOL, workflow_id=workflow_id, proposal_id=shown["proposal_id"], dry_run=False)
    assert statuses(shared_client, job_ids) == {JobStatus.READY}


async def test_jobs_of_other_workflows_are_refused_and_nothing_is_stored(shared_client: TorcClient, mode: str) -> None:
    workflow_id, _ = scene(shared_client)
    _, (foreign, *_) = make_workflow(shared_client, [failing("secret_name", CONNECTION)])
    async with agent(shared_client, mode=mode, workflows=frozenset({workflow_id})) as me:
        refusal = await me.refused(
            TOOL,
            workflow_id=workflow_id,
            classifications=[{"job_id": foreign, "action": "retry", "reason": "storage was down"}],
        )
    assert f"job {foreign} is not of workflow {workflow_id}" in refusal
    assert "secret_name" not in refusal
    assert shared_client.failures.proposals(workflow_id) == []


async def test_the_first_characters_of_a_signature_do(shared_client: TorcClient, mode: str) -> None:
    workflow_id, job_ids = scene(shared_client)
    async with agent(shared_client, mode=mode) as me:
        groups = (await me.ask("list_pending_failed_jobs", workflow_id=workflow_id))["groups"]
        prefix = groups[0]["signature"][:8]
        listed = await me.ask("list_pending_failed_jobs", workflow_id=workflow_id, signature=prefix)
        shown = await me.ask(
            TOOL,
            workflow_id=workflow_id,
            classifications=[{"signature": prefix, "action": "retry", "reason": "storage was down"}],
        )
        unknown = await me.refused(
            TOOL,
            workflow_id=workflow_id,
            classifications=[{"signature": "zzzz", "action": "retry", "reason": "storage was down"}],
        )
    assert [group["signature"] for group in listed["groups"]] == [groups[0]["signature"]]
    assert (shown["jobs_to_retry"], len(job_ids)) == (2, 3)
    assert "no pending_failed job with the signature 'zzzz'" in unknown


async def test_who_listens_to_failures_hears_of_new_ones_and_of_decisions(shared_server: ServerProcess) -> None:
    with shared_server.client() as client:
        workflow_id, (job_id,) = make_workflow(client, [failing("batch", CONNECTION)], run=False)
        client.initialize_jobs(workflow_id)
        uri = f"torc://workflows/{workflow_id}/failures"
        async with (
            over_stdio(shared_server) as me,
            me.client.listen(resource_subscriptions=[uri]) as changes,
        ):
            events = aiter(changes)
            with anyio.fail_after(120):
                await anyio.to_thread.run_sync(run_jobs, client, workflow_id, {job_id: failing("batch", CONNECTION)})
                assert (await anext(events)).uri == uri
                await me.ask(
                    TOOL,
                    workflow_id=workflow_id,
                    classifications=[{"job_id": job_id, "action": "fail", "reason": "no use"}],
                    dry_run=False,
                )
                assert (await anext(events)).uri == uri


async def test_a_server_for_one_workflow_lets_nobody_listen_to_another(shared_server: ServerProcess) -> None:
    async with over_stdio(shared_server, "--workflow", "1") as me:
        with pytest.raises(Exception, match="workflow 2 is out of reach"):
            async with me.client.listen(resource_subscriptions=["torc://workflows/2/failures"]):
                pass


async def test_hosts_with_apps_get_a_page_that_loads_nothing(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        tools = await me.tools()
        for name in (TOOL, "list_pending_failed_jobs"):
            assert tools[name].meta["ui"] == {"resourceUri": "ui://torc/review.html"}
        [page] = (await me.client.read_resource("ui://torc/review.html")).contents
    assert page.mime_type == "text/html;profile=mcp-app"
    for outside in ("http://", "https://", "innerHTML", "eval("):
        assert outside not in page.text


async def test_agents_do_not_see_the_question(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        shown = (await me.tools())[TOOL].input_schema["properties"]
        refused = await me.call(TOOL, workflow_id=1, answer={"action": "accept"}, proposal_id=1)
    assert sorted(shown) == ["classifications", "dry_run", "proposal_id", "workflow_id"]
    assert "does not know 'answer'" in text_of(refused)
