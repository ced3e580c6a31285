"""The review: entries of proposals and groups, what speaks against them, and choices applied in one transaction."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import Run
from triage import AGENT, BUG, PERSON, REFUSED, STRANGE, alike, decide, entry_for, fail, failed_run, kept, request

from torc_core.api.failures import ApproveRequest, Classification, ProposalModel, RejectRequest, UndoRequest
from torc_core.api.review import ReviewChoice, ReviewEntry, ReviewModel, ReviewRequest, ReviewResponse
from torc_core.errors import ForbiddenError, InvalidInputError
from torc_core.jobs.status import JobStatus
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import groups, proposals, review, undo
from torc_server.services.triage.groups import GroupFilter


def _propose(run: Run, *classifications: Classification) -> ProposalModel:
    return run.bench.write(proposals.propose, run.workflow_id, request(*classifications, actor=AGENT))


def _review(run: Run, *proposal_ids: int) -> ReviewModel:
    return run.bench.read(review.list_review, run.workflow_id, proposal_ids=proposal_ids or None)


def _entry(run: Run, name: str, *proposal_ids: int) -> ReviewEntry:
    [found] = [entry for entry in _review(run, *proposal_ids).entries if run.id(name) in entry.job_ids]
    return found


def _apply(run: Run, *choices: ReviewChoice, seen: ReviewModel | None = None, **options: Any) -> ReviewResponse:
    as_of = (seen or _review(run)).as_of
    wanted = ReviewRequest(**{"actor": PERSON, "as_of": as_of, "choices": list(choices), **options})
    return run.bench.write(review.apply_review, run.workflow_id, wanted)


def _choose(entry: ReviewEntry, choice: Any, **fields: Any) -> ReviewChoice:
    return ReviewChoice(entry=entry.id, choice=choice, **fields)


def test_a_review_shows_proposals_and_the_groups_that_none_of_them_names(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": REFUSED, "d": STRANGE})
    proposal = _propose(run, alike(run, "b", "retry", memory="2g", reason="more memory"))
    seen = _review(run)
    assert [(entry.proposal_id, entry.action, entry.count) for entry in seen.entries] == [
        (None, "retry", 2),
        (proposal.id, "retry", 1),
        (None, None, 1),
    ]
    proposed = seen.entries[1]
    assert (proposed.reason, proposed.proposed_by, proposed.job_names) == ("more memory", AGENT, ["b"])
    assert [(change.what, change.old, change.new, change.count) for change in proposed.changes] == [
        ("memory", "1g", "2g", 1)
    ]
    assert proposed.confidence is None
    assert "the rules suggest fail" in proposed.against[0]
    assert (seen.total_jobs, seen.proposal_ids) == (4, [proposal.id])
    assert _review(run) == seen


def test_a_review_of_some_proposals_shows_nothing_else(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": STRANGE})
    one = _propose(run, entry_for(run, "a", "retry"))
    other = _propose(run, entry_for(run, "b", "fail"))
    _propose(run, entry_for(run, "c", "fail"))
    assert {entry.proposal_id for entry in _review(run, one.id, other.id).entries} == {one.id, other.id}


def test_entries_are_accepted_changed_and_left_out_together(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": STRANGE})
    proposal = _propose(run, entry_for(run, "a", "retry"), entry_for(run, "b", "retry"))
    a, b, c = (_entry(run, name) for name in "abc")
    answer = _apply(
        run,
        _choose(a, "accept"),
        _choose(b, "fail", reason="a bug"),
        _choose(c, "retry", memory="2g", reason="let it try"),
    )
    assert (answer.jobs_to_retry, answer.jobs_to_fail, answer.closed_proposal_ids) == (2, 1, [proposal.id])
    assert [run.job(name).status for name in "abc"] == [JobStatus.READY, JobStatus.FAILED, JobStatus.READY]
    found = {one.job_name: one for one in kept(run)}
    assert (found["a"].actor, found["a"].proposal_id) == (AGENT, proposal.id)
    assert found["a"].approved_by is not None
    assert found["a"].approved_by.name == "ann"
    assert (found["b"].actor.kind, found["b"].reason, found["b"].proposal_id) == ("person", "a bug", proposal.id)
    assert (found["c"].actor.kind, found["c"].memory, found["c"].proposal_id) == ("person", "2g", None)


def test_an_accepted_suggestion_names_the_rules_and_who_approved(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    _apply(run, _choose(_entry(run, "a"), "accept"))
    [one] = kept(run)
    assert (one.actor.kind, one.approved_by and one.approved_by.kind) == ("rules", "person")
    assert one.reason


def test_all_entries_above_a_confidence_are_accepted_in_one_step(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": STRANGE, "d": REFUSED})
    _propose(run, entry_for(run, "b", "retry"))
    answer = _apply(run, accept_from=0.7)
    assert (answer.jobs_to_retry, answer.jobs_to_fail) == (2, 0)
    assert [run.job(name).status for name in "bc"] == [JobStatus.PENDING_FAILED] * 2
    assert _apply(run, accept_from=1.0).jobs == []


def test_an_entry_that_is_left_out_closes_no_proposal_while_another_waits(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": STRANGE})
    proposal = _propose(run, entry_for(run, "a", "retry"), entry_for(run, "b", "fail"), entry_for(run, "c", "fail"))
    answer = _apply(run, _choose(_entry(run, "a"), "accept"), _choose(_entry(run, "b"), "leave_out"))
    assert (answer.left_out, answer.closed_proposal_ids) == (1, [])
    stored = run.bench.read(proposals.get_proposal, proposal.id)
    assert (stored.status, [job.status for job in stored.jobs]) == ("open", ["applied", "skipped", "would_apply"])
    assert _entry(run, "b").proposal_id is None  # what was left out waits for a decision without a proposal
    assert _apply(run, _choose(_entry(run, "c"), "accept")).closed_proposal_ids == [proposal.id]
    assert run.bench.read(proposals.get_proposal, proposal.id).status == "approved"


def test_the_rest_of_a_partly_applied_proposal_is_approved_or_rejected(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG, "c": STRANGE})
    one = _propose(run, entry_for(run, "a", "retry"), entry_for(run, "b", "fail"))
    _apply(run, _choose(_entry(run, "a"), "accept"))
    answer = run.bench.write(proposals.approve, one.id, ApproveRequest(actor=PERSON))
    assert ([job.job_name for job in answer.jobs], answer.jobs_to_fail) == (["b"], 1)
    assert [job.status for job in run.bench.read(proposals.get_proposal, one.id).jobs] == ["applied", "applied"]
    other = _propose(run, entry_for(run, "c", "retry"))
    assert run.bench.write(proposals.reject, other.id, RejectRequest(actor=PERSON, reason="no")).status == "rejected"


def test_a_proposal_of_which_everything_is_left_out_is_rejected(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    proposal = _propose(run, entry_for(run, "a", "fail"))
    assert _apply(run, _choose(_entry(run, "a"), "leave_out")).closed_proposal_ids == [proposal.id]
    assert run.bench.read(proposals.get_proposal, proposal.id).status == "rejected"


def test_entries_tell_who_decided_meanwhile_and_what_moved_on(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": REFUSED})
    proposal = _propose(run, alike(run, "a", "retry"))
    before = _entry(run, "a", proposal.id)
    decide(run, entry_for(run, "a", "fail"))
    after = _entry(run, "b", proposal.id)
    assert after.id == before.id
    assert (after.count, after.job_ids) == (2, [run.id("b"), run.id("c")])
    [gone] = after.not_any_more
    assert (gone.count, gone.why, gone.job_ids) == (1, "decided meanwhile by ann: fail", [run.id("a")])


def test_two_proposals_that_disagree_say_so_and_the_first_choice_counts(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": BUG})
    one = _propose(run, entry_for(run, "a", "retry"))
    other = _propose(run, entry_for(run, "a", "fail"))
    first, second = (_entry(run, "a", each.id) for each in (one, other))
    shown = {entry.proposal_id: entry for entry in _review(run).entries}
    assert f"proposal {other.id} would fail 1 of these jobs" in shown[one.id].against
    assert _apply(run, _choose(first, "accept"), _choose(second, "accept")).jobs_to_retry == 1
    assert len(kept(run)) == 1


def test_an_attempt_that_failed_after_the_review_was_shown_is_not_decided(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE, "b": STRANGE})
    decide(run, entry_for(run, "b", "retry"))
    run.begin("b")
    seen = _review(run)
    fail(run, "b", STRANGE)
    [entry] = seen.entries
    answer = _apply(run, _choose(entry, "fail", reason="no use"), seen=seen)
    assert (answer.jobs_to_fail, [job.job_name for job in answer.jobs]) == (1, ["a"])
    assert run.job("b").status is JobStatus.PENDING_FAILED


def test_an_entry_that_is_not_there_any_more_is_named_and_the_others_apply(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": STRANGE})
    seen = _review(run)
    a, b = _entry(run, "a"), _entry(run, "b")
    decide(run, entry_for(run, "b", "fail"))
    answer = _apply(run, _choose(a, "accept"), _choose(b, "retry"), seen=seen)
    assert (answer.gone, answer.jobs_to_retry) == ([b.id], 1)


def test_a_preview_changes_nothing_and_shows_amounts_that_are_cut(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE})
    wanted = ReviewRequest(
        actor=PERSON, as_of=_review(run).as_of, choices=[_choose(_entry(run, "a"), "retry", memory="10t")]
    )
    [job] = run.bench.read(review.preview_review, run.workflow_id, wanted).jobs
    assert job.memory != "10t"
    assert "was cut" in (job.detail or "")
    assert run.job("a").status is JobStatus.PENDING_FAILED


def test_a_review_is_undone_like_any_decision(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": STRANGE})
    _apply(run, _choose(_entry(run, "a"), "accept"), _choose(_entry(run, "b"), "fail"))
    assert run.bench.write(undo.undo, run.workflow_id, UndoRequest(actor=PERSON)).undone == 2
    assert {run.job(name).status for name in "ab"} == {JobStatus.PENDING_FAILED}


def test_what_a_review_refuses(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE})
    entry = _entry(run, "a")
    with pytest.raises(ForbiddenError, match="only a person"):
        _apply(run, _choose(entry, "fail"), actor=AGENT)
    with pytest.raises(InvalidInputError, match="nobody proposes anything"):
        _apply(run, _choose(entry, "accept"))
    with pytest.raises(InvalidInputError, match="more than once"):
        _apply(run, _choose(entry, "fail"), _choose(entry, "retry"))
    with pytest.raises(InvalidInputError, match="memory"):
        _apply(run, _choose(entry, "retry", memory="a lot"))
    assert kept(run) == []


def test_groups_are_filtered_by_class_action_confidence_count_and_text(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"net_1": REFUSED, "net_2": REFUSED, "sim": BUG, "odd": STRANGE})

    def names(**wanted: Any) -> list[str]:
        found = run.bench.read(
            groups.list_groups,
            run.workflow_id,
            PageRequest(),
            status="pending_failed",
            job_ids_limit=None,
            wanted=GroupFilter(**wanted),
        )
        assert found.total_jobs == sum(group.count for group in found.items)
        return [group.sample.job_name for group in found.items]

    assert names() == ["net_1", "sim", "odd"]
    assert names(class_="transient") == ["net_1"]
    assert names(action="fail") == ["sim"]
    assert names(min_confidence=0.5) == ["net_1", "sim"]
    assert names(min_count=2) == ["net_1"]
    assert names(text="FLUX") == ["odd"]
    assert names(text="net_2") == ["net_1"]
