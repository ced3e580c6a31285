"""A recovery plan is carried out as a whole, for exactly its jobs and what depends on them."""

import threading
from collections.abc import Iterator

import pytest
from helpers import ServerProcess
from recovery_scenes import (
    BROKEN,
    LOST,
    OOM,
    TIMEOUT,
    claim_all,
    end,
    fail_all,
    job,
    make_scene,
    requirement_of,
    statuses,
)

from torc_client.http import TorcClient
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.api.recovery import ApplyRecoveryRequest, ApplyRecoveryResponse, PlannedRetry
from torc_core.errors import InvalidInputError, NotFoundError, StateConflictError, TorcError
from torc_core.jobs.status import JobStatus
from torc_server.db.engine import Database
from torc_server.db.unit_of_work import read_unit
from torc_server.invariants import check
from torc_server.settings import ServiceSettings


@pytest.fixture(autouse=True)
def nothing_is_broken(shared_server: ServerProcess) -> Iterator[None]:
    """After every test all that must hold in the database does."""
    yield
    database = Database(shared_server.database)
    with read_unit(database, ServiceSettings()) as unit:
        assert check(unit) == []
    database.close()


def request(*job_ids: int, run_id: int = 1, attempt_id: int = 1, **changes: object) -> ApplyRecoveryRequest:
    retries = [
        PlannedRetry.model_validate(
            {"job_id": job_id, "run_id": run_id, "attempt_id": attempt_id, "reason": "out of memory"} | changes
        )
        for job_id in job_ids
    ]
    return ApplyRecoveryRequest(run_id=run_id, retries=retries, requested_by="tester")


def test_only_the_failed_job_gets_more_and_its_sibling_keeps_its_own(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry, sibling) = make_scene(client, job("hungry"), job("sibling"))
    fail_all(client, workflow_id, {hungry: OOM, sibling: None})
    answer = client.failures.apply_recovery(workflow_id, request(hungry, memory="12g"))
    assert (answer.run_id, answer.reset_count, answer.dependents_reset, answer.ready_count) == (2, 1, 0, 1)
    assert requirement_of(client, hungry) == "large_mem12g 12g PT1H"
    assert requirement_of(client, sibling) == "large 8g PT1H"
    assert statuses(client, workflow_id) == {"hungry": "ready", "sibling": "completed"}
    assert client.workflow_status(workflow_id).run_id == 2


def test_jobs_that_go_to_the_same_amounts_share_one_clone(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, ids = make_scene(client, *(job(f"hungry_{n}") for n in range(3)))
    fail_all(client, workflow_id, dict.fromkeys(ids, OOM))
    client.failures.apply_recovery(workflow_id, request(*ids[:2], memory="12288m"))
    fail_all(client, workflow_id, dict.fromkeys(ids[:2], BROKEN))
    client.failures.apply_recovery(workflow_id, request(ids[2], run_id=2, memory="12g", attempt_id=1))
    names = [record.name for record in client.resource_requirements.list_all(workflow_id=workflow_id)]
    assert names.count("large_mem12g") == 1
    assert {requirement_of(client, job_id) for job_id in ids} == {"large_mem12g 12g PT1H"}


def test_a_name_that_stands_for_other_amounts_is_not_taken(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    large = client.resource_requirements.get(client.jobs.get(hungry).resource_requirements_id or 0)
    client.resource_requirements.create(large.model_copy(update={"id": None, "name": "large_mem12g", "num_cpus": 7}))
    fail_all(client, workflow_id, {hungry: OOM})
    client.failures.apply_recovery(workflow_id, request(hungry, memory="12g"))
    assert requirement_of(client, hungry) == "large_mem12g_2 12g PT1H"


def test_a_clone_of_the_unspecified_requirement_leaves_open_what_nobody_stated(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry", requirement=None))
    fail_all(client, workflow_id, {hungry: OOM})
    client.failures.apply_recovery(workflow_id, request(hungry, memory="3g"))
    assert requirement_of(client, hungry) == "default_mem3g 3g PT0S"


def test_what_depends_on_a_planned_job_begins_anew_and_other_failures_stay(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, ids = make_scene(
        client,
        job("hungry"),
        job("broken"),
        job("after_hungry", depends_on=[0]),
        job("after_both", depends_on=[0, 1]),
        job("after_all_the_same", depends_on=[2], strict=False),
        job("after_broken", depends_on=[1]),
    )
    fail_all(client, workflow_id, {ids[0]: OOM, ids[1]: BROKEN})
    fail_all(client, workflow_id, {ids[4]: None})
    answer = client.failures.apply_recovery(workflow_id, request(ids[0], memory="12g"))
    assert (answer.reset_count, answer.dependents_reset) == (1, 3)
    assert statuses(client, workflow_id) == {
        "hungry": "ready",
        "broken": "failed",
        "after_hungry": "blocked",
        "after_both": "canceled",
        "after_all_the_same": "blocked",
        "after_broken": "canceled",
    }


def test_a_job_lost_to_infrastructure_keeps_count_and_any_other_forgets(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (lost, hungry) = make_scene(client, job("lost"), job("hungry"))
    for run_id in (1, 2):
        fail_all(client, workflow_id, {lost: LOST, hungry: OOM})
        plan = request(lost, run_id=run_id, attempt_id=run_id, is_infrastructure_fault=True)
        plan.retries += request(hungry, run_id=run_id, memory="12g").retries
        client.failures.apply_recovery(workflow_id, plan)
    counted = [(record.infrastructure_faults, record.attempt_id) for record in map(client.jobs.get, (lost, hungry))]
    assert counted == [(2, 3), (0, 1)]


def test_pending_failed_jobs_are_recovered_too(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (late,) = make_scene(client, job("late"), use_pending_failed=True)
    fail_all(client, workflow_id, {late: TIMEOUT})
    assert statuses(client, workflow_id) == {"late": "pending_failed"}
    client.failures.apply_recovery(workflow_id, request(late, runtime="PT84M"))
    assert requirement_of(client, late) == "large_time1h24m 8g PT1H24M"


def test_a_job_that_moved_on_is_skipped(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (moved, hungry) = make_scene(client, job("moved"), job("hungry"))
    fail_all(client, workflow_id, {moved: OOM, hungry: OOM})
    client.retry_job(moved, run_id=1, max_retries=9)
    answer = client.failures.apply_recovery(workflow_id, request(moved, hungry, memory="12g"))
    assert (answer.reset_count, answer.skipped_job_ids) == (1, [moved])
    assert requirement_of(client, moved) == "large 8g PT1H"


def test_a_job_that_somebody_gave_up_since_the_plan_is_skipped_and_says_so(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (given_up, hungry) = make_scene(client, job("given_up"), job("hungry"), use_pending_failed=True)
    fail_all(client, workflow_id, {given_up: OOM, hungry: OOM})
    entry = Classification(job_id=given_up, action="fail", reason="bug")
    actor = Actor(kind="agent", name="helper")
    client.failures.classify(workflow_id, ClassifyRequest(classifications=[entry], actor=actor))
    with pytest.raises(StateConflictError, match=r"none of the 1 jobs .* decided to fail by helper: bug"):
        client.failures.apply_recovery(workflow_id, request(given_up, memory="12g"))
    answer = client.failures.apply_recovery(workflow_id, request(given_up, hungry, memory="12g"))
    assert answer.skipped_job_ids == [given_up]
    assert [each.reason for each in answer.skipped] == ["decided to fail by helper: bug"]
    assert statuses(client, workflow_id) == {"given_up": "failed", "hungry": "ready"}


def test_only_unknown_causes_count_against_an_agents_bound(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (lost,) = make_scene(client, job("lost"))
    agent = {"actor": Actor(kind="agent", name="helper"), "max_ai_retries": 1}

    def recover(run_id: int, **facts: object) -> ApplyRecoveryResponse:
        fail_all(client, workflow_id, {lost: LOST})
        attempt_id = client.jobs.get(lost).attempt_id or 0
        plan = request(lost, run_id=run_id, attempt_id=attempt_id, **facts)
        return client.failures.apply_recovery(workflow_id, plan.model_copy(update=agent))

    for run_id in (1, 2):
        recover(run_id, cause="node_failure", is_infrastructure_fault=True)
    recover(3, cause="unknown")
    with pytest.raises(StateConflictError, match="a person has to decide"):
        recover(4)
    decisions = client.failures.decisions(workflow_id)
    assert [(each.run_id, each.actor.kind, each.outcome) for each in decisions] == [
        (run_id, "agent", "failed_again") for run_id in (1, 2, 3)
    ]


def test_nothing_happens_while_a_job_is_claimed(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry, claimed) = make_scene(client, job("hungry"), job("claimed"))
    claim_all(client, workflow_id)
    end(client, hungry, OOM)
    with pytest.raises(StateConflictError, match="pending or running"):
        client.failures.apply_recovery(workflow_id, request(hungry, memory="12g"))
    assert client.workflow_status(workflow_id).run_id == 1
    assert client.jobs.get(claimed).status is JobStatus.RUNNING


def test_of_two_recoveries_at_once_one_learns_that_the_other_was_faster(shared_server: ServerProcess) -> None:
    with shared_server.client() as client:
        workflow_id, ids = make_scene(client, *(job(f"hungry_{n}") for n in range(50)))
        fail_all(client, workflow_id, dict.fromkeys(ids, OOM))
    answers: list[ApplyRecoveryResponse | TorcError] = []

    def recover() -> None:
        with shared_server.client() as own:
            try:
                answers.append(own.failures.apply_recovery(workflow_id, request(*ids, memory="12g")))
            except TorcError as error:
                answers.append(error)

    threads = [threading.Thread(target=recover) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [answer for answer in answers if isinstance(answer, StateConflictError)]
    assert len(errors) == 1
    assert "another recovery" in str(errors[0].hint)


def test_a_recovery_whose_answer_was_lost_gets_it_again_and_another_one_is_refused(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    keyed = request(hungry, memory="12g").model_copy(update={"key": "one"})
    first = client.failures.apply_recovery(workflow_id, keyed)
    assert client.failures.apply_recovery(workflow_id, keyed) == first
    assert client.workflow_status(workflow_id).run_id == 2
    with pytest.raises(StateConflictError, match="planned for run 1"):
        client.failures.apply_recovery(workflow_id, keyed.model_copy(update={"key": "two"}))


@pytest.mark.parametrize("amount", [{"memory": "12 apples"}, {"runtime": "soon"}])
def test_an_amount_that_is_none_changes_nothing(shared_client: TorcClient, amount: dict[str, str]) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    with pytest.raises(InvalidInputError):
        client.failures.apply_recovery(workflow_id, request(hungry, **amount))
    assert client.workflow_status(workflow_id).run_id == 1


def test_a_job_of_another_workflow_is_refused(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("here"))
    _, (foreign,) = make_scene(shared_client, job("there"))
    with pytest.raises(InvalidInputError, match=f"job {foreign} is of workflow"):
        shared_client.failures.apply_recovery(workflow_id, request(foreign))


def test_an_unknown_workflow_is_not_found(shared_client: TorcClient) -> None:
    with pytest.raises(NotFoundError):
        shared_client.failures.apply_recovery(10**9, request(1))


def test_the_recovery_is_recorded_with_its_reasons(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, ids = make_scene(client, job("hungry"), job("hungry_too"))
    fail_all(client, workflow_id, dict.fromkeys(ids, OOM))
    client.failures.apply_recovery(workflow_id, request(*ids, memory="12g"))
    event = client.events.list_all(workflow_id=workflow_id, category="user_action")[-1].data
    assert event["action"] == "apply_recovery"
    assert event["user"] == "tester"
    assert event["changes"] == [{"reason": "out of memory", "memory": "12g", "runtime": None, "job_ids": ids}]


def test_evidence_comes_in_bulk_for_the_failed_jobs_of_now(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry, broken, mended) = make_scene(client, job("hungry"), job("broken"), job("mended"))
    fail_all(client, workflow_id, {hungry: OOM, broken: BROKEN, mended: OOM})
    client.failures.apply_recovery(workflow_id, request(hungry, mended, memory="12g"))
    fail_all(client, workflow_id, {hungry: OOM, mended: None})
    failed = [JobStatus.FAILED]
    latest = list(client.failures.workflow_evidence(workflow_id, statuses=failed, page_size=1))
    assert [(item.job_id, item.run_id) for item in latest] == [(hungry, 2), (broken, 1)]
    assert latest[1].evidence.stderr_tail == BROKEN.stderr_tail
    bare = list(client.failures.workflow_evidence(workflow_id, statuses=failed, only_latest=False, with_texts=False))
    assert [(item.job_id, item.run_id) for item in bare] == [(hungry, 1), (hungry, 2), (broken, 1)]
    assert bare[2].evidence.stderr_tail == ""
    assert bare[0].evidence.verdict == "oom"
