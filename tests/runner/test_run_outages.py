"""Answers get lost, runs are reset under the runner's feet: every job still ends once."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from helpers import ServerProcess
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import create, job, processes_with, run, until_running

from runner.base.progress import Notice
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.api.jobs import ClaimedJobs, CompleteJobsResponse, ReclaimRequest, StartJobsRequest, StartJobsResponse
from torc_core.errors import ServerUnreachableError, StateConflictError

T = TypeVar("T")


class LossyClient(TorcClient):
    """The server does what it is asked, but some of its answers never arrive."""

    def __init__(self, transport: Transport, *, seed: int) -> None:
        super().__init__(transport)
        self._random = random.Random(seed)
        self.lost: Counter[str] = Counter()

    def claim_jobs(self, *args: Any, **kwargs: Any) -> ClaimedJobs:
        return self._perhaps("claim", lambda: super(LossyClient, self).claim_jobs(*args, **kwargs))

    def start_jobs(self, *args: Any, **kwargs: Any) -> StartJobsResponse:
        return self._perhaps("start", lambda: super(LossyClient, self).start_jobs(*args, **kwargs))

    def complete_jobs(self, *args: Any, **kwargs: Any) -> CompleteJobsResponse:
        return self._perhaps("complete", lambda: super(LossyClient, self).complete_jobs(*args, **kwargs))

    def _perhaps(self, what: str, ask: Callable[[], T]) -> T:
        answer = ask()
        if self._random.random() < 0.35:
            self.lost[what] += 1
            raise ServerUnreachableError(f"the answer to {what} was lost")
        return answer


@pytest.fixture
def lossy(server: ServerProcess) -> Iterator[LossyClient]:
    with LossyClient(server.transport(), seed=7) as client:
        yield client


def test_lost_answers_cost_no_job_and_run_none_twice(client: TorcClient, lossy: LossyClient, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    jobs = [
        job(f"j{n}", f'echo "$TORC_JOB_NAME" >> {marks}; sleep 0.{n % 3}', depends_on=[n - 10] if n >= 10 else [])
        for n in range(120)
    ]
    workflow_id = create(client, *jobs)
    ran = run(lossy, workflow_id, tmp_path / "out")
    assert set(ran.statuses().values()) == {"completed"}
    assert Counter(marks.read_text().split()) == {f"j{n}": 1 for n in range(120)}
    assert min(lossy.lost[what] for what in ("claim", "start", "complete")) >= 1
    assert len(client.results.list_all(workflow_id=workflow_id)) == 120


class StartsNoted(TorcClient):
    """Notes which jobs are reported as started."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.started: list[int] = []

    def start_jobs(self, workflow_id: int, request: StartJobsRequest) -> StartJobsResponse:
        self.started += request.job_ids
        return super().start_jobs(workflow_id, request)


def test_the_start_of_a_job_that_ends_at_once_is_reported_with_its_end(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    workflow_id = create(client, job("long", "sleep 1"), *[job(f"short{n}", "true") for n in range(20)])
    with StartsNoted(server.transport()) as noting:
        ran = run(noting, workflow_id, tmp_path / "out")
        assert ran.jobs()["long"].id in noting.started
        assert len(noting.started) < 10
        assert set(ran.statuses().values()) == {"completed"}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 0, 0, 1, 10, 11]), st.integers(0, 3), st.sampled_from([None, 0]), st.booleans()),
        min_size=1,
        max_size=25,
    )
)
def test_any_mix_of_outcomes_ends_as_the_rules_say(
    client: TorcClient, lossy: LossyClient, tmp_path: Path, mix: list[tuple[int, int, int | None, bool]]
) -> None:
    """Each job: exit code, attempts that fail with it (0: all), handler, whether it waits for the job before it."""
    rules = [{"exit_codes": [10], "max_retries": 3}, {"exit_codes": [11], "recovery_script": "false"}]
    jobs = [
        job(
            f"j{n}",
            f"[ {failing} -ne 0 ] && [ $TORC_ATTEMPT_ID -gt {failing} ] && exit 0; exit {code}",
            failure_handler=handler,
            depends_on=[n - 1] if waits and n else [],
        )
        for n, (code, failing, handler, waits) in enumerate(mix)
    ]
    ran = run(lossy, create(client, *jobs, rules=rules), tmp_path / "out")
    expected: list[str] = []
    for n, (code, failing, handler, waits) in enumerate(mix):
        before = expected[n - 1] if waits and n else "completed"
        expected.append(_expected(before, code, failing, handler))
    assert list(ran.statuses().values()) == expected


def _expected(before: str, code: int, failing: int, handler: int | None) -> str:
    if before in {"pending_failed", "blocked"}:
        return "blocked"
    if before != "completed":
        return "canceled"
    if code == 0:
        return "completed"
    if handler is None or code == 1:
        return "pending_failed"
    return "completed" if code == 10 and failing in (1, 2) else "failed"


def test_when_the_run_is_reset_meanwhile_its_jobs_are_stopped(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, "sleep 60", job("after", "true", depends_on=[0]))

    def reset() -> None:
        until_running(client, workflow_id)
        client.reset_workflow_status(workflow_id, force=True)
        client.reset_job_status(workflow_id)

    resetting = threading.Thread(target=reset)
    resetting.start()
    ran = run(client, workflow_id, tmp_path / "out", time_limit_s=4.0)
    resetting.join()
    assert set(ran.statuses().values()) == {"uninitialized"}
    assert any("run 2 has begun" in str(event.text) for event in ran.events if isinstance(event, Notice))
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []


def test_a_runner_that_was_declared_gone_stops_its_jobs(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, "sleep 60")

    def declare_gone() -> None:
        until_running(client, workflow_id)
        (node,) = client.compute_nodes.list_all(workflow_id=workflow_id)
        client.reclaim_jobs(
            workflow_id, ReclaimRequest(compute_node_ids=[node.id or 0], requeue=True, reason="declared gone")
        )

    declaring = threading.Thread(target=declare_gone)
    declaring.start()
    with pytest.raises(StateConflictError, match="not active any more"):
        run(client, workflow_id, tmp_path / "out", poll_interval_s=0.5)
    declaring.join()
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []
    assert [str(job.status) for job in client.jobs.list_all(workflow_id=workflow_id)] == ["ready"]
