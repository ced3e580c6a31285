"""The report of a check of a workflow file."""

from pydantic import BaseModel

from torc_core.api.actions import SCHEDULE_NODES
from torc_core.spec.expand import Expansion, count_items
from torc_core.spec.spec import Spec


class SpecSummary(BaseModel):
    """The counts and names of what a file creates."""

    workflow_name: str
    workflow_description: str | None
    job_count: int
    job_count_before_expansion: int
    file_count: int
    file_count_before_expansion: int
    user_data_count: int
    resource_requirements_count: int
    failure_handler_count: int
    slurm_scheduler_count: int
    action_count: int
    has_schedule_nodes_action: bool
    job_names: list[str]
    scheduler_names: list[str]


class SpecReport(BaseModel):
    """The outcome of a check. `errors` and `warnings` are lines of the form `file:line:column: key: message`."""

    valid: bool
    errors: list[str]
    warnings: list[str]
    summary: SpecSummary


def summarize(spec: Spec, expansion: Expansion) -> SpecSummary:
    """Return counts and names, also of a file that has problems."""
    body = spec.body
    return SpecSummary(
        workflow_name=spec.name,
        workflow_description=body.description,
        job_count=count_items(expansion.jobs),
        job_count_before_expansion=len(body.jobs),
        file_count=count_items(expansion.files),
        file_count_before_expansion=len(body.files or []),
        user_data_count=count_items(expansion.user_data),
        resource_requirements_count=len(body.resource_requirements or []),
        failure_handler_count=len(body.failure_handlers or []),
        slurm_scheduler_count=len(body.slurm_schedulers or []),
        action_count=len(body.actions or []),
        has_schedule_nodes_action=any(a.action_type == SCHEDULE_NODES for a in body.actions or []),
        job_names=[name for group in expansion.jobs for name in group.names],
        scheduler_names=[scheduler.name for scheduler in body.slurm_schedulers or []],
    )
