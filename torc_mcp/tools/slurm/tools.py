"""Tools that ask a Slurm cluster about the allocations of a workflow."""

import os
from typing import Final

from torc_client.allocations.accounting import read_accounting
from torc_client.slurm.cluster import require_cluster
from torc_core.slurm.usage import LOW_PEAKS, AccountedRow, accounted_rows
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import ToolContext, app_of, one_line
from torc_mcp.tools.parameters import WorkflowId
from torc_mcp.tools.slurm.answers import AccountedPart, SlurmSacct

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
