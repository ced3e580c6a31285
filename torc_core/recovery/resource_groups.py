"""What the jobs of each resource requirement used: the basis for grouping them anew."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, median

from pydantic import BaseModel, ConfigDict

from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.results import ResultModel
from torc_core.recovery.sparse_model import SparseModel
from torc_core.resources.memory import describe_memory


class Spread(BaseModel):
    """The spread of one measured value over the jobs of a group."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    min: float
    max: float
    mean: float
    median: float


class UseSummary(SparseModel):
    """The spreads of a group; a value that was measured for none of its jobs is left out."""

    peak_memory_bytes: Spread | None = None
    peak_cpu_percent: Spread | None = None
    exec_time_minutes: Spread | None = None


class JobUse(SparseModel):
    """What the newest attempt of one job used."""

    job_id: int
    name: str
    peak_memory_bytes: int | None = None
    peak_memory_formatted: str | None = None
    peak_cpu_percent: float | None = None
    exec_time_minutes: float
    return_code: int


class GroupAmounts(BaseModel):
    """The amounts that the jobs of a group ask for."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    memory: str
    num_cpus: int
    runtime: str
    num_gpus: int
    num_nodes: int


class RequirementUse(SparseModel):
    """One resource requirement: what it asks for, and what its jobs used, those with the largest peak first."""

    resource_requirements_id: int
    name: str
    config: GroupAmounts
    job_count: int
    jobs_with_results: int
    summary: UseSummary
    jobs: tuple[JobUse, ...] = ()


class RequirementsReport(SparseModel):
    """All resource requirements that jobs have; `jobs_without_results` are the ids of jobs that have not ended."""

    workflow_id: int
    total_jobs: int
    total_jobs_with_results: int
    resource_groups: tuple[RequirementUse, ...] = ()
    jobs_without_results: tuple[int, ...] = ()


def report_requirements(
    workflow_id: int,
    jobs: Sequence[JobModel],
    requirements: Iterable[ResourceRequirementsModel],
    results: Iterable[ResultModel],
) -> RequirementsReport:
    """Return the report; `results` holds at most one result of each job."""
    ended = {result.job_id: result for result in results}
    members: defaultdict[int, list[JobModel]] = defaultdict(list)
    for job in jobs:
        members[job.resource_requirements_id or 0].append(job)
    groups = [_group(record, members[record.id or 0], ended) for record in requirements if members.get(record.id or 0)]
    return RequirementsReport(
        workflow_id=workflow_id,
        total_jobs=len(jobs),
        total_jobs_with_results=sum(job.id in ended for job in jobs),
        resource_groups=tuple(groups),
        jobs_without_results=tuple(job.id or 0 for job in jobs if job.id not in ended),
    )


def _group(
    record: ResourceRequirementsModel, members: Sequence[JobModel], ended: Mapping[int, ResultModel]
) -> RequirementUse:
    uses = [_use(job, ended[job.id]) for job in members if job.id is not None and job.id in ended]
    uses.sort(key=lambda use: (-(use.peak_memory_bytes or 0), use.job_id))
    return RequirementUse(
        resource_requirements_id=record.id or 0,
        name=record.name,
        config=GroupAmounts(
            memory=record.memory,
            num_cpus=record.num_cpus,
            runtime=record.runtime,
            num_gpus=record.num_gpus,
            num_nodes=record.num_nodes,
        ),
        job_count=len(members),
        jobs_with_results=len(uses),
        summary=UseSummary(
            peak_memory_bytes=_spread(use.peak_memory_bytes for use in uses),
            peak_cpu_percent=_spread(use.peak_cpu_percent for use in uses),
            exec_time_minutes=_spread(use.exec_time_minutes for use in uses),
        ),
        jobs=tuple(uses),
    )


def _use(job: JobModel, result: ResultModel) -> JobUse:
    peak = result.peak_memory_bytes
    return JobUse(
        job_id=job.id or 0,
        name=job.name,
        peak_memory_bytes=peak,
        peak_memory_formatted=None if peak is None else describe_memory(peak),
        peak_cpu_percent=result.peak_cpu_percent,
        exec_time_minutes=result.exec_time_minutes,
        return_code=result.return_code,
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return Spread(min=min(known), max=max(known), mean=mean(known), median=median(known))
