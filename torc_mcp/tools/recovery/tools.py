"""Tools that compare requested with used resources, and retry jobs with more of them."""

import os
from collections import Counter
from typing import Annotated, Final, TypeVar

from pydantic import Field

from torc_client.recovery.allocations import find_allocations
from torc_client.recovery.recover import AppliedRecovery, PlannedRecovery, RecoveryTools, carry_out, prepare, preview
from torc_client.recovery.resources import utilization
from torc_core.hints import torc
from torc_core.recovery.defaults import MEMORY_MULTIPLIER, RUNTIME_MULTIPLIER
from torc_core.recovery.plan import NeedsDecision, RecoverOptions, Retry, Skipped
from torc_core.recovery.resource_report import (
    MIN_OVER_UTILIZATION_PERCENT,
    OverUtilization,
    ResourceViolation,
    UtilizationReport,
)
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_mcp.actor import actor_of
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import App, ToolContext, app_of, one_line, progress_of
from torc_mcp.tools.parameters import DryRun, WorkflowId
from torc_mcp.tools.recovery.answers import LeftJob, RecoverySummary, ResourceUse, RetriedJob

_ROOM: Final = PAYLOAD_BYTES - 1_500
_STEPS: Final = 2
_MAX_REASONS: Final = 5


def check_resource_utilization(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    *,
    include_failed: Annotated[bool, Field(description="Also failed jobs, with what likely ended them.")] = True,
    run_id: Annotated[int | None, Field(description="Only this run; the newest attempts when left out.")] = None,
) -> ResourceUse:
    """Compare what jobs asked for with what they used: memory, CPU, runtime.

    For failed jobs it says whether they likely ran out of memory or time (`likely_oom`, `likely_timeout`) and by how
    much. recover_workflow gives such jobs more.
    """
    report = progress_of(ctx)
    report(0, _STEPS, "reading results")
    found = utilization(
        app_of(ctx).client,
        workflow_id,
        run_id=run_id,
        include_failed=include_failed,
        show_all=False,
        min_over_utilization_percent=MIN_OVER_UTILIZATION_PERCENT,
    )
    report(_STEPS, _STEPS, "compared")
    return _show_use(found, app_of(ctx).tools)


def recover_workflow(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    *,
    dry_run: DryRun = True,
    memory_multiplier: Annotated[
        float, Field(gt=1, le=100, description="Factor for jobs that ran out of memory.")
    ] = MEMORY_MULTIPLIER,
    runtime_multiplier: Annotated[
        float, Field(gt=1, le=100, description="Factor for jobs that ran out of time.")
    ] = RUNTIME_MULTIPLIER,
    retry_unknown: Annotated[
        bool,
        Field(
            description="Also retry jobs with an unknown cause, within this server's bounds; better decide about "
            "them one by one."
        ),
    ] = False,
) -> RecoverySummary:
    """Retry failed jobs with what they lacked: more memory after out-of-memory, more runtime after a timeout.

    With dry_run (the default) only the plan is shown. Jobs lost to the infrastructure are retried as they are; jobs
    with an unknown cause are left, or need a decision (classify_and_resolve_failures). Only the failing jobs get more;
    others that share their requirements keep theirs. It works when no job of the workflow is running, and begins a new
    run.
    """
    app = app_of(ctx)
    options = _options(
        app, memory_multiplier=memory_multiplier, runtime_multiplier=runtime_multiplier, retry_unknown=retry_unknown
    )
    report = progress_of(ctx)
    tools = RecoveryTools(
        user=_requester(ctx),
        say=lambda line: report(1, _STEPS, one_line(str(line))),
        actor=actor_of(ctx),
        max_ai_retries=app.settings.limits.max_ai_retries,
        # only to learn which allocations have ended: resubmit_workflow submits
        allocations=find_allocations(os.environ),
    )
    report(0, _STEPS, "looking at the failures")
    if dry_run:
        return _show(preview(app.client, workflow_id, options, tools.allocations), options, applied=None, dry_run=True)
    planned = prepare(app.client, workflow_id, options, tools)
    applied = carry_out(app.client, planned, tools) if planned.plan.retries else None
    has_nodes_from_slurm = app.client.slurm_schedulers.page(workflow_id=workflow_id, limit=1).total_count > 0
    how = (
        "resubmit_workflow submits Slurm allocations for them"
        if has_nodes_from_slurm and "resubmit_workflow" in app.tools
        else f"run them with `{torc('run', workflow_id)}`"
    )
    return _show(planned, options, applied=applied, dry_run=False, how=how)


def _options(app: App, *, memory_multiplier: float, runtime_multiplier: float, retry_unknown: bool) -> RecoverOptions:
    """Return the options within the limits of this server."""
    limits = app.settings.limits
    return RecoverOptions(
        memory_multiplier=memory_multiplier,
        runtime_multiplier=runtime_multiplier,
        retry_unknown=retry_unknown,
        max_memory_bytes=parse_memory(limits.max_memory) if limits.max_memory else None,
        max_runtime_s=parse_duration(limits.max_runtime) if limits.max_runtime else None,
    )


def _requester(ctx: ToolContext) -> str:
    actor = actor_of(ctx)
    return f"{actor.user} with {actor.name}" if actor.user else actor.name


def _show_use(found: UtilizationReport, tools: frozenset[str]) -> ResourceUse:
    ooms = sum(bool(row.likely_oom) for row in found.resource_violations)
    timeouts = sum(bool(row.likely_timeout) for row in found.resource_violations)
    can_recover = (ooms or timeouts) and "recover_workflow" in tools
    return ResourceUse(
        workflow_id=found.workflow_id,
        run_id=found.run_id,
        total_results=found.total_results,
        over_utilization_count=found.over_utilization_count,
        violations=take_rows([_named(row) for row in found.violations], _ROOM // 2),
        resource_violations_count=found.resource_violations_count,
        likely_oom_count=ooms,
        likely_timeout_count=timeouts,
        resource_violations=take_rows([_named(row) for row in found.resource_violations], _ROOM // 2),
        next_steps="recover_workflow shows what it would give them." if can_recover else None,
    )


_Row = TypeVar("_Row", OverUtilization, ResourceViolation)


def _named(row: _Row) -> _Row:
    return row.model_copy(update={"job_name": one_line(row.job_name, 120)})


def _show(
    planned: PlannedRecovery,
    options: RecoverOptions,
    *,
    applied: AppliedRecovery | None,
    dry_run: bool,
    how: str = "",
) -> RecoverySummary:
    plan = planned.plan
    return RecoverySummary(
        workflow_id=planned.workflow_id,
        dry_run=dry_run,
        memory_multiplier=options.memory_multiplier,
        runtime_multiplier=options.runtime_multiplier,
        retry_unknown=options.retry_unknown,
        retried_count=applied.answer.reset_count if applied else len(plan.retries) if dry_run else 0,
        memory_raised_count=plan.memory_raised,
        runtime_raised_count=plan.runtime_raised,
        skipped_count=len(plan.skipped),
        needs_decision_count=len(plan.needs_decision),
        orphaned_jobs_count=len(planned.orphans.jobs) + len(planned.orphans.claims_of_nobody),
        dependents_reset_count=applied.answer.dependents_reset if applied else None,
        run_id=applied.answer.run_id if applied else None,
        retried=take_rows([_retried(retry) for retry in plan.retries], _ROOM // 2),
        skipped=take_rows([_left(skipped) for skipped in plan.skipped], _ROOM // 4),
        needs_decision=take_rows([_left(waiting) for waiting in plan.needs_decision], _ROOM // 4),
        next_steps=_next_steps(planned, applied, dry_run=dry_run, how=how),
    )


def _next_steps(planned: PlannedRecovery, applied: AppliedRecovery | None, *, dry_run: bool, how: str) -> str:
    plan = planned.plan
    count = len(plan.needs_decision)
    waiting = f" {count} jobs wait for a decision: list_pending_failed_jobs." if count else ""
    if not plan.retries:
        return f"There is nothing to recover by rules.{waiting}"
    if dry_run:
        return f"Nothing was changed; call again with dry_run=false to apply it.{waiting}"
    if applied is None:
        return waiting.strip()
    refused = Counter(one_line(skipped.reason, 240) for skipped in applied.answer.skipped).most_common(_MAX_REASONS)
    left = "".join(f" {count} were left: {reason}." for reason, count in refused)
    return f"The jobs are ready; {how}.{left}{waiting}"


def _retried(retry: Retry) -> RetriedJob:
    has_memory, has_runtime = retry.memory is not None, retry.runtime is not None
    return RetriedJob(
        job_id=retry.job_id,
        name=one_line(retry.job_name, 120),
        cause=retry.cause,
        reason=one_line(retry.reason, 240),
        old_memory=retry.old_memory if has_memory and not retry.states_no_limits else None,
        memory=retry.memory,
        old_runtime=retry.old_runtime if has_runtime and not retry.states_no_limits else None,
        runtime=retry.runtime,
    )


def _left(left: Skipped | NeedsDecision) -> LeftJob:
    return LeftJob(
        job_id=left.job_id,
        name=one_line(left.job_name, 120),
        cause=left.cause,
        why=left.why if isinstance(left, Skipped) else None,
        reason=one_line(left.reason, 240),
    )
