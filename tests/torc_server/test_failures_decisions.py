"""Decisions: what they do to jobs and to nothing else, their bounds, and their outcomes."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import Run, job
from triage import (
    AGENT,
    BUG,
    PERSON,
    REFUSED,
    alike,
    decide,
    entry_for,
    evidence,
    fail,
    failed_run,
    group_of,
    groups,
    kept,
    next_run,
    request,
)

from torc_core.api.failures import Actor, ClassifyResponse, DecisionLimits, RejectRequest, UndoRequest, UndoResponse
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import ForbiddenError, InvalidInputError, NotFoundError, StateConflictError
from torc_core.jobs.status import JobStatus
from torc_server.services.records.compute_nodes import SLURM_SCHEDULERS
from torc_server.services.records.resource_requirements import REQUIREMENTS
from torc_server.services.records.workflows import archive_workflow, get_workflow, update_workflow
from torc_server.services.runs.reset import cancel_workflow, reset_job_status, reset_workflow_status
from torc_server.services.triage import decide as decisions
from torc_server.services.triage.undo import undo

RULES = Actor(kind="rules", name="signatures")


def _amounts(run: Run, name: str) -> tuple[str, str, str]:
    """Name, memory and runtime of the job's requirement."""
    requirement_id = run.job(name).resource_requirements_id
    assert requirement_id is not None
    record = run.bench.read(REQUIREMENTS.get, requirement_id)
    return record.name, record.memory, record.runtime


def _details(answer: ClassifyResponse) -> list[tuple[str, str | None]]:
    return [(item.status, item.detail) for item in answer.jobs]


def test_retry_sends_the_job_back_with_its_next_attempt_in_the_same_run(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    answer = decide(run, entry_for(run, "a", "retry"))
    assert (answer.jobs_to_retry, answer.jobs_to_fail, answer.jobs_skipped) == (1, 0, 0)
    assert (run.status("a"), run.job("a").attempt_id) == (JobStatus.READY, 2)
    run.begin("a")
    run.end("a")
    assert run.results("a") == [(1, 1, "failed", 1), (1, 2, "completed", 0)]


def test_fail_ends_the_job_and_cancels_what_depends_on_it_at_once(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": BUG}, job("b", 0), job("c", 1), job("d", 0, cancel_on_blocking_job_failure=False))
    assert run.status("b") is JobStatus.BLOCKED
    decide(run, entry_for(run, "a", "fail"))
    assert run.statuses() == {"a": "failed", "b": "canceled", "c": "canceled", "d": "ready"}


def test_one_call_decides_a_signature_and_single_jobs(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": BUG})
    answer = decide(run, alike(run, "a", "retry"), entry_for(run, "c", "fail"))
    assert (answer.jobs_to_retry, answer.jobs_to_fail) == (2, 1)
    assert run.statuses() == {"a": "ready", "b": "ready", "c": "failed"}
    assert groups(run).total_jobs == 0


def test_who_waits_for_jobs_is_woken_and_who_watches_is_notified(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    run.bench.announced.clear()
    run.bench.touched.clear()
    decide(run, entry_for(run, "a", "retry"), entry_for(run, "b", "fail"))
    assert run.bench.touched == {run.workflow_id}
    announced = {(event.event_type, event.data.get("job_id")) for event in run.bench.announced}
    assert {("job_ready", run.id("a")), ("job_failed", run.id("b")), ("failures_decided", None)} <= announced


def test_more_memory_is_for_the_decided_jobs_only(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": BUG})
    answer = decide(run, alike(run, "a", "retry", memory="4g", runtime="PT4H"))
    assert [(item.old_memory, item.memory, item.old_runtime, item.runtime) for item in answer.jobs] == [
        ("1g", "4g", "PT1H", "PT4H")
    ] * 2
    assert _amounts(run, "a") == ("small_mem4g_time4h", "4g", "PT4H")
    assert run.job("a").resource_requirements_id == run.job("b").resource_requirements_id
    assert _amounts(run, "c") == ("small", "1g", "PT1H")


def test_the_default_requirement_is_not_changed_for_everybody(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a"), job("b"))
    before = _amounts(run, "b")
    run.begin("a")
    fail(run, "a", REFUSED)
    decide(run, entry_for(run, "a", "retry", memory="2g"))
    assert _amounts(run, "a")[:2] == ("default_mem2g", "2g")
    assert _amounts(run, "b") == before


def test_an_agent_may_not_lower_memory_and_a_person_may(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    refused = decide(run, entry_for(run, "a", "retry", memory="512m"), actor=AGENT)
    assert _details(refused) == [("skipped", "512m is less memory than its present 1g")]
    assert run.status("a") is JobStatus.PENDING_FAILED
    allowed = decide(run, entry_for(run, "a", "retry", memory="512m"))
    assert _details(allowed) == [("applied", "512m is less memory than its present 1g")]
    assert _amounts(run, "a")[1] == "512m"


def test_amounts_are_cut_to_the_limits_of_the_request(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    limits = DecisionLimits(max_memory="3g", max_runtime="PT1H")
    answer = decide(
        run, entry_for(run, "a", "retry", memory="64g"), entry_for(run, "b", "retry", runtime="PT9H"), limits=limits
    )
    assert _details(answer) == [
        ("applied", "memory 64g was cut to 3g, the limit of this decision"),
        ("skipped", "its runtime PT1H cannot be raised: it may get PT1H at most, the limit of this decision"),
    ]
    assert _amounts(run, "a")[1] == "3g"


@pytest.mark.parametrize("actor", [PERSON, AGENT, RULES])
def test_nobody_gives_a_job_more_than_four_times_its_request(tmp_path: Path, actor: Actor) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    [(status, why)] = _details(decide(run, entry_for(run, "a", "retry", memory="10t", runtime="P365D"), actor=actor))
    assert status == "applied"
    assert "memory 10t was cut to 4g, 4 times its request or what it used" in (why or "")
    assert _amounts(run, "a")[1:] == ("4g", "PT4H")


def test_what_a_job_used_counts_where_it_is_more_than_its_request(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a", resource_requirements=0))
    run.begin("a")
    fail(run, "a", REFUSED, result_peak_memory_bytes=3 << 30)
    decide(run, entry_for(run, "a", "retry", memory="64g"))
    assert _amounts(run, "a")[1] == "12g"


def test_nobody_gives_a_job_more_than_the_largest_runner_has(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a", resource_requirements=0))
    run.begin("a")
    fail(run, "a", REFUSED, result_peak_memory_bytes=8 << 30)
    [(_, why)] = _details(decide(run, entry_for(run, "a", "retry", memory="64g")))
    assert why == "memory 64g was cut to 16g, what the largest runner of the workflow has"
    assert _amounts(run, "a")[1] == "16g"


def test_the_server_states_how_much_more_a_decision_may_give(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED}, max_raise=2.0)
    decide(run, entry_for(run, "a", "retry", memory="64g"))
    assert _amounts(run, "a")[1] == "2g"


@pytest.mark.parametrize(("own", "expected"), [(1.5, "1536m"), (10.0, "2g")])
def test_a_workflow_may_allow_less_than_the_server_and_not_more(tmp_path: Path, own: float, expected: str) -> None:
    run = failed_run(tmp_path, {"a": REFUSED}, max_raise=2.0)
    workflow = run.bench.read(get_workflow, run.workflow_id)
    run.bench.write(update_workflow, run.workflow_id, workflow.model_copy(update={"max_raise": own}))
    decide(run, entry_for(run, "a", "retry", memory="64g"))
    assert _amounts(run, "a")[1] == expected


def test_amounts_are_cut_to_what_the_allocation_has_also_for_a_person(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    slurm = SlurmSchedulerModel(workflow_id=run.workflow_id, account="x", nodes=1, walltime="03:00:00", mem="3G")
    run.bench.write(SLURM_SCHEDULERS.create, slurm)
    decide(run, entry_for(run, "a", "retry", memory="64g", runtime="P2D"))
    assert _amounts(run, "a")[1:] == ("3g", "PT3H")


@pytest.mark.parametrize("actor", [AGENT, RULES])
def test_agents_and_rules_send_a_job_back_a_bounded_number_of_times(tmp_path: Path, actor: Actor) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    for _ in range(3):
        assert decide(run, entry_for(run, "a", "retry"), actor=actor).jobs_to_retry == 1
        run.begin("a")
        fail(run, "a", REFUSED)
    [(status, why)] = _details(decide(run, entry_for(run, "a", "retry"), actor=actor))
    assert status == "skipped"
    assert "a person has to decide" in (why or "")
    assert decide(run, entry_for(run, "a", "retry")).jobs_to_retry == 1


def test_the_bound_of_the_request_holds_instead(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    limits = DecisionLimits(max_ai_retries=0)
    assert decide(run, entry_for(run, "a", "retry"), actor=AGENT, limits=limits).jobs_skipped == 1
    assert decide(run, entry_for(run, "a", "fail"), actor=AGENT, limits=limits).jobs_to_fail == 1


def test_jobs_that_do_not_wait_for_a_decision_are_skipped_with_the_reason(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED}, job("b"))
    other = run.bench.workflow([job("x")])
    answer = decide(run, entry_for(run, "a", "retry"), entry_for(run, "b", "retry"), entry_for(other, "x", "fail"))
    assert _details(answer) == [
        ("applied", None),
        ("skipped", "it is pending, not pending_failed"),
        ("skipped", f"it is of workflow {other.workflow_id}"),
    ]
    assert other.status("x") is JobStatus.READY


def test_a_job_named_twice_is_refused_by_its_id_and_nothing_happens(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    with pytest.raises(InvalidInputError, match=f"job {run.id('b')} is named more than once"):
        decide(run, alike(run, "a", "retry"), entry_for(run, "b", "fail"))
    assert set(run.statuses().values()) == {"pending_failed"}


@pytest.mark.parametrize(
    ("amounts", "place"),
    [
        ({"memory": "lots"}, "lots"),
        ({"memory": "0"}, "classifications.1.memory"),
        ({"runtime": "4 hours"}, "4 hours"),
        ({"runtime": "PT0S"}, "classifications.1.runtime"),
    ],
)
def test_a_wrong_amount_is_refused_before_anything_happens(tmp_path: Path, amounts: dict[str, str], place: str) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    with pytest.raises(InvalidInputError, match=place):
        decide(run, entry_for(run, "a", "retry"), entry_for(run, "b", "retry", **amounts))
    assert set(run.statuses().values()) == {"pending_failed"}
    assert kept(run) == []


def test_unknown_jobs_and_signatures_are_named(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    with pytest.raises(NotFoundError, match="no job 99999"):
        decide(run, entry_for(run, "a", "retry").model_copy(update={"job_id": 99_999}))
    with pytest.raises(NotFoundError, match="abcdef"):
        decide(run, entry_for(run, "a", "retry").model_copy(update={"job_id": None, "signature": "abcdef"}))


def test_an_archived_workflow_is_left_alone(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    run.bench.write(archive_workflow, run.workflow_id, is_archived=True)
    with pytest.raises(StateConflictError, match="archived"):
        decide(run, entry_for(run, "a", "retry"))


def test_a_preview_says_what_would_be_done_and_stores_nothing(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    answer = run.bench.read(decisions.preview, run.workflow_id, request(entry_for(run, "a", "retry", memory="2g")))
    assert [(item.status, item.memory) for item in answer.jobs] == [("would_apply", "2g")]
    assert run.status("a") is JobStatus.PENDING_FAILED
    assert kept(run) == []


def test_a_decision_keeps_who_why_and_what(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    run.bench.clock.go_on(hours=1)
    decide(
        run,
        entry_for(run, "a", "retry", reason="the server printed password=hunter2secret99", memory="2g"),
        actor=AGENT,
    )
    [decision] = kept(run)
    assert decision.actor == AGENT
    assert decision.approved_by is None
    assert decision.reason == "the server printed password=[redacted]"
    assert (decision.run_id, decision.attempt_id, decision.action, decision.memory) == (1, 1, "retry", "2g")
    assert decision.decided_at == "2026-01-01T01:00:00.000Z"
    assert decision.signature is not None
    assert kept(run, "a") == [decision]


def test_the_outcome_of_a_retry_follows_its_attempt(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": REFUSED, "d": REFUSED})
    decide(run, *(entry_for(run, name, "retry") for name in "abc"), entry_for(run, "d", "fail"))
    assert [decision.outcome for decision in kept(run)] == ["open", "open", "open", "not_run"]
    run.begin("a", "b", "c")
    assert kept(run, "a")[0].outcome == "open"
    run.end("a")
    run.end("b", JobStatus.FAILED, evidence=evidence(REFUSED))
    run.bench.write(cancel_workflow, run.workflow_id)
    assert [decision.outcome for decision in kept(run)] == ["succeeded", "failed_again", "not_run", "not_run"]


def test_a_retry_that_a_reset_came_before_never_ran(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    decide(run, entry_for(run, "a", "retry"))
    run.bench.write(reset_job_status, run.workflow_id)
    run.bench.write(reset_workflow_status, run.workflow_id)
    assert [decision.outcome for decision in kept(run)] == ["not_run"]


def test_the_outcome_is_that_of_the_next_attempt_that_ran_whatever_its_run(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    decide(run, entry_for(run, "a", "retry"), entry_for(run, "b", "retry"))
    next_run(run)
    assert [decision.outcome for decision in kept(run)] == ["open", "open"]
    run.begin("a", "b")
    run.end("a")
    fail(run, "b", REFUSED)
    assert run.results("a")[-1][:2] == (2, 1)
    assert [decision.outcome for decision in kept(run)] == ["succeeded", "failed_again"]
    record = group_of(run, "b").record
    assert (record.retries_succeeded, record.retries_failed_again) == (1, 1)


def test_the_bound_counts_over_all_runs_until_a_person_decides(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    limits = DecisionLimits(max_ai_retries=1)

    def ask() -> ClassifyResponse:
        return decide(run, entry_for(run, "a", "retry"), actor=AGENT, limits=limits)

    def fail_again() -> None:
        run.begin("a")
        fail(run, "a", REFUSED)

    assert ask().jobs_to_retry == 1
    next_run(run)
    fail_again()
    assert _details(ask()) == [
        ("skipped", "agents and rules sent it back once already, the limit is 1: a person has to decide")
    ]
    decide(run, entry_for(run, "a", "retry"))
    fail_again()
    assert ask().jobs_to_retry == 1


def test_a_person_decides_as_often_as_needed(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    for _ in range(5):
        assert decide(run, entry_for(run, "a", "retry"), actor=PERSON).jobs_to_retry == 1
        run.begin("a")
        fail(run, "a", REFUSED)
    assert len(kept(run, "a")) == 5


def test_a_reason_must_say_something(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    with pytest.raises(ValueError, match="a reason that says something"):
        entry_for(run, "a", "retry", reason=" \n\t")
    with pytest.raises(ValueError, match="a reason that says something"):
        RejectRequest(actor=PERSON, reason="  ")


def _undo(run: Run, actor: Actor = PERSON, **options: Any) -> UndoResponse:
    return run.bench.write(undo, run.workflow_id, UndoRequest(actor=actor, **options))


def test_an_undone_retry_waits_for_a_decision_again_as_it_was(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    before = run.job("a")
    decide(run, entry_for(run, "a", "retry", memory="2g"), entry_for(run, "b", "fail"))
    answer = _undo(run, job_ids=[run.id("a")])
    assert (answer.undone, answer.skipped) == (1, 0)
    now = run.job("a")
    assert (now.status, now.attempt_id) == (JobStatus.PENDING_FAILED, before.attempt_id)
    assert now.resource_requirements_id == before.resource_requirements_id
    assert run.status("b") is JobStatus.FAILED
    [undone, standing] = kept(run)
    assert (undone.outcome, undone.undone_by.name if undone.undone_by else None) == ("undone", PERSON.name)
    assert standing.outcome == "not_run"


def test_an_undone_failure_reopens_what_it_canceled(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": BUG}, job("b", 0), job("c", 1))
    decide(run, entry_for(run, "a", "fail"))
    assert run.statuses() == {"a": "failed", "b": "canceled", "c": "canceled"}
    _undo(run)
    assert run.statuses() == {"a": "pending_failed", "b": "blocked", "c": "blocked"}
    decide(run, entry_for(run, "a", "retry"))
    for name in "abc":
        run.begin(name)
        run.end(name)
    assert set(run.statuses().values()) == {"completed"}


def test_a_retry_that_was_claimed_is_not_undone(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    decide(run, entry_for(run, "a", "retry"))
    run.begin("a")
    answer = _undo(run)
    assert (answer.undone, answer.jobs[0].detail) == (0, "a runner claimed its next attempt: it is running")
    run.end("a")
    assert _undo(run).undone == 0
    assert run.status("a") is JobStatus.COMPLETED


def test_a_failure_is_not_undone_once_a_dependent_began(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": BUG}, job("b", 0, cancel_on_blocking_job_failure=False))
    decide(run, entry_for(run, "a", "fail"))
    run.begin("b")
    assert _undo(run).jobs[0].detail == "a job that depends on it was claimed since"
    assert run.status("a") is JobStatus.FAILED


def test_an_undone_decision_counts_for_no_bound_and_for_no_record(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    for _ in range(4):
        assert decide(run, entry_for(run, "a", "retry"), actor=AGENT).jobs_to_retry == 1
        assert _undo(run).undone == 1
    assert group_of(run, "a").record.retried == 0


@pytest.mark.parametrize("actor", [AGENT, RULES])
def test_only_people_undo(tmp_path: Path, actor: Actor) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    decide(run, entry_for(run, "a", "retry"))
    with pytest.raises(ForbiddenError):
        _undo(run, actor=actor)
    with pytest.raises(NotFoundError):
        _undo(run, job_ids=[])
