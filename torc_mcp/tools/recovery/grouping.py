"""Tools that show what jobs used by their requirements, and that group jobs anew."""

from typing import Annotated, Final

from pydantic import Field

from torc_client.recovery.resources import requirements_use
from torc_core.api.resource_requirements import RegroupedJobs, ResourceGroup
from torc_core.recovery.resource_groups import GroupAmounts, RequirementUse
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import ToolContext, app_of, one_line
from torc_mcp.tools.act.tools import check_limits
from torc_mcp.tools.parameters import DryRun, WorkflowId
from torc_mcp.tools.recovery.answers import Regrouped, RegroupedPart, RequirementsUse, RequirementUsePart

_ROOM: Final = PAYLOAD_BYTES - 1_500
_GROUP_BYTES: Final = 700
"""What a group needs without its jobs."""
_MAX_GROUPS: Final = 100
_IDS_SHOWN: Final = 100


def analyze_resource_usage(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    *,
    completed_only: Annotated[bool, Field(description="Only attempts that completed.")] = False,
) -> RequirementsUse:
    """Show what jobs used, by resource requirement: least, most, mean and median of memory, CPU and minutes.

    For each requirement the jobs with the largest peaks are named. Where the jobs of one requirement differ much,
    regroup_job_resources gives them requirements that fit.
    """
    app = app_of(ctx)
    report = requirements_use(app.client, workflow_id, completed_only=completed_only)
    shown = report.resource_groups[: _ROOM // _GROUP_BYTES]
    room = _ROOM - _GROUP_BYTES * len(shown) - 8 * min(len(report.jobs_without_results), _IDS_SHOWN)
    return RequirementsUse(
        workflow_id=workflow_id,
        total_jobs=report.total_jobs,
        total_jobs_with_results=report.total_jobs_with_results,
        resource_groups_count=len(report.resource_groups),
        resource_groups=[_shown(group, room // len(shown)) for group in shown],
        jobs_without_results=list(report.jobs_without_results[:_IDS_SHOWN]),
        next_steps="regroup_job_resources groups jobs anew." if "regroup_job_resources" in app.tools else None,
    )


def regroup_job_resources(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    *,
    groups: Annotated[
        list[ResourceGroup], Field(min_length=1, max_length=_MAX_GROUPS, description="The groups; a job is in one.")
    ],
    dry_run: DryRun = True,
) -> Regrouped:
    """Give groups of jobs requirements of their own: CPUs, memory, runtime, GPUs, nodes. All groups, or none.

    With dry_run (the default) it only shows what would change. Jobs that no group names keep what they have; the
    amounts count from a job's next attempt. analyze_resource_usage shows what jobs used.
    """
    app = app_of(ctx)
    for group in groups:
        check_limits(app.settings.limits, memory=group.memory, runtime=group.runtime)
    answer = app.client.regroup_resources(workflow_id, groups, dry_run=dry_run)
    rows = [_regrouped(index, group) for index, group in enumerate(answer.groups)]
    return Regrouped(
        workflow_id=workflow_id,
        dry_run=dry_run,
        total_jobs=answer.total_jobs,
        groups_count=len(rows),
        groups=take_rows(rows, _ROOM),
        next_steps=(
            "Nothing was changed; call again with dry_run=false." if dry_run else "Counts from their next attempts."
        ),
    )


def _shown(group: RequirementUse, room: int) -> RequirementUsePart:
    jobs = take_rows([job.model_copy(update={"name": one_line(job.name, 120)}) for job in group.jobs], room)
    return RequirementUsePart(
        resource_requirements_id=group.resource_requirements_id,
        name=one_line(group.name, 120),
        config=group.config,
        job_count=group.job_count,
        jobs_with_results=group.jobs_with_results,
        summary=group.summary,
        jobs=jobs,
        jobs_left_out=group.jobs_with_results - len(jobs),
    )


def _regrouped(index: int, group: RegroupedJobs) -> RegroupedPart:
    return RegroupedPart(
        group_index=index,
        name=one_line(group.name, 120),
        config=GroupAmounts(
            memory=group.memory,
            num_cpus=group.num_cpus,
            runtime=group.runtime,
            num_gpus=group.num_gpus,
            num_nodes=group.num_nodes,
        ),
        job_count=group.job_count,
        before={one_line(name, 120): count for name, count in group.before.items()},
        resource_requirements_id=group.resource_requirements_id,
    )
