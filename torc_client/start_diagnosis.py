"""Why the ready jobs of a workflow do not start: what the runners that are there lack."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Final

from pydantic import BaseModel

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory

_NAMES_SHOWN: Final = 5


class SecondsSummary(BaseModel):
    """How some durations in seconds are spread."""

    count: int
    min_seconds: float
    median_seconds: float
    max_seconds: float


class Obstacle(BaseModel):
    """One reason why ready jobs do not start, how many it holds back, and the names of some."""

    reason: str
    jobs: int
    names: list[str]


class StartDiagnosis(BaseModel):
    """What the runners of a workflow have, and why its ready jobs do not start."""

    workflow_id: int
    active_allocations: int
    allocations_with_walltime: int
    allocations_unlimited: int
    has_unlimited_allocation: bool
    ready_jobs: int
    ready_jobs_with_runtime: int
    allocation_remaining: SecondsSummary | None
    ready_job_runtime: SecondsSummary | None
    runtime_blocked_jobs: int
    runtime_blocked: bool
    obstacles: list[Obstacle]


def diagnose_start(client: TorcClient, workflow_id: int) -> StartDiagnosis:
    """Compare every ready job with every active runner."""
    client.workflow_status(workflow_id)
    jobs = client.jobs.list_all(workflow_id=workflow_id, status=JobStatus.READY)
    needs = {each.id: each for each in client.resource_requirements.list_all(workflow_id=workflow_id)}
    runners = client.compute_nodes.list_all(workflow_id=workflow_id, is_active=True)
    left = {runner.id: _left_s(runner) for runner in runners}
    bounded = [seconds for seconds in left.values() if seconds is not None]
    runtimes = [seconds for job in jobs if (seconds := _runtime_s(job, needs)) is not None]
    reasons = [(job.name, _why_not(job, needs, runners, left)) for job in jobs]
    blocked = sum(reason == _TOO_LONG for _, reason in reasons)
    return StartDiagnosis(
        workflow_id=workflow_id,
        active_allocations=len(runners),
        allocations_with_walltime=len(bounded),
        allocations_unlimited=len(runners) - len(bounded),
        has_unlimited_allocation=len(bounded) < len(runners),
        ready_jobs=len(jobs),
        ready_jobs_with_runtime=len(runtimes),
        allocation_remaining=_summary(bounded),
        ready_job_runtime=_summary(runtimes),
        runtime_blocked_jobs=blocked,
        runtime_blocked=blocked > 0,
        obstacles=_obstacles(reasons),
    )


_TOO_LONG: Final = "their runtime is longer than what is left to every runner"
_NO_RUNNER: Final = "no runner is active"
_LABELS: Final = "no active runner has all of their labels"
_TOO_LARGE: Final = "they need more CPUs, GPUs, memory or nodes than any active runner has"
_BUSY: Final = "a runner could take them: it has not asked yet, or works on other jobs"


def _why_not(
    job: JobModel,
    needs: Mapping[int | None, ResourceRequirementsModel],
    runners: Sequence[ComputeNodeModel],
    left: Mapping[int | None, float | None],
) -> str:
    """Return the first thing that no runner has; each is asked of those that have all before it."""
    if not runners:
        return _NO_RUNNER
    wanted, need, runtime_s = set(job.labels or ()), needs.get(job.resource_requirements_id), _runtime_s(job, needs)
    able = [runner for runner in runners if wanted <= set(runner.labels or ())]
    if not able:
        return _LABELS
    able = [runner for runner in able if need is None or _has_room(runner, need)]
    if not able:
        return _TOO_LARGE
    for runner in able:
        seconds = left[runner.id]
        if seconds is None or runtime_s is None or runtime_s <= seconds:
            return _BUSY
    return _TOO_LONG


def _has_room(runner: ComputeNodeModel, need: ResourceRequirementsModel) -> bool:
    return (
        need.num_cpus <= runner.num_cpus
        and need.num_gpus <= runner.num_gpus
        and need.num_nodes <= runner.num_nodes
        and parse_memory(need.memory) <= runner.memory_gb * 2**30
    )


def _runtime_s(job: JobModel, needs: Mapping[int | None, ResourceRequirementsModel]) -> float | None:
    need = needs.get(job.resource_requirements_id)
    return None if need is None or need.name == UNSPECIFIED_REQUIREMENT else parse_duration(need.runtime)


def _left_s(runner: ComputeNodeModel) -> float | None:
    """Return the seconds that the runner still has; None without a known end."""
    if runner.end_time is None:
        return None
    return max(0.0, (datetime.fromisoformat(runner.end_time) - datetime.now(UTC)).total_seconds())


def _summary(seconds: Sequence[float]) -> SecondsSummary | None:
    if not seconds:
        return None
    return SecondsSummary(
        count=len(seconds), min_seconds=min(seconds), median_seconds=median(seconds), max_seconds=max(seconds)
    )


def _obstacles(reasons: Iterable[tuple[str, str]]) -> list[Obstacle]:
    pairs = list(reasons)
    counts = Counter(reason for _, reason in pairs)
    return [
        Obstacle(reason=reason, jobs=count, names=[name for name, each in pairs if each == reason][:_NAMES_SHOWN])
        for reason, count in counts.most_common()
    ]
