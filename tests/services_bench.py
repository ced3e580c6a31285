"""The real services over a real database file; what must always hold is checked after every step."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from torc_core.api.drafts import JobDraft, WorkflowDraft
from torc_core.api.events import StreamEvent
from torc_core.api.jobs import (
    CompleteJobsRequest,
    CompleteJobsResponse,
    ComputeNodesResources,
    JobCompletion,
    JobModel,
    StartJobsRequest,
)
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.status import STATUS_CODES, JobStatus
from torc_server import invariants
from torc_server.db.engine import Database
from torc_server.db.queries.jobs.jobs import JobState, job_states
from torc_server.db.schema import migrate
from torc_server.db.unit_of_work import UnitOfWork, read_unit, write_unit
from torc_server.services.jobs.claim import claim_jobs
from torc_server.services.jobs.complete import complete_jobs
from torc_server.services.jobs.job_records import get_job
from torc_server.services.jobs.start import start_jobs
from torc_server.services.records.compute_nodes import create_compute_node
from torc_server.services.runs.create import create_workflow_from_draft
from torc_server.services.runs.initialize import initialize_jobs
from torc_server.settings import ServiceSettings

P = ParamSpec("P")
R = TypeVar("R")
ROOMY = ComputeNodesResources(num_cpus=10_000, num_gpus=1_000, num_nodes=1, memory_gb=100_000)


@dataclass
class Clock:
    """Stands still unless it is asked to go on."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class Bench:
    database: Database
    use_pending_failed: bool = True
    max_raise: float = 4.0
    checks: bool = True
    clock: Clock = field(default_factory=Clock)
    announced: list[StreamEvent] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    @classmethod
    def at(cls, path: Path, **options: Any) -> Self:
        path.write_bytes(_empty_database())
        return cls(Database(path), **options)

    @property
    def settings(self) -> ServiceSettings:
        return ServiceSettings(use_pending_failed=self.use_pending_failed, max_raise=self.max_raise, clock=self.clock)

    def write(self, service: Callable[Concatenate[UnitOfWork, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        with write_unit(self.database, self.settings) as uow:
            answer = service(uow, *args, **kwargs)
            broken = invariants.check(uow) if self.checks else []
            assert not broken, "\n".join(broken)
        self.announced += uow.announcements
        self.touched |= uow.touched
        return answer

    def read(self, service: Callable[Concatenate[UnitOfWork, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        with read_unit(self.database, self.settings) as uow:
            return service(uow, *args, **kwargs)

    def count(self, sql: str, **params: Any) -> Any:
        """The first value of a query."""
        return self.read(UnitOfWork.value, sql, **params)

    def workflow(self, jobs: Sequence[JobDraft], *, initialize: bool = True, **parts: Any) -> "Run":
        """A workflow of these jobs with one runner, initialized unless stated otherwise."""
        model = parts.pop("workflow", WorkflowModel(name="w", user="u"))
        made = self.write(create_workflow_from_draft, WorkflowDraft(workflow=model, jobs=list(jobs), **parts))
        assert made.workflow.id is not None
        run = Run(self, made.workflow.id, made.first_job_id or 0, {job.name: i for i, job in enumerate(jobs)})
        run.runner = run.new_runner()
        if initialize:
            self.write(initialize_jobs, run.workflow_id)
        return run


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "torc.db"
        database = Database(path)
        migrate(database)
        database.close()
        return path.read_bytes()


@dataclass
class Run:
    """One workflow of the bench; jobs go by their names."""

    bench: Bench
    workflow_id: int
    first_job_id: int
    places: dict[str, int]
    runner: int = 0
    run_id: int = 1

    def new_runner(self) -> int:
        record = ComputeNodeModel(
            workflow_id=self.workflow_id,
            hostname="node-1",
            pid=1,
            start_time="2026-01-01T00:00:00Z",
            num_cpus=8,
            num_gpus=0,
            num_nodes=1,
            memory_gb=16,
            compute_node_type="local",
        )
        node_id = self.bench.write(create_compute_node, record).id
        assert node_id is not None
        return node_id

    def id(self, name: str) -> int:
        return self.first_job_id + self.places[name]

    def job(self, name: str) -> JobModel:
        return self.bench.read(get_job, self.id(name))

    def state(self, name: str) -> JobState:
        return self.bench.read(job_states, [self.id(name)])[self.id(name)]

    def status(self, name: str) -> JobStatus:
        return self.state(name).status

    def statuses(self) -> dict[str, str]:
        """The status of every job that exists, by name."""
        states = self.bench.read(job_states, [self.id(name) for name in self.places])
        return {state.name: str(state.status) for state in states.values()}

    def claim(self, *, limit: int = 1_000, runner: int | None = None, **resources: Any) -> list[str]:
        """Names of the claimed jobs, in their order."""
        offer = ROOMY.model_copy(update={"id": runner or self.runner, **resources})
        claimed = self.bench.write(claim_jobs, self.workflow_id, offer, limit=limit)
        return [job.name for job in claimed.jobs]

    def start(self, *names: str, runner: int | None = None) -> None:
        request = StartJobsRequest(
            run_id=self.run_id, compute_node_id=runner or self.runner, job_ids=[self.id(name) for name in names]
        )
        answer = self.bench.write(start_jobs, self.workflow_id, request)
        assert not answer.errors, answer.errors

    def begin(self, *names: str) -> None:
        """Claims whatever is ready, and starts these of it."""
        self.claim()
        self.start(*names)

    def ending(self, name: str, status: JobStatus = JobStatus.COMPLETED, **facts: Any) -> JobCompletion:
        """What a runner reports of the job's present attempt; result fields may be given as `result_…`."""
        facts.setdefault("claimed", True)
        of_result = {key.removeprefix("result_"): facts.pop(key) for key in list(facts) if key.startswith("result_")}
        run_id = facts.pop("run_id", self.run_id)
        result = {
            "job_id": self.id(name),
            "workflow_id": self.workflow_id,
            "run_id": run_id,
            "attempt_id": self.state(name).attempt_id,
            "compute_node_id": self.runner,
            "return_code": 0 if status is JobStatus.COMPLETED else 1,
            "exec_time_minutes": 1.0,
            "completion_time": "2026-01-01T00:01:00Z",
            "status": status,
            **of_result,
        }
        return JobCompletion(
            job_id=self.id(name), status=status, run_id=run_id, result=ResultModel.model_validate(result), **facts
        )

    def report(self, completions: Iterable[JobCompletion]) -> CompleteJobsResponse:
        request = CompleteJobsRequest(completions=list(completions))
        return self.bench.write(complete_jobs, self.workflow_id, request)

    def end(self, name: str, status: JobStatus = JobStatus.COMPLETED, **facts: Any) -> None:
        answer = self.report([self.ending(name, status, **facts)])
        assert not answer.errors, answer.errors

    def results(self, name: str) -> list[tuple[int, int, str, int]]:
        """(run, attempt, status, return code) of each result, the oldest first."""
        rows = self.bench.read(
            UnitOfWork.rows,
            "SELECT run_id, attempt_id, status, return_code FROM result WHERE job_id = :id ORDER BY run_id, attempt_id",
            id=self.id(name),
        )
        codes = {code: str(status) for status, code in STATUS_CODES.items()}
        return [(row[0], row[1], codes[row[2]], row[3]) for row in rows]


def job(name: str, *depends_on: int, **fields: Any) -> JobDraft:
    """A job that waits for the jobs at these places of the list."""
    return JobDraft(name=name, command=f"echo {name}", depends_on=list(depends_on), **fields)
