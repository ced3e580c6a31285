"""However a random workflow is run, each job comes to the end that its dependencies and its own outcome mean."""

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from services_bench import Bench, job

import torc_server
from torc_core.api.drafts import JobDraft
from torc_core.jobs.status import UNSUCCESSFUL, JobStatus

S = JobStatus
OUTCOMES = (S.COMPLETED, S.COMPLETED, S.FAILED, S.TERMINATED, S.CANCELED, S.PENDING_FAILED)


@st.composite
def workflows(draw: st.DrawFn) -> tuple[list[JobDraft], list[S]]:
    jobs: list[JobDraft] = []
    for place in range(draw(st.integers(min_value=1, max_value=12))):
        waits_for = draw(st.sets(st.integers(min_value=0, max_value=place - 1), max_size=3)) if place else set()
        jobs.append(job(f"j{place}", *waits_for, cancel_on_blocking_job_failure=draw(st.booleans())))
    return jobs, [draw(st.sampled_from(OUTCOMES)) for _ in jobs]


def expected_ends(jobs: list[JobDraft], outcomes: list[S]) -> dict[str, str]:
    """What the rules say, one job after the other; dependencies stand before their dependents."""
    ends: list[S] = []
    for draft, outcome in zip(jobs, outcomes, strict=True):
        before = [ends[place] for place in draft.depends_on]
        if draft.cancel_on_blocking_job_failure and UNSUCCESSFUL.intersection(before):
            ends.append(S.CANCELED)
        elif {S.PENDING_FAILED, S.BLOCKED}.intersection(before):
            ends.append(S.BLOCKED)
        else:
            ends.append(outcome)
    return {draft.name: str(end) for draft, end in zip(jobs, ends, strict=True)}


@settings(max_examples=50, deadline=None)
@given(workflow=workflows(), batch=st.integers(min_value=1, max_value=4), data=st.data())
def test_the_end_of_every_job_follows_from_the_outcomes_alone(
    workflow: tuple[list[JobDraft], list[S]], batch: int, data: st.DataObject
) -> None:
    jobs, outcomes = workflow
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.at(Path(folder) / "torc.db")
        run = bench.workflow(jobs)
        at_work: list[str] = []
        while claimed := [*at_work, *run.claim(limit=batch)]:
            run.start(*claimed)
            ending = data.draw(st.lists(st.sampled_from(claimed), unique=True, min_size=1))
            answer = run.report([run.ending(name, outcomes[run.places[name]]) for name in ending])
            assert not answer.errors
            at_work = [name for name in claimed if name not in ending]
        assert run.statuses() == expected_ends(jobs, outcomes)
        bench.database.close()


def test_only_one_place_writes_the_status_of_jobs() -> None:
    root = Path(torc_server.__file__).parent
    writes = re.compile(r"UPDATE\s+job\s+SET[^;]*?\bstatus\s*=\s*[:$\d]", re.IGNORECASE)
    found = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(" WHERE " not in match[0].upper() for match in writes.finditer(path.read_text()))
    ]
    assert found == ["db/queries/jobs/transitions.py"]
    callers = [path.relative_to(root).as_posix() for path in root.rglob("*.py") if "move_jobs(" in path.read_text()]
    assert sorted(callers) == ["db/queries/jobs/transitions.py", "services/jobs/transitions.py"]
