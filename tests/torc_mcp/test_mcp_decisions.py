"""Agents decide about failures: previewed first, applied as a whole, kept with who and why."""

import json

import pytest
from mcp_scenes import agent, failing, make_workflow, run_jobs, settings_of

from torc_client.http import TorcClient
from torc_core.api.failures import Actor, Classification, ClassifyRequest, DecisionLimits
from torc_core.jobs.status import JobStatus
from torc_mcp.settings import Access

pytestmark = pytest.mark.anyio

CONNECTION = "ConnectionError: Connection refused to storage.internal:443"
FORMAT = "ValueError: Column 'timestamp' has invalid format"
OOM = "numpy.core._exceptions.MemoryError: Unable to allocate 40.0 GiB for an array"


def three_failures(client: TorcClient) -> tuple[int, list[int]]:
    return make_workflow(
        client, [failing("batch_1", CONNECTION), failing("batch_2", CONNECTION), failing("validate", FORMAT)]
    )


def status(client: TorcClient, job_id: int) -> JobStatus | None:
    return client.jobs.get(job_id).status


async def test_a_dry_run_shows_counts_and_jobs_and_changes_none(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (first, second, bad) = three_failures(shared_client)
    async with agent(shared_client, mode=mode) as me:
        groups = (await me.ask("list_pending_failed_jobs", workflow_id=workflow_id))["groups"]
        shown = await me.ask(
            "classify_and_resolve_failures",
            workflow_id=workflow_id,
            classifications=[
                {"signature": groups[0]["signature"], "action": "retry", "reason": "storage was down"},
                {"job_id": bad, "action": "fail", "reason": "wrong data"},
            ],
        )
    assert (shown["dry_run"], shown["jobs_to_retry"], shown["jobs_to_fail"], shown["jobs_skipped"]) == (True, 2, 1, 0)
    assert {row["job_id"]: (row["action"], row["status"]) for row in shown["results"]} == {
        first: ("retry", "would_apply"),
        second: ("retry", "would_apply"),
        bad: ("fail", "would_apply"),
    }
    assert shown["proposal_id"] and shown["expires_at"]
    assert f"torc failures approve {shown['proposal_id']}" in shown["next_steps"]
    assert {status(shared_client, job_id) for job_id in (first, second, bad)} == {JobStatus.PENDING_FAILED}


async def test_a_proposal_of_somebody_else_is_shown_but_not_applied(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (first, _, bad) = three_failures(shared_client)
    entries = [
        {"job_id": first, "action": "retry", "reason": "storage was down"},
        {"job_id": bad, "action": "fail", "reason": "wrong data"},
    ]
    async with agent(shared_client, mode=mode) as me:
        tool = "classify_and_resolve_failures"
        request = ClassifyRequest(
            classifications=[Classification.model_validate(entry) for entry in entries],
            actor=Actor(kind="person", name="ann"),
        )
        proposal_id = shared_client.failures.propose(workflow_id, request).id
        again = await me.ask(tool, workflow_id=workflow_id, proposal_id=proposal_id)
        assert (again["dry_run"], again["proposal_status"], again["jobs_to_retry"]) == (True, "open", 1)
        reply = await me.refused(tool, workflow_id=workflow_id, proposal_id=proposal_id, dry_run=False)
        assert f"torc failures approve {proposal_id}" in reply
    assert status(shared_client, first) is JobStatus.PENDING_FAILED


async def test_entries_are_applied_at_once_and_as_a_whole(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (first, _, bad) = three_failures(shared_client)
    entries = [
        {"job_id": first, "action": "retry", "reason": "storage was down"},
        {"job_id": bad, "action": "fail", "reason": "wrong data"},
    ]
    async with agent(shared_client, mode=mode) as me:
        applied = await me.ask(
            "classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries, dry_run=False
        )
    assert (applied["dry_run"], applied["jobs_to_retry"], applied["jobs_to_fail"]) == (False, 1, 1)
    assert {row["status"] for row in applied["results"]} == {"applied"}
    assert (status(shared_client, first), status(shared_client, bad)) == (JobStatus.READY, JobStatus.FAILED)


async def test_decisions_say_which_agent_made_them_for_whom(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (first, *_) = three_failures(shared_client)
    async with agent(shared_client, mode=mode) as me:
        entries = [{"job_id": first, "action": "fail", "reason": "hopeless"}]
        await me.ask("classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries, dry_run=False)
    (decision,) = shared_client.failures.decisions(workflow_id)
    actor = decision.actor
    assert (actor.kind, actor.name, actor.version, actor.user) == ("agent", "test-agent", "1.2", "tester")
    assert (decision.action, decision.reason) == ("fail", "hopeless")


async def test_the_environment_may_name_the_agent_but_not_make_it_a_person(shared_client: TorcClient) -> None:
    workflow_id, (first, *_) = three_failures(shared_client)
    async with agent(shared_client, settings=settings_of(shared_client, actor_name="night watch")) as me:
        entries = [{"job_id": first, "action": "fail", "reason": "hopeless"}]
        await me.ask("classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries, dry_run=False)
    (decision,) = shared_client.failures.decisions(workflow_id)
    assert (decision.actor.kind, decision.actor.name) == ("agent", "night watch")


async def test_jobs_that_moved_on_are_skipped_and_come_first(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (first, second, bad) = three_failures(shared_client)
    async with agent(shared_client, mode=mode) as me:
        tool = "classify_and_resolve_failures"
        gone = [{"job_id": bad, "action": "fail", "reason": "wrong data"}]
        await me.ask(tool, workflow_id=workflow_id, classifications=gone, dry_run=False)
        entries = [{"job_id": job_id, "action": "retry", "reason": "again"} for job_id in (first, second, bad)]
        applied = await me.ask(tool, workflow_id=workflow_id, classifications=entries, dry_run=False)
    assert (applied["jobs_to_retry"], applied["jobs_skipped"]) == (2, 1)
    skipped = applied["results"][0]
    assert (skipped["job_id"], skipped["status"]) == (bad, "skipped") and skipped["detail"]


async def test_more_memory_goes_to_the_retried_job_alone(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (hungry, other) = make_workflow(shared_client, [failing("hungry", OOM), failing("other", FORMAT)])
    async with agent(shared_client, mode=mode) as me:
        entries = [{"job_id": hungry, "action": "retry", "memory": "16g", "runtime": "PT4H", "reason": "oom"}]
        applied = await me.ask(
            "classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries, dry_run=False
        )
        (row,) = applied["results"]
        assert (row["old_memory"], row["memory"], row["runtime"]) == ("8g", "16g", "PT4H")
        needs = [(await me.ask("get_job_details", job_id=job))["resource_requirements"] for job in (hungry, other)]
    assert [need["memory"] for need in needs] == ["16g", "8g"]


async def test_bounds_of_this_server_hold(shared_client: TorcClient) -> None:
    workflow_id, (hungry, *_) = make_workflow(shared_client, [failing("hungry", OOM)])
    limits = DecisionLimits(max_ai_retries=0, max_memory="12g", max_runtime="PT2H")
    async with agent(shared_client, settings=settings_of(shared_client, limits=limits)) as me:
        entries = [{"job_id": hungry, "action": "retry", "reason": "again"}]
        shown = await me.ask("classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries)
        assert (shown["jobs_to_retry"], shown["jobs_skipped"]) == (1, 0)
        assert "it takes a person's approval" in shown["results"][0]["detail"]
        assert "12g" in await me.refused("update_job_resources", job_id=hungry, memory="13g")
        assert "PT2H" in await me.refused("update_job_resources", job_id=hungry, runtime="PT3H")


async def test_a_job_is_sent_back_only_so_often(shared_client: TorcClient) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("flaky", CONNECTION)])
    entries = [{"job_id": job_id, "action": "retry", "reason": "again"}]
    limits = DecisionLimits(max_ai_retries=2)
    async with agent(shared_client, settings=settings_of(shared_client, limits=limits)) as me:
        outcomes = []
        for _ in range(3):
            answer = await me.ask(
                "classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries, dry_run=False
            )
            outcomes.append(answer["results"][0]["status"])
            if outcomes[-1] == "applied":
                run_jobs(shared_client, workflow_id, {job_id: failing("flaky", CONNECTION)})
    assert outcomes == ["applied", "applied", "skipped"]
    assert status(shared_client, job_id) is JobStatus.PENDING_FAILED


async def test_where_only_proposals_are_taken_nothing_is_applied(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (first, *_) = three_failures(shared_client)
    entries = [{"job_id": first, "action": "fail", "reason": "hopeless"}]
    async with agent(shared_client, mode=mode, access=Access.PROPOSE) as me:
        tool = "classify_and_resolve_failures"
        shown = await me.ask(tool, workflow_id=workflow_id, classifications=entries, dry_run=False)
        assert shown["dry_run"] and "torc failures approve" in shown["next_steps"]
        still = await me.ask(tool, workflow_id=workflow_id, proposal_id=shown["proposal_id"], dry_run=False)
        assert still["dry_run"] and still["proposal_status"] == "open"
    assert status(shared_client, first) is JobStatus.PENDING_FAILED


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "either classifications or proposal_id"),
        ({"classifications": [{"job_id": 1, "action": "retry", "reason": "x"}], "proposal_id": 1}, "either"),
        ({"classifications": [{"job_id": 1, "action": "delete", "reason": "x"}]}, "action"),
        ({"classifications": [{"job_id": 1, "action": "retry"}]}, "reason"),
        ({"classifications": [{"action": "retry", "reason": "x"}]}, "either job_id"),
        (
            {"classifications": [{"job_id": 1, "signature": "a", "action": "fail", "reason": "x"}]},
            "job_id or signature",
        ),
        ({"classifications": [{"job_id": 1, "action": "fail", "reason": "x", "memory": "8g"}]}, "retry only"),
        ({"classifications": [{"job_id": 1, "action": "fail", "reason": "x", "shell": "rm"}]}, "shell"),
        ({"classifications": []}, "classifications"),
        ({"proposal_id": 424242}, "424242"),
    ],
)
async def test_bad_entries_are_refused_with_the_reason(
    shared_client: TorcClient, mode: str, arguments: dict[str, object], words: str
) -> None:
    workflow_id, _ = make_workflow(shared_client, [failing("bad", FORMAT)])
    async with agent(shared_client, mode=mode) as me:
        assert words in await me.refused("classify_and_resolve_failures", workflow_id=workflow_id, **arguments)


async def test_jobs_and_proposals_of_other_workflows_are_out_of_reach(shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, [failing("bad", FORMAT)])
    other_id, (foreign,) = make_workflow(shared_client, [failing("foreign", FORMAT)])
    async with agent(shared_client) as me:
        tool = "classify_and_resolve_failures"
        entries = [{"job_id": foreign, "action": "fail", "reason": "x"}]
        result = await me.call(tool, workflow_id=workflow_id, classifications=entries, dry_run=False)
        assert result.is_error or json.dumps(result.structured_content).count('"skipped"')
        proposal_id = (await me.ask(tool, workflow_id=other_id, classifications=entries))["proposal_id"]
        reply = await me.refused(tool, workflow_id=workflow_id, proposal_id=proposal_id, dry_run=False)
        assert f"of workflow {other_id}" in reply
    assert status(shared_client, foreign) is JobStatus.PENDING_FAILED


async def test_the_resources_of_one_job_are_previewed_and_then_changed(shared_client: TorcClient, mode: str) -> None:
    _, (one, other) = make_workflow(shared_client, [failing("one", OOM), failing("other", OOM)])
    async with agent(shared_client, mode=mode) as me:
        shown = await me.ask("update_job_resources", job_id=one, memory="16g", num_cpus=4)
        assert (shown["dry_run"], shown["before"]["memory"], shown["after"]["memory"]) == (True, "8g", "16g")
        assert "resource_requirements_id" not in shown
        details = [await me.ask("get_job_details", job_id=job) for job in (one, other)]
        assert details[0]["resource_requirements"] == details[1]["resource_requirements"]
        await me.ask("update_job_resources", job_id=one, memory="16g", num_cpus=4, dry_run=False)
        mine, theirs = [(await me.ask("get_job_details", job_id=job))["resource_requirements"] for job in (one, other)]
        assert (mine["memory"], mine["num_cpus"], mine["runtime"]) == ("16g", 4, "PT1H")
        assert (theirs["memory"], theirs["num_cpus"]) == ("8g", 2)
        assert "8 gigs" in await me.refused("update_job_resources", job_id=one, memory="8 gigs")
        assert "nothing is to be changed" in await me.refused("update_job_resources", job_id=one)


async def test_a_job_without_stated_limits_gets_only_the_one_that_is_given(shared_client: TorcClient) -> None:
    _, (job_id,) = make_workflow(shared_client, [failing("bare", OOM)], requirement=False)
    async with agent(shared_client) as me:
        await me.ask("update_job_resources", job_id=job_id, memory="3g", dry_run=False)
        needs = (await me.ask("get_job_details", job_id=job_id))["resource_requirements"]
    assert (needs["name"], needs["memory"], needs["runtime"]) == ("default_mem3g", "3g", "PT0S")
