"""What is known of failures arrives complete, in few requests."""

import pytest
from recovery_scenes import (
    BROKEN,
    LOST,
    MIB,
    OOM,
    TIMEOUT,
    claim_all,
    end,
    fail_all,
    job,
    leave,
    make_scene,
    statuses,
)

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.attempt_facts import completed_attempts, failed_attempts, failed_attempts_of_run
from torc_client.recovery.recover import RecoveryTools, carry_out, prepare
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.evidence.attempt import AttemptFacts, Cause
from torc_core.jobs.status import JobStatus
from torc_core.recovery.diagnosis import diagnose
from torc_core.recovery.plan import RecoverOptions


def failures(client: TorcClient, workflow_id: int) -> dict[int, AttemptFacts]:
    return {facts.job_id: facts for facts in failed_attempts(client, workflow_id, Allocations())}


def recover(client: TorcClient, workflow_id: int, **options: object) -> None:
    tools = RecoveryTools(user="tester", say=lambda _: None)
    prospect = prepare(client, workflow_id, RecoverOptions.model_validate(options), tools)
    carry_out(client, prospect, tools)


def test_failed_terminated_and_waiting_jobs_are_gathered_with_their_evidence(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, ids = make_scene(client, *(job(name) for name in "abcd"), use_pending_failed=True)
    runner_id = claim_all(client, workflow_id)
    end(client, ids[0], OOM)
    end(client, ids[1], TIMEOUT)
    end(client, ids[2], BROKEN, status=JobStatus.TERMINATED)
    end(client, ids[3])
    leave(client, runner_id)
    found = failures(client, workflow_id)
    assert {job_id: facts.status for job_id, facts in found.items()} == {
        ids[0]: JobStatus.PENDING_FAILED,
        ids[1]: JobStatus.PENDING_FAILED,
        ids[2]: JobStatus.TERMINATED,
    }
    assert found[ids[0]].evidence == OOM
    assert found[ids[0]].requirement.memory_bytes == 8192 * MIB
    assert [diagnose(found[job_id]).cause for job_id in ids[:3]] == [Cause.OOM, Cause.TIMEOUT, Cause.RUNNER_LOST]


def test_recovery_leaves_alone_what_somebody_decided_to_fail(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (given_up, hungry) = make_scene(client, job("given_up"), job("hungry"), use_pending_failed=True)
    fail_all(client, workflow_id, {given_up: OOM, hungry: OOM})
    actor = Actor(kind="person", name="ann")
    entry = Classification(job_id=given_up, action="fail", reason="its input is wrong")
    client.failures.classify(workflow_id, ClassifyRequest(classifications=[entry], actor=actor))
    assert failures(client, workflow_id)[given_up].given_up == "decided to fail by ann: its input is wrong"
    recover(client, workflow_id, retry_unknown=True)
    assert statuses(client, workflow_id) == {"given_up": "failed", "hungry": "ready"}
    fail_all(client, workflow_id, {hungry: OOM})
    assert failures(client, workflow_id)[given_up].given_up is not None
    client.reset_jobs(workflow_id, [given_up], run_id=2)
    client.initialize_jobs(workflow_id)
    fail_all(client, workflow_id, {given_up: OOM})
    assert failures(client, workflow_id)[given_up].given_up is None


def test_what_an_agent_recovers_is_kept_as_its_decision(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (odd, hungry) = make_scene(client, job("odd"), job("hungry"), use_pending_failed=True)
    agent = Actor(kind="agent", name="helper")
    printed: list[str] = []
    tools = RecoveryTools(user="tester", say=printed.append, actor=agent, max_ai_retries=1)
    raised = OOM.model_copy(update={"memory_limit_bytes": 13 * 1024 * MIB, "peak_memory_bytes": 13 * 1025 * MIB})
    for retried, hungry_end in ((2, OOM), (1, raised)):
        fail_all(client, workflow_id, {odd: BROKEN, hungry: hungry_end})
        prospect = prepare(client, workflow_id, RecoverOptions(retry_unknown=True), tools)
        answer = carry_out(client, prospect, tools).answer
        assert answer.reset_count == retried
    why = "agents and rules sent it back once already, the limit is 1: a person has to decide"
    assert [(skipped.job_id, skipped.reason) for skipped in answer.skipped] == [(odd, why)]
    assert f"  1 job(s) not retried: {why}" in printed
    kept = [(d.job_id, d.run_id, d.actor.name, d.memory) for d in client.failures.decisions(workflow_id)]
    assert kept == [(odd, 1, "helper", None), (hungry, 1, "helper", "13g"), (hungry, 2, "helper", "20g")]


def test_earlier_failures_of_other_runs_are_the_history(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry, other) = make_scene(client, job("hungry"), job("other"))
    fail_all(client, workflow_id, {hungry: OOM, other: BROKEN})
    recover(client, workflow_id)
    fail_all(client, workflow_id, {hungry: LOST})
    found = failures(client, workflow_id)
    assert (found[hungry].run_id, found[hungry].return_code) == (2, -128)
    assert [(item.run_id, item.cause, item.memory_limit_bytes) for item in found[hungry].history] == [
        (1, Cause.OOM, 8192 * MIB)
    ]
    assert (found[other].run_id, found[other].history) == (1, ())


def test_a_failure_whose_result_was_deleted_is_an_unknown_one(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (first,) = make_scene(client, job("first"))
    fail_all(client, workflow_id, {first: OOM})
    client.results.delete_all(workflow_id)
    assert diagnose(failures(client, workflow_id)[first]).cause is Cause.UNKNOWN


def test_the_number_of_requests_does_not_grow_with_the_jobs(shared_client: TorcClient) -> None:
    client = shared_client
    small, ids = make_scene(client, *(job(f"s{n}") for n in range(3)))
    fail_all(client, small, dict.fromkeys(ids, BROKEN))
    large, ids = make_scene(client, *(job(f"l{n}") for n in range(60)))
    fail_all(client, large, dict.fromkeys(ids, BROKEN))
    assert _requests(client, small) == _requests(client, large) <= 8


def _requests(client: TorcClient, workflow_id: int) -> int:
    """How many requests one gathering takes."""
    with pytest.MonkeyPatch.context() as patch:
        seen: list[object] = []
        send = client.transport.request
        patch.setattr(client.transport, "request", lambda *args, **kwargs: seen.append(args) or send(*args, **kwargs))
        failed_attempts(client, workflow_id, Allocations())
    return len(seen)


def test_a_run_that_is_over_still_shows_its_failures(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry, steady) = make_scene(client, job("hungry"), job("steady"))
    fail_all(client, workflow_id, {hungry: OOM, steady: None})
    recover(client, workflow_id)
    fail_all(client, workflow_id, {hungry: None})
    assert failed_attempts(client, workflow_id, Allocations()) == []
    assert [facts.job_id for facts in failed_attempts_of_run(client, workflow_id, run_id=1)] == [hungry]
    assert {facts.job_id for facts in completed_attempts(client, workflow_id)} == {hungry, steady}
    assert [facts.job_id for facts in completed_attempts(client, workflow_id, run_id=2)] == [hungry]
