"""Pages of jobs: the list, one job with its attempts and evidence, and the jobs by stage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import Query, Request, Response

from torc_core.api.failures import DecisionModel
from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.results import ResultModel
from torc_core.errors import NotFoundError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_core.slurm.steps import AttemptStep
from torc_server.db.queries.runs import overview
from torc_server.db.queries.runs.overview import JobLine
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import Visiting, page, page_router
from torc_server.pages.paging import OR_NONE, PageNumber, Pager
from torc_server.pages.runner_files import read_logs, read_series
from torc_server.pages.state_bar import state_bar
from torc_server.routes.parameters import PathId, RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.jobs import job_records
from torc_server.services.records import resource_requirements, results
from torc_server.services.records.compute_nodes import COMPUTE_NODES
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.runs import stage_graph
from torc_server.services.triage import decide
from torc_server.services.triage.decide import DecisionFilter

_JOBS_SHOWN: Final = 100
_ATTEMPTS_SHOWN: Final = 20

router = page_router()


@dataclass(frozen=True)
class ShownAttempt:
    """One ended attempt, with its evidence where it failed."""

    result: ResultModel
    evidence: Evidence | None


@dataclass(frozen=True)
class JobView:
    """One job as its page shows it. `plot` is what its attempts used, beside their limits, as JSON."""

    job: JobModel
    requirement: ResourceRequirementsModel | None
    attempts: list[ShownAttempt]
    attempts_in_all: int
    decisions: list[DecisionModel]
    plot: str
    place: "AttemptPlace | None"


@dataclass(frozen=True)
class AttemptPlace:
    """The newest attempt of a job, and the folder in which its runner kept files of it."""

    attempt: AttemptStep
    output_dir: Path


@router.get("/workflows/{id}/jobs")
def list_jobs(
    request: Request,
    workflow_id: RecordId,
    work: Working,
    number: PageNumber = 1,
    status: Annotated[JobStatus | None, OR_NONE, Query()] = None,
    text: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    pager = Pager(number, _JOBS_SHOWN)
    wanted = () if status is None else (status,)

    def read(uow: UnitOfWork) -> tuple[str, list[JobLine], int]:
        name = find_workflow(uow, workflow_id).name
        lines = overview.list_jobs(uow, workflow_id, statuses=wanted, text=text, offset=pager.offset, limit=pager.size)
        return name, lines, overview.count_jobs(uow, workflow_id, statuses=wanted, text=text)

    name, lines, total = work.read(read)
    return page(
        request,
        "jobs.html",
        title=f"Jobs of {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        lines=lines,
        status=status,
        text=text,
        statuses=list(JobStatus),
        pager=pager.of(total, {"status": status or "", "text": text}),
    )


@router.get("/workflows/{id}/jobs/{job_id}")
def get_job(request: Request, workflow_id: RecordId, job_id: PathId, work: Working, visitor: Visiting) -> Response:
    view = work.read(_view, workflow_id, job_id)
    # A server of one user reads that user's files. One with users would read for others what only its own may.
    place = view.place if visitor.may_decide and request.app.state.reads_files else None
    logs = [] if place is None else read_logs(place.output_dir, place.attempt)
    series = () if place is None else read_series(place.output_dir, place.attempt)
    return page(
        request,
        "job.html",
        title=f"Job {view.job.name} ({job_id})",
        workflow_id=workflow_id,
        view=view,
        logs=logs,
        shown=None if place is None else place.attempt,
        series=json.dumps([list(sample) for sample in series]) if series else "",
    )


@router.get("/workflows/{id}/graph")
def get_graph(request: Request, workflow_id: RecordId, work: Working) -> Response:
    """Show the jobs by stage; the page of the workflow loads it as a part."""

    def read(uow: UnitOfWork) -> tuple[str, list[stage_graph.StageView]]:
        return find_workflow(uow, workflow_id).name, stage_graph.stage_graph(uow, workflow_id)

    name, stages = work.read(read)
    title = f"Stages of {name} ({workflow_id})"
    return page(
        request, "graph.html", title=title, workflow_id=workflow_id, name=name, stages=stages, state_bar=state_bar
    )


def _view(uow: UnitOfWork, workflow_id: int, job_id: int) -> JobView:
    find_workflow(uow, workflow_id)
    job = job_records.get_job(uow, job_id)
    if job.workflow_id != workflow_id:
        # whoever may see this workflow need not be allowed to see the job's own
        raise NotFoundError(f"workflow {workflow_id} has no job {job_id}", ids={"workflow_id": workflow_id})
    found = results.list_results(
        uow,
        workflow_id,
        PageRequest(limit=_ATTEMPTS_SHOWN, sort_by="id", reverse_sort=True),
        job_id=job_id,
        run_id=None,
        return_code=None,
        failed=False,
        status=None,
        compute_node_id=None,
        all_runs=True,
    )
    evidence = overview.evidence_of_job(uow, job_id)
    attempts = [ShownAttempt(each, evidence.get((each.run_id, each.attempt_id or 1))) for each in found.items]
    requirement = None
    if job.resource_requirements_id is not None:
        requirement = resource_requirements.REQUIREMENTS.get(uow, job.resource_requirements_id)
    decisions = decide.list_decisions(
        uow, workflow_id, PageRequest(limit=_ATTEMPTS_SHOWN, reverse_sort=True), DecisionFilter(job_id=job_id)
    )
    return JobView(
        job=job,
        requirement=requirement,
        attempts=attempts,
        attempts_in_all=found.total_count,
        decisions=decisions.items,
        plot=_plot(attempts, requirement),
        place=_place(uow, job, attempts),
    )


def _place(uow: UnitOfWork, job: JobModel, attempts: Sequence[ShownAttempt]) -> AttemptPlace | None:
    """Return where the runner of the running attempt, else of the last one that ended, keeps its files."""
    run_id = find_workflow(uow, job.workflow_id).run_id
    if job.compute_node_id is not None:
        key, runner_id = (run_id, job.attempt_id or 1), job.compute_node_id
    elif attempts:
        last = max(attempts, key=lambda each: (each.result.run_id, each.result.attempt_id or 1)).result
        key, runner_id = (last.run_id, last.attempt_id or 1), last.compute_node_id
    else:
        return None
    row = COMPUTE_NODES.store.get(uow, runner_id)
    facts = row["scheduler"] if row is not None and row["workflow_id"] == job.workflow_id else None
    folder = facts.get("output_dir") if isinstance(facts, dict) else None
    if not isinstance(folder, str):
        return None
    return AttemptPlace(AttemptStep(job.workflow_id, job.id or 0, *key), Path(folder))


def _plot(attempts: Sequence[ShownAttempt], requirement: ResourceRequirementsModel | None) -> str:
    """Return the amounts of each attempt, the oldest first: memory in MiB, time in minutes, with the limits."""
    states = requirement is not None and requirement.name != UNSPECIFIED_REQUIREMENT
    memory_limit = parse_memory(requirement.memory) if requirement is not None and states else None
    runtime_limit = parse_duration(requirement.runtime) if requirement is not None and states else None
    rows = []
    for each in reversed(attempts):
        known = each.evidence
        rows.append(
            {
                "attempt": f"run {each.result.run_id}, attempt {each.result.attempt_id}",
                "memory": _mib(each.result.peak_memory_bytes),
                "memory_limit": _mib((known.memory_limit_bytes if known else None) or memory_limit),
                "minutes": round(each.result.exec_time_minutes, 3),
                "minutes_limit": _minutes((known.runtime_limit_s if known else None) or runtime_limit),
            }
        )
    return json.dumps(rows)


def _mib(amount: int | None) -> float | None:
    return None if amount is None else round(amount / 2**20, 2)


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 3)
