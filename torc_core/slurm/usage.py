"""Figures of allocations from accounting: their steps, what jobs used in them, node-hours and core-hours."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from torc_core.resources.memory import describe_memory
from torc_core.slurm.allocation import AccountedStep, AccountingRecord
from torc_core.slurm.steps import AttemptStep

LOW_PEAKS: Final = (
    "MaxRSS is sampled: of steps that were killed or ended within a minute it is too low (marked >). Never size by it: "
    "the state says what happened."
)


class AccountedRow(BaseModel):
    """An allocation (`job_step` is empty) or one of its steps. The job is named where the step bears its name."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    slurm_job_id: str
    job_step: str
    state: str
    exit_code: str | None = None
    reason: str | None = None
    elapsed: str | None = None
    elapsed_s: float | None = None
    max_rss: str | None = None
    max_rss_bytes: int | None = None
    max_rss_is_low: bool = False
    cpu_time: str | None = None
    cpu_time_s: float | None = None
    nodes: str | None = None
    partition: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    job_id: int | None = None
    job_name: str | None = None
    run_id: int | None = None
    attempt_id: int | None = None


class StepStats(BaseModel):
    """One step that bears the name of a job's attempt."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    workflow_id: int
    job_id: int
    job_name: str | None = None
    run_id: int
    attempt_id: int
    slurm_job_id: str
    job_step: str
    state: str
    exit_code: str | None = None
    max_rss_bytes: int | None = None
    max_rss_is_low: bool = False
    cpu_time_s: float | None = None
    elapsed_s: float | None = None
    cpus: int
    node_count: int
    node_list: str | None = None


class AllocationUsage(BaseModel):
    """Granted is what the allocation held for its time, used the CPU time of its steps that have ended."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    slurm_job_id: str
    state: str
    nodes: int
    cpus: int
    elapsed_s: float
    node_hours: float
    core_hours_granted: float
    core_hours_used: float
    share_used: float | None = None


class WorkflowUsage(BaseModel):
    """The sums over a workflow's allocations, and each of them."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    workflow_id: int
    total_slurm_jobs: int
    total_nodes: int
    total_node_time: str
    total_node_time_seconds: float
    total_cpu_time: str
    total_cpu_time_seconds: float
    unknown_node_count_allocations: int
    """How many allocations have started but name no number of nodes."""
    node_hours: float
    core_hours_granted: float
    core_hours_used: float
    share_used: float | None = None
    allocations: list[AllocationUsage]
    errors: list[str]


def attempt_of(step: AccountedStep, workflow_id: int) -> AttemptStep | None:
    """Return the workflow's attempt that ran in this step, None where it is no job's."""
    attempt = AttemptStep.parse(step.job_name)
    return attempt if attempt is not None and attempt.workflow_id == workflow_id else None


def accounted_rows(
    records: Iterable[AccountingRecord], workflow_id: int, names: Mapping[int, str]
) -> Iterator[AccountedRow]:
    """Yield each allocation and its steps behind it."""
    for record in records:
        scheduler_id = str(record.scheduler_id)
        yield AccountedRow(
            slurm_job_id=scheduler_id,
            job_step="",
            state=record.state,
            exit_code=record.exit_code,
            reason=record.reason,
            elapsed=clock(record.elapsed_s),
            elapsed_s=record.elapsed_s,
            cpu_time=clock(record.cpu_time_s),
            cpu_time_s=record.cpu_time_s,
            nodes=record.nodes,
            partition=record.partition,
            start_time=record.start_time,
            end_time=record.end_time,
        )
        for step in record.steps:
            attempt = attempt_of(step, workflow_id)
            yield AccountedRow(
                slurm_job_id=scheduler_id,
                job_step=step.name,
                state=step.state,
                exit_code=step.exit_code,
                elapsed=clock(step.elapsed_s),
                elapsed_s=step.elapsed_s,
                max_rss=None if step.max_rss_bytes is None else describe_memory(step.max_rss_bytes),
                max_rss_bytes=step.max_rss_bytes,
                max_rss_is_low=step.max_rss_bytes is not None and step.peak_is_low,
                cpu_time=clock(step.cpu_time_s),
                cpu_time_s=step.cpu_time_s,
                nodes=step.nodes,
                job_id=attempt.job_id if attempt else None,
                job_name=names.get(attempt.job_id) if attempt else None,
                run_id=attempt.run_id if attempt else None,
                attempt_id=attempt.attempt_id if attempt else None,
            )


def step_stats(records: Iterable[AccountingRecord], workflow_id: int, names: Mapping[int, str]) -> Iterator[StepStats]:
    """Yield the steps in which the workflow's jobs ran, one for each."""
    for record in records:
        for step in record.steps:
            attempt = attempt_of(step, workflow_id)
            if attempt is None:
                continue
            yield StepStats(
                workflow_id=workflow_id,
                job_id=attempt.job_id,
                job_name=names.get(attempt.job_id),
                run_id=attempt.run_id,
                attempt_id=attempt.attempt_id,
                slurm_job_id=str(record.scheduler_id),
                job_step=step.name,
                state=step.state,
                exit_code=step.exit_code,
                max_rss_bytes=step.max_rss_bytes,
                max_rss_is_low=step.max_rss_bytes is not None and step.peak_is_low,
                cpu_time_s=step.cpu_time_s,
                elapsed_s=step.elapsed_s,
                cpus=step.cpus,
                node_count=step.node_count,
                node_list=step.nodes,
            )


def sum_usage(records: Sequence[AccountingRecord], workflow_id: int, errors: Collection[str] = ()) -> WorkflowUsage:
    """Return node-hours and core-hours of each allocation and of all. Those that never started used nothing."""
    each = [_usage(record) for record in records]
    node_s = sum(one.nodes * one.elapsed_s for one in each)
    used_s = sum(record.cpu_time_s or 0.0 for record in records)
    granted_s = sum(one.cpus * one.elapsed_s for one in each)
    return WorkflowUsage(
        workflow_id=workflow_id,
        total_slurm_jobs=len(each),
        total_nodes=sum(one.nodes for one in each),
        total_node_time=clock(node_s) or "",
        total_node_time_seconds=node_s,
        total_cpu_time=clock(used_s) or "",
        total_cpu_time_seconds=used_s,
        unknown_node_count_allocations=sum(one.elapsed_s > 0 and not one.nodes for one in each),
        node_hours=_hours(node_s),
        core_hours_granted=_hours(granted_s),
        core_hours_used=_hours(used_s),
        share_used=_share(used_s, granted_s),
        allocations=each,
        errors=list(errors),
    )


def _usage(record: AccountingRecord) -> AllocationUsage:
    elapsed_s = record.elapsed_s or 0.0
    # An allocation that never started has nodes and CPUs that it asked for, and no time.
    nodes, cpus = (record.node_count, record.cpus) if record.nodes else (0, 0)
    used_s = record.cpu_time_s or 0.0
    return AllocationUsage(
        slurm_job_id=str(record.scheduler_id),
        state=record.state,
        nodes=nodes,
        cpus=cpus,
        elapsed_s=elapsed_s,
        node_hours=_hours(nodes * elapsed_s),
        core_hours_granted=_hours(cpus * elapsed_s),
        core_hours_used=_hours(used_s),
        share_used=_share(used_s, cpus * elapsed_s),
    )


def clock(seconds: float | None) -> str | None:
    """Return a time as Slurm prints it: `00:01:05`, `2-00:00:00`."""
    if seconds is None:
        return None
    days, rest = divmod(int(seconds), 86_400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 4)


def _share(used_s: float, granted_s: float) -> float | None:
    return round(used_s / granted_s, 4) if granted_s else None
