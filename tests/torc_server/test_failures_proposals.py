"""Proposals: stored without effect, bound to attempts, applied once by somebody who may."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import Run, job
from triage import AGENT, BUG, PERSON, REFUSED, STRANGE, alike, decide, entry_for, fail, failed_run, kept, request

from torc_core.api.failures import (
    Actor,
    ApproveRequest,
    Classification,
    ClassifyRequest,
    ClassifyResponse,
    DecisionLimits,
    ProposalModel,
    RejectRequest,
)
from torc_core.errors import ForbiddenError, InvalidInputError, NotFoundError, StateConflictError
from torc_core.jobs.status import JobStatus
from torc_server.services.jobs.job_records import delete_job
from torc_server.services.records.paging import PageRequest
from torc_server.services.runs.reset import reset_workflow_status
from torc_server.services.triage import proposals


def _propose(run: Run, *classifications: Classification, **options: Any) -> ProposalModel:
    wanted = request(*classifications, **{"actor": AGENT, **options})
    return run.bench.write(proposals.propose, run.workflow_id, wanted)


def _approve(run: Run, proposal_id: int, actor: Actor = PERSON, **options: Any) -> ClassifyResponse:
    return run.bench.write(proposals.approve, proposal_id, ApproveRequest(actor=actor, **options))


def _reject(run: Run, proposal_id: int) -> ProposalModel:
    return run.bench.write(proposals.reject, proposal_id, RejectRequest(actor=PERSON, reason="not so"))


def _get(run: Run, proposal_id: int) -> ProposalModel:
    return run.bench.read(proposals.get_proposal, proposal_id)


def test_a_proposal_changes_no_job(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    before = [run.job("a"), run.job("b")]
    proposal = _propose(run, entry_for(run, "a", "retry", memory="2g"), entry_for(run, "b", "fail"))
    assert [run.job("a"), run.job("b")] == before
    assert kept(run) == []
    assert (proposal.status, proposal.job_count, proposal.jobs_to_retry, proposal.jobs_to_fail) == ("open", 2, 1, 1)
    assert {item.status for item in proposal.jobs} == {"would_apply"}
    assert _get(run, proposal.id) == proposal


def test_a_proposal_is_shown_by_what_failed_alike(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": REFUSED, "d": BUG})
    proposal = _propose(
        run, alike(run, "a", "retry", reason="same words"), alike(run, "b", "retry", memory="2g", reason="same words")
    )
    one, other = proposal.entries
    assert (one.count, one.job_ids, one.job_names) == (2, [run.id("a"), run.id("c")], ["a", "c"])
    assert one.signature != other.signature
    assert None not in (one.cause, other.cause)
    assert one.cause != other.cause
    assert (other.old_memory, other.memory, one.memory) == ("1g", "2g", None)
    assert (one.cpu_hours, one.node_hours) == (2.0, 2.0)
    assert _get(run, proposal.id).entries == proposal.entries


def test_entries_that_fail_jobs_cost_nothing_and_show_what_came_before(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    decide(run, entry_for(run, "a", "retry"))
    run.begin("a")
    fail(run, "a", REFUSED)
    [entry] = _propose(run, entry_for(run, "a", "fail")).entries
    assert (entry.record.retried, entry.record.retries_failed_again) == (1, 1)
    assert (entry.action, entry.cpu_hours) == ("fail", 0.0)


def test_an_approved_proposal_does_what_it_showed(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG}, job("c", 1))
    proposal = _propose(run, entry_for(run, "a", "retry", memory="2g"), entry_for(run, "b", "fail"))
    answer = _approve(run, proposal.id, reason="looks right")
    assert (answer.proposal_id, answer.jobs_to_retry, answer.jobs_to_fail) == (proposal.id, 1, 1)
    assert run.statuses() == {"a": "ready", "b": "failed", "c": "canceled"}
    after = _get(run, proposal.id)
    assert (after.status, after.decided_by, after.decision_reason) == ("approved", PERSON, "looks right")
    assert {item.status for item in after.jobs} == {"applied"}
    assert [(d.actor, d.approved_by, d.proposal_id) for d in kept(run)] == [(AGENT, PERSON, proposal.id)] * 2


@pytest.mark.parametrize(("actor", "who"), [(AGENT, "an agent"), (Actor(kind="rules", name="torc"), "the rules")])
def test_nobody_but_a_person_can_approve(tmp_path: Path, actor: Actor, who: str) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry"), actor=actor)
    with pytest.raises(ForbiddenError, match=f"{who} cannot approve"):
        _approve(run, proposal.id, actor=actor)
    assert run.status("a") is JobStatus.PENDING_FAILED
    assert _get(run, proposal.id).status == "open"


def test_a_second_approval_says_that_it_was_decided_and_by_whom(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry"))
    _approve(run, proposal.id)
    with pytest.raises(StateConflictError, match="was approved already by ann"):
        _approve(run, proposal.id)
    assert run.job("a").attempt_id == 2
    assert len(kept(run)) == 1


def test_a_rejected_proposal_stays_rejected(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry"))
    rejected = _reject(run, proposal.id)
    assert (rejected.status, rejected.decision_reason) == ("rejected", "not so")
    with pytest.raises(StateConflictError, match="was rejected already"):
        _approve(run, proposal.id)
    assert run.status("a") is JobStatus.PENDING_FAILED


def test_a_proposal_expires_by_the_clock(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry"), expires_in_s=3600)
    run.bench.clock.go_on(minutes=59)
    assert _get(run, proposal.id).status == "open"
    run.bench.clock.go_on(minutes=1)
    assert _get(run, proposal.id).status == "expired"
    with pytest.raises(StateConflictError, match="expired at 2026-01-01T01:00:00"):
        _approve(run, proposal.id)


def test_jobs_that_moved_on_are_skipped_and_the_others_are_not(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": REFUSED})
    proposal = _propose(run, alike(run, "a", "retry"))
    decide(run, entry_for(run, "b", "fail"))
    decide(run, entry_for(run, "c", "retry"))
    run.begin("c")
    fail(run, "c", REFUSED)
    assert [item.status for item in _get(run, proposal.id).jobs] == ["would_apply", "skipped", "skipped"]
    answer = _approve(run, proposal.id)
    assert [(item.status, item.attempt_id) for item in answer.jobs] == [("applied", 1), ("skipped", 1), ("skipped", 1)]
    assert answer.jobs[2].detail == "it moved on: it is pending_failed in run 1, attempt 2"
    assert run.job("c").attempt_id == 2


def test_a_new_run_outdates_a_proposal(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry"))
    run.bench.write(reset_workflow_status, run.workflow_id, force=True)
    after = _get(run, proposal.id)
    assert after.status == "expired"
    assert [item.detail for item in after.jobs] == ["it moved on: it is pending_failed in run 2, attempt 1"]
    with pytest.raises(StateConflictError, match="superseded"):
        _approve(run, proposal.id)
    assert run.status("a") is JobStatus.PENDING_FAILED


def test_a_part_can_be_approved(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    proposal = _propose(run, alike(run, "a", "retry"))
    answer = _approve(run, proposal.id, only_job_ids=[run.id("b")])
    assert [(item.status, item.detail) for item in answer.jobs] == [
        ("skipped", "it was left out of the approval"),
        ("applied", None),
    ]
    assert run.statuses() == {"a": "pending_failed", "b": "ready"}


def test_the_approver_can_decide_about_some_jobs_otherwise(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": STRANGE})
    proposal = _propose(run, alike(run, "a", "retry"), entry_for(run, "c", "fail"))
    edits = [entry_for(run, "b", "fail"), alike(run, "c", "retry", memory="4g")]
    _approve(run, proposal.id, edits=edits)
    assert run.statuses() == {"a": "ready", "b": "failed", "c": "ready"}
    assert {(d.job_name, d.actor.kind, d.memory) for d in kept(run)} == {
        ("a", "agent", None),
        ("b", "person", None),
        ("c", "person", "4g"),
    }


def test_jobs_that_the_proposal_does_not_hold_are_refused(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": BUG})
    proposal = _propose(run, entry_for(run, "a", "retry"), entry_for(run, "b", "fail"))
    with pytest.raises(InvalidInputError, match=f"does not hold job {run.id('c')}"):
        _approve(run, proposal.id, only_job_ids=[run.id("a"), run.id("c")])
    with pytest.raises(InvalidInputError, match=f"does not hold job {run.id('c')}"):
        _approve(run, proposal.id, edits=[entry_for(run, "c", "fail")])
    with pytest.raises(InvalidInputError, match=f"job {run.id('a')} is edited and left out"):
        _approve(run, proposal.id, only_job_ids=[run.id("b")], edits=[entry_for(run, "a", "fail")])
    with pytest.raises(InvalidInputError, match="no job at all"):
        _approve(run, proposal.id, only_job_ids=[])
    assert _get(run, proposal.id).status == "open"


def test_what_was_skipped_when_it_was_proposed_stays_skipped(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry", memory="1m"), entry_for(run, "b", "retry"))
    assert proposal.jobs_skipped == 1
    assert _approve(run, proposal.id).jobs_skipped == 1
    assert run.statuses() == {"a": "pending_failed", "b": "ready"}


def test_a_job_at_its_limit_may_be_proposed_and_a_person_may_approve_it(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    limits = DecisionLimits(max_ai_retries=1)
    decide(run, entry_for(run, "a", "retry"), actor=AGENT)
    run.begin("a")
    fail(run, "a", REFUSED)
    assert decide(run, entry_for(run, "a", "retry"), actor=AGENT, limits=limits).jobs_skipped == 1
    proposal = _propose(run, entry_for(run, "a", "retry"), limits=limits)
    note = "agents and rules sent it back once already, the limit is 1: it takes a person's approval"
    assert [(item.status, item.detail) for item in proposal.jobs] == [("would_apply", note)]
    assert [item.detail for item in _get(run, proposal.id).jobs] == [note]
    assert _approve(run, proposal.id).jobs_to_retry == 1


def test_a_proposal_whose_jobs_were_all_decided_or_moved_on_is_expired_and_says_why(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    proposal = _propose(run, alike(run, "a", "retry"))
    decide(run, entry_for(run, "a", "fail"))
    assert _get(run, proposal.id).status == "open"
    decide(run, entry_for(run, "b", "retry"))
    after = _get(run, proposal.id)
    assert (after.status, after.decided_by) == ("expired", None)
    assert after.decision_reason == "superseded: every job of it was decided otherwise or moved on"
    assert [item.status for item in after.jobs] == ["skipped", "skipped"]
    listed = run.bench.read(proposals.list_proposals, run.workflow_id, PageRequest(), status="expired").items
    assert [(each.id, each.decision_reason) for each in listed] == [(proposal.id, after.decision_reason)]
    assert run.bench.read(proposals.list_proposals, run.workflow_id, PageRequest(), status="open").items == []
    with pytest.raises(StateConflictError, match=f"proposal {proposal.id} is superseded"):
        _approve(run, proposal.id)
    with pytest.raises(StateConflictError, match="superseded"):
        _reject(run, proposal.id)


def test_a_proposal_that_could_do_nothing_is_not_open(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "retry", memory="1m"))
    assert (proposal.status, proposal.jobs_skipped) == ("expired", 1)
    assert proposal.decision_reason == "superseded: no job of it could be changed"
    assert run.bench.read(proposals.list_proposals, run.workflow_id, PageRequest(), status="open").items == []


def test_proposals_are_listed_by_status(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    first = _propose(run, entry_for(run, "a", "retry"), expires_in_s=60)
    second = _propose(run, entry_for(run, "b", "fail"))
    _reject(run, second.id)
    run.bench.clock.go_on(hours=1)
    third = _propose(run, entry_for(run, "b", "fail"))

    def listed(status: str | None) -> list[int]:
        page = run.bench.read(proposals.list_proposals, run.workflow_id, PageRequest(), status=status)
        return [proposal.id for proposal in page.items]

    assert listed(None) == [first.id, second.id, third.id]
    assert (listed("expired"), listed("rejected"), listed("open"), listed("approved")) == (
        [first.id],
        [second.id],
        [third.id],
        [],
    )


def test_an_unknown_proposal_is_named(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    with pytest.raises(NotFoundError, match="no proposal 77"):
        _approve(run, 77)


def test_a_deleted_job_leaves_the_rest_of_the_proposal(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED})
    proposal = _propose(run, alike(run, "a", "retry"))
    run.bench.write(delete_job, run.id("a"))
    assert [item.job_name for item in _approve(run, proposal.id).jobs] == ["b"]


def test_who_made_a_proposal_applies_it_by_its_id_and_nothing_else(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    one = _propose(run, entry_for(run, "a", "retry"))
    other = run.bench.write(proposals.propose, run.workflow_id, request(entry_for(run, "b", "fail"), actor=PERSON))

    def apply(proposal_id: int) -> ClassifyResponse:
        return run.bench.write(
            proposals.apply_own, run.workflow_id, ClassifyRequest(actor=AGENT, proposal_id=proposal_id)
        )

    with pytest.raises(ForbiddenError, match="is of person ann, not of agent helper"):
        apply(other.id)
    assert (apply(one.id).jobs_to_retry, _get(run, one.id).status) == (1, "approved")
    with pytest.raises(StateConflictError, match="approved already"):
        apply(one.id)
    assert [(item.job_name, item.actor.kind, item.approved_by) for item in kept(run)] == [("a", "agent", None)]
