"""More failures of one kind than one call decides."""

from pathlib import Path

import pytest
from services_bench import Run, job
from triage import AGENT, BUG, REFUSED, alike, decide, entry_for, fail, failed_run, request

from torc_core.api.failures import DecisionLimits
from torc_core.errors import InvalidInputError
from torc_server.services.triage import decide as decisions
from torc_server.services.triage import plan, proposals


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MAX_DECIDED_JOBS", 2)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return failed_run(tmp_path, {**dict.fromkeys("abcde", REFUSED), "z": BUG})


def test_a_group_is_decided_in_calls_that_say_how_many_are_left(run: Run) -> None:
    everything = alike(run, "a", "retry")
    reported = [decide(run, everything) for _ in range(3)]
    assert [(each.jobs_to_retry, each.remaining) for each in reported] == [(2, 3), (2, 1), (1, 0)]
    assert [each.remaining_signatures for each in reported] == [[everything.signature]] * 2 + [[]]
    assert sorted(run.statuses().values()) == ["pending_failed", *["ready"] * 5]


def test_jobs_that_are_named_come_first(run: Run) -> None:
    reported = decide(run, alike(run, "a", "retry"), entry_for(run, "z", "fail"))
    assert (reported.jobs_to_retry, reported.jobs_to_fail, reported.remaining) == (1, 1, 4)


def test_jobs_that_are_skipped_do_not_stand_in_the_way(run: Run) -> None:
    limits = DecisionLimits(max_ai_retries=1)
    decide(run, entry_for(run, "a", "retry"), entry_for(run, "b", "retry"), actor=AGENT)
    run.begin("a", "b")
    fail(run, "a", REFUSED)
    fail(run, "b", REFUSED)
    reported = [decide(run, alike(run, "a", "retry"), actor=AGENT, limits=limits) for _ in range(2)]
    assert [(each.jobs_to_retry, each.jobs_skipped, each.remaining) for each in reported] == [(2, 0, 1), (1, 1, 0)]


def test_previews_and_proposals_say_it_too(run: Run) -> None:
    wanted = request(alike(run, "a", "retry"))
    assert run.bench.read(decisions.preview, run.workflow_id, wanted).remaining == 3
    proposal = run.bench.write(proposals.propose, run.workflow_id, wanted)
    assert (proposal.job_count, proposal.remaining) == (2, 3)


def test_too_many_named_jobs_are_refused(run: Run) -> None:
    with pytest.raises(InvalidInputError, match="3 jobs are too many"):
        decide(run, *(entry_for(run, name, "retry") for name in "abc"))


def test_an_unrelated_workflow_is_decided_at_once(run: Run) -> None:
    other = run.bench.workflow([job("x")])
    other.begin("x")
    fail(other, "x", REFUSED)
    assert decide(other, alike(other, "x", "retry")).remaining == 0
