"""Jobs that wait get more than their requirement says; those that were started do not."""

import pytest
from recovery_scenes import BROKEN, OOM, claim_all, end, fail_all, job, make_scene, requirement_of

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.foresight import Foresight
from torc_client.recovery.recover import RecoveryTools, carry_out, prepare, preview
from torc_core.api.recovery import PlannedRaise, RaiseWaitingRequest
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.hints import Line
from torc_core.recovery.plan import RecoverOptions


def _request(client: TorcClient, job_ids: list[int], *, run_id: int = 1, **changes: str) -> RaiseWaitingRequest:
    requirement = client.jobs.get(job_ids[0]).resource_requirements_id or 0
    planned = {"memory": "12g", "reason": "siblings ran out", **changes}
    raised = PlannedRaise(job_ids=job_ids, resource_requirements_id=requirement, **planned)
    return RaiseWaitingRequest(run_id=run_id, raises=[raised], requested_by="tester")


def test_jobs_that_wait_get_more_while_others_run(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (first, second, later) = make_scene(
        client, job("first"), job("second"), job("later", depends_on=[0, 1])
    )
    claim_all(client, workflow_id)
    answer = client.failures.raise_waiting(workflow_id, _request(client, [first, second, later]))
    assert (answer.raised, answer.skipped_job_ids) == (1, [first, second])
    assert requirement_of(client, later) == "large_mem12g 12g PT1H"
    assert requirement_of(client, first) == "large 8g PT1H"


@pytest.mark.parametrize("memory", ["8g", "4g"])
def test_nothing_is_lowered(shared_client: TorcClient, memory: str) -> None:
    workflow_id, (one,) = make_scene(shared_client, job("one"))
    answer = shared_client.failures.raise_waiting(workflow_id, _request(shared_client, [one], memory=memory))
    assert answer.raised == 0
    assert requirement_of(shared_client, one) == "large 8g PT1H"


def test_a_job_of_another_workflow_is_left_alone(shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("one"))
    _, (other,) = make_scene(shared_client, job("other"))
    answer = shared_client.failures.raise_waiting(workflow_id, _request(shared_client, [other]))
    assert (answer.raised, answer.skipped_job_ids) == (0, [other])


def test_raises_for_another_run_or_without_an_amount_change_nothing(shared_client: TorcClient) -> None:
    workflow_id, (one,) = make_scene(shared_client, job("one"))
    with pytest.raises(StateConflictError, match="planned for run 2"):
        shared_client.failures.raise_waiting(workflow_id, _request(shared_client, [one], run_id=2))
    planned = _request(shared_client, [one])
    planned.raises[0].memory = None
    with pytest.raises(InvalidInputError, match="neither memory nor runtime"):
        shared_client.failures.raise_waiting(workflow_id, planned)
    assert requirement_of(shared_client, one) == "large 8g PT1H"


def test_a_foresight_raises_what_waits_once_most_started_siblings_lacked_memory(shared_client: TorcClient) -> None:
    client, lines = shared_client, list[Line]()
    jobs = [job(f"train_{n}") for n in range(4)] + [job(f"train_{n}", depends_on=[3]) for n in (4, 5)]
    workflow_id, ids = make_scene(client, *jobs)
    claim_all(client, workflow_id)
    foresight = Foresight(
        client=client, options=RecoverOptions(), allocations=Allocations(), user="tester", say=lines.append
    )
    end(client, ids[0], OOM)
    end(client, ids[1], OOM)
    assert foresight.look(client.workflow_status(workflow_id)) == 0
    end(client, ids[2], OOM)
    assert foresight.look(client.workflow_status(workflow_id)) == 2
    assert [requirement_of(client, each) for each in ids[4:]] == ["large_mem13g 13g PT1H"] * 2
    assert lines == [
        "  2 waiting jobs like train_#: raising memory to 13g (3 of 4 started siblings ran out of memory with 8g)"
    ]
    assert foresight.look(client.workflow_status(workflow_id)) == 0


def test_a_recovery_raises_what_waits_only_where_it_is_asked_to_look_ahead(shared_client: TorcClient) -> None:
    client = shared_client
    jobs = [job(f"train_{n}") for n in range(3)] + [job("gate", requirement=None), job("train_9", depends_on=[3])]
    workflow_id, ids = make_scene(client, *jobs)
    fail_all(client, workflow_id, {**dict.fromkeys(ids[:3], OOM), ids[3]: OOM})
    tools = RecoveryTools(user="tester", say=lambda _: None)
    assert preview(client, workflow_id, RecoverOptions(), tools.allocations).foreseen == ()
    assert preview(client, workflow_id, RecoverOptions(foresight=True), tools.allocations).foreseen == ()
    relaxed = [job(f"train_{n}") for n in range(3)]
    gate = job("gate", requirement=None)
    behind = job("train_9", depends_on=[3], strict=False)
    workflow_id, ids = make_scene(client, *relaxed, gate, behind, use_pending_failed=True)
    fail_all(client, workflow_id, {**dict.fromkeys(ids[:3], OOM), ids[3]: BROKEN})
    planned = prepare(client, workflow_id, RecoverOptions(foresight=True), tools)
    carry_out(client, planned, tools)
    assert requirement_of(client, ids[4]) == requirement_of(client, ids[0])
