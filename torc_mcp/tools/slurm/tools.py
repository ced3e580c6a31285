"""Tools that ask a Slurm cluster about the allocations of a workflow."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from torc_client.allocations.accounting import read_accounting
from torc_client.recovery.planned_text import planned_data
from torc_client.slurm.cluster import require_cluster
from torc_client.submission.recovery_planner import left_allocations, left_planner
from torc_core.slurm.usage import LOW_PEAKS, AccountedRow, accounted_rows
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import ToolContext, app_of, one_line
from torc_mcp.tools.parameters import DryRun, WorkflowId
from torc_mcp.tools.slurm.answers import AccountedPart, PlannedPart, PlannedSubmissions, SlurmSacct

_ROOM: Final = PAYLOAD_BYTES - 2_000
_MOST_ERRORS: Final = 5
_GOOD: Final = frozenset({"COMPLETED", "RUNNING", "PENDING"})


def get_slurm_sacct(ctx: ToolContext, workflow_id: WorkflowId) -> SlurmSacct:
    """Show how Slurm accounts for the workflow's allocations and their steps: state, exit code, time, memory, nodes.

    Use it where jobs ended without a word of their own: OUT_OF_MEMORY, TIMEOUT, NODE_FAIL, PREEMPTED and CANCELLED are
    Slurm's verdicts. A step is a job's where it has a `job_id`. `max_rss` is sampled, and too low where
    `max_rss_is_low`: never size memory by it.
    """
    app = app_of(ctx)
    found = read_accounting(app.client, workflow_id, require_cluster(os.environ))
    rows = sorted(accounted_rows(found.records, workflow_id, found.job_names), key=lambda row: row.state in _GOOD)
    return SlurmSacct(
        workflow_id=workflow_id,
        total_slurm_jobs=len(found.records),
        rows_total=len(rows),
        summary=take_rows([_shown(row) for row in rows], _ROOM),
        errors=list(found.errors[:_MOST_ERRORS]),
        note=LOW_PEAKS,
    )


def plan_allocations(ctx: ToolContext, workflow_id: WorkflowId) -> PlannedSubmissions:
    """Show the Slurm allocations in which the jobs that still have to run would run: how many, where, how long.

    Nothing is submitted: resubmit_workflow does that. Jobs that wait for others get theirs once they are ready.
    """
    return _resubmit(ctx, workflow_id, dry_run=True)


def resubmit_workflow(ctx: ToolContext, workflow_id: WorkflowId, *, dry_run: DryRun = True) -> PlannedSubmissions:
    """Submit new Slurm allocations for the jobs of a workflow that still have to run, as after recover_workflow.

    With dry_run (the default) only the plan is shown. Allocations cost node-hours of the user's account: submit once,
    and not while others of this workflow wait in the queue (get_workflow_status shows them).
    """
    return _resubmit(ctx, workflow_id, dry_run=dry_run)


def _resubmit(ctx: ToolContext, workflow_id: int, *, dry_run: bool) -> PlannedSubmissions:
    app = app_of(ctx)
    require_cluster(os.environ)
    allocations = left_allocations(os.environ)
    planner = left_planner(os.environ, allocations)
    left = planner.plan(app.client, workflow_id)
    planned = planner.submissions(app.client, workflow_id, left, Path())
    submitted: Sequence[int] = ()
    if not dry_run and planned:
        folder = Path(app.settings.client.output_dir)
        submitted = allocations.submit(app.client, workflow_id, output_dir=folder)
    return PlannedSubmissions(
        workflow_id=workflow_id,
        dry_run=dry_run,
        pending_jobs=left.plan.job_count,
        total_allocations=left.plan.allocations,
        allocations_submitted=len(submitted),
        node_hours=left.plan.node_hours,
        profile_name=None if left.site is None else left.site.profile.name,
        planned_schedulers=take_rows([_planned(each) for each in planned_data(planned)], _ROOM),
        warnings=[one_line(note, 240) for note in left.notes[:_MOST_ERRORS]],
        next_steps=_next_steps(left.plan.job_count, dry_run=dry_run),
    )


def _planned(data: Mapping[str, Any]) -> PlannedPart:
    names = PlannedPart.model_fields
    return PlannedPart.model_validate({name: value for name, value in data.items() if name in names})


def _next_steps(job_count: int, *, dry_run: bool) -> str:
    if not job_count:
        return "No job waits to run: there is nothing to submit."
    if dry_run:
        return "Nothing was submitted; resubmit_workflow with dry_run=false submits it."
    return "get_workflow_status shows how they stand."


def _shown(row: AccountedRow) -> AccountedPart:
    return AccountedPart(
        slurm_job_id=row.slurm_job_id,
        job_step=one_line(row.job_step, 40),
        state=row.state,
        exit_code=row.exit_code,
        elapsed=row.elapsed,
        max_rss=row.max_rss,
        max_rss_is_low=row.max_rss_is_low if row.max_rss is not None else None,
        cpu_time=row.cpu_time,
        nodes=None if row.nodes is None else one_line(row.nodes),
        job_id=row.job_id,
        job_name=None if row.job_name is None else one_line(row.job_name),
        attempt_id=row.attempt_id,
    )
