"""Tools that show workflows, jobs and results."""

from typing import Annotated, Final

from pydantic import Field

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import JobStatusCounts, WorkflowModel
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import describe_duration
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import ToolContext, app_of, one_line
from torc_mcp.failure_listing import top_groups
from torc_mcp.fence import Fence, harmless
from torc_mcp.tools.inspect.answers import (
    AttemptRow,
    JobDetails,
    JobRequirements,
    JobRow,
    JobsByStatus,
    ResultsPage,
    WorkflowRow,
    WorkflowsPage,
    WorkflowStatus,
    WorkflowSummary,
)
from torc_mcp.tools.parameters import JobId, Limit, Offset, WorkflowId

_ROOM: Final = PAYLOAD_BYTES - 1_000
"""For rows; the rest is for what stands around them."""

_MAX_COMMAND_CHARS: Final = 2_000
_MAX_IDS: Final = 100


def list_workflows(
    ctx: ToolContext,
    *,
    user: Annotated[str | None, Field(description="Only this user's workflows.")] = None,
    name: Annotated[str | None, Field(description="Only workflows with exactly this name.")] = None,
    offset: Offset = 0,
    limit: Limit = 25,
) -> WorkflowsPage:
    """List workflows, the newest first.

    Use it to find the id that the other tools need. Archived workflows are marked.
    """
    app = app_of(ctx)
    if app.settings.workflows is None:
        page = app.client.workflows.page(
            offset=offset, limit=limit, user=user, name=name, sort_by="id", reverse_sort=True
        )
        shown, total = page.items, page.total_count
    else:
        within = [app.client.workflows.get(each) for each in sorted(app.settings.workflows, reverse=True)]
        matching = [one for one in within if user in (None, one.user) and name in (None, one.name)]
        shown, total = matching[offset : offset + limit], len(matching)
    rows = take_rows([_workflow_row(workflow) for workflow in shown], _ROOM)
    return WorkflowsPage(total=total, offset=offset, next_offset=_next(offset, len(rows), total), workflows=rows)


def get_workflow_status(ctx: ToolContext, workflow_id: WorkflowId) -> WorkflowStatus:
    """Show how many jobs of a workflow are in which status.

    Statuses: uninitialized, blocked (waits for others), ready, pending (claimed), running, completed, failed,
    canceled (a dependency failed), terminated, disabled, pending_failed (failed, waits for a decision: retry or fail).
    """
    client = app_of(ctx).client
    status = client.workflow_status(workflow_id)
    workflow = client.workflows.get(workflow_id)
    counts = _counts(status.jobs_by_status)
    return WorkflowStatus(
        workflow_id=workflow_id,
        name=one_line(status.workflow_name),
        user=one_line(status.workflow_user),
        description=one_line(workflow.description, 500) if workflow.description else None,
        run_id=status.run_id,
        total_jobs=status.total_jobs,
        job_counts_by_status=counts,
        is_complete=status.is_complete,
        is_canceled=status.is_canceled,
        is_archived=status.is_archived,
        active_compute_nodes=status.active_compute_nodes,
        next_steps=_next_steps(counts, app_of(ctx).tools),
    )


def get_workflow_summary(ctx: ToolContext, workflow_id: WorkflowId) -> WorkflowSummary:
    """Summarize a workflow: jobs by status, times, nodes, and its largest groups of failures.

    One call for "how is it going, and what went wrong". Failures are grouped by what they have in common.
    """
    client = app_of(ctx).client
    status = client.workflow_status(workflow_id)
    counts = _counts(status.jobs_by_status)
    fence = Fence()
    failures = top_groups(client, workflow_id, counts, fence)
    return WorkflowSummary(
        workflow_id=workflow_id,
        workflow_name=one_line(status.workflow_name),
        workflow_user=one_line(status.workflow_user),
        run_id=status.run_id,
        total_jobs=status.total_jobs,
        jobs_by_status=counts,
        total_exec_time_minutes=round(status.total_exec_time_minutes, 3),
        total_exec_time_formatted=describe_duration(status.total_exec_time_minutes * 60),
        walltime_seconds=status.walltime_seconds,
        walltime_formatted=None if status.walltime_seconds is None else describe_duration(status.walltime_seconds),
        active_compute_nodes=status.active_compute_nodes,
        pending_scheduled_nodes=status.pending_scheduled_nodes,
        active_scheduled_nodes=status.active_scheduled_nodes,
        is_complete=status.is_complete,
        is_canceled=status.is_canceled,
        largest_failure_groups=failures,
        log_notice=fence.notice if failures else None,
    )


def list_jobs_by_status(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    status: Annotated[JobStatus, Field(description="The status to look for.")],
    *,
    offset: Offset = 0,
    limit: Limit = 50,
) -> JobsByStatus:
    """List the jobs of a workflow that are in one status.

    `count` is the number of all such jobs; page on with `next_offset`. For failures the tools
    list_pending_failed_jobs and list_failed_jobs say more.
    """
    page = app_of(ctx).client.jobs.page(workflow_id=workflow_id, status=status, offset=offset, limit=limit)
    rows = take_rows([_job_row(job) for job in page.items], _ROOM)
    return JobsByStatus(
        workflow_id=workflow_id,
        status=status,
        count=page.total_count,
        offset=offset,
        next_offset=_next(offset, len(rows), page.total_count),
        jobs=rows,
    )


def get_job_details(ctx: ToolContext, job_id: JobId) -> JobDetails:
    """Show one job: its command, status, requirements, dependencies and newest result.

    What its log says is shown by get_job_logs.
    """
    client = app_of(ctx).client
    job = client.jobs.get(job_id)
    depends_on = job.depends_on_job_ids or []
    return JobDetails(
        job_id=job_id,
        workflow_id=job.workflow_id,
        name=one_line(job.name),
        command=_long_text(job.command),
        invocation_script=_long_text(job.invocation_script) if job.invocation_script else None,
        status=job.status or JobStatus.UNINITIALIZED,
        attempt_id=job.attempt_id or 1,
        priority=job.priority or 0,
        supports_termination=bool(job.supports_termination),
        cancel_on_blocking_job_failure=job.cancel_on_blocking_job_failure is not False,
        depends_on_job_ids=depends_on[:_MAX_IDS],
        depends_on_count=len(depends_on),
        failure_handler_id=job.failure_handler_id,
        compute_node_id=job.compute_node_id,
        start_time=job.start_time,
        resource_requirements=_requirements(client, job),
        latest_result=_latest_result(client, job_id, job.workflow_id),
    )


def list_results(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    *,
    job_id: Annotated[int | None, Field(description="Only attempts of this job.")] = None,
    run_id: Annotated[int | None, Field(description="Only this run; all runs when left out.")] = None,
    return_code: Annotated[int | None, Field(description="Only attempts that ended with this code.")] = None,
    failed_only: Annotated[bool, Field(description="Only attempts with a return code other than 0.")] = False,
    status: Annotated[JobStatus | None, Field(description="Only attempts that ended in this status.")] = None,
    sort_by: Annotated[str | None, Field(description="A field of the result, for example exec_time_minutes.")] = None,
    reverse_sort: Annotated[bool, Field(description="Largest first.")] = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> ResultsPage:
    """List the recorded attempts of jobs: return code, time, peak memory and CPU.

    Every attempt of every run has its own row.
    """
    page = app_of(ctx).client.results.page(
        workflow_id=workflow_id,
        job_id=job_id,
        run_id=run_id,
        return_code=return_code,
        failed_only=failed_only or None,
        status=status,
        sort_by=sort_by,
        reverse_sort=reverse_sort or None,
        all_runs=run_id is None,
        offset=offset,
        limit=limit,
    )
    rows = take_rows([_result_row(result) for result in page.items], _ROOM)
    return ResultsPage(
        workflow_id=workflow_id,
        total=page.total_count,
        offset=offset,
        next_offset=_next(offset, len(rows), page.total_count),
        results=rows,
    )


def _next(offset: int, shown: int, total: int) -> int | None:
    return offset + shown if offset + shown < total and shown else None


def _counts(by_status: JobStatusCounts) -> dict[str, int]:
    """Return the counts by name, without the statuses that no job is in."""
    return {status.value: count for status, count in by_status.root.items() if count}


def _next_steps(counts: dict[str, int], tools: frozenset[str]) -> str | None:
    if waiting := counts.get(JobStatus.PENDING_FAILED):
        tool = "list_pending_failed_jobs"
        return f"{waiting} jobs wait for a decision" + (f": see {tool}." if tool in tools else ".")
    if failed := counts.get(JobStatus.FAILED):
        tool = "list_failed_jobs"
        return f"{failed} jobs failed" + (f": see {tool}." if tool in tools else ".")
    return None


def _workflow_row(workflow: WorkflowModel) -> WorkflowRow:
    return WorkflowRow(
        workflow_id=workflow.id or 0,
        name=one_line(workflow.name),
        user=one_line(workflow.user, 80),
        description=one_line(workflow.description, 120) if workflow.description else None,
        created_at=workflow.timestamp,
        is_archived=True if workflow.is_archived else None,
    )


def _job_row(job: JobModel) -> JobRow:
    return JobRow(job_id=job.id or 0, name=one_line(job.name), command=one_line(harmless(job.command)))


def _requirements(client: TorcClient, job: JobModel) -> JobRequirements | None:
    if job.resource_requirements_id is None:
        return None
    record = client.resource_requirements.get(job.resource_requirements_id)
    return JobRequirements(
        id=job.resource_requirements_id,
        name=one_line(record.name),
        num_cpus=record.num_cpus,
        num_gpus=record.num_gpus,
        num_nodes=record.num_nodes,
        memory=record.memory,
        runtime=record.runtime,
    )


def _latest_result(client: TorcClient, job_id: int, workflow_id: int) -> AttemptRow | None:
    results = client.results.list_all(workflow_id=workflow_id, job_id=job_id, all_runs=True)
    newest = max(results, key=lambda result: (result.run_id, result.attempt_id or 1), default=None)
    return None if newest is None else _result_row(newest)


def _result_row(result: ResultModel) -> AttemptRow:
    return AttemptRow(
        job_id=result.job_id,
        job_name=one_line(result.job_name, 80) if result.job_name else None,
        run_id=result.run_id,
        attempt_id=result.attempt_id or 1,
        return_code=result.return_code,
        status=result.status,
        exec_time_minutes=round(result.exec_time_minutes, 3),
        completion_time=result.completion_time,
        peak_memory_bytes=result.peak_memory_bytes,
        peak_cpu_percent=result.peak_cpu_percent,
        avg_cpu_percent=result.avg_cpu_percent,
    )


def _long_text(text: str) -> str:
    shown = harmless(text)
    left_out = len(shown) - _MAX_COMMAND_CHARS
    return shown if left_out <= 0 else f"{shown[:_MAX_COMMAND_CHARS]} [... {left_out} characters left out]"
