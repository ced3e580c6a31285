"""The order of jobs in stages: of a workflow on the server, or of a draft."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torc_client.http import TorcClient
from torc_core.api.drafts import WorkflowDraft
from torc_core.jobs.stages import Stage, arrange_stages
from torc_core.spec.graph import job_dependencies


@dataclass(frozen=True, kw_only=True)
class PlannedAction:
    """An action and the position of the stage it belongs to."""

    stage: int
    trigger_type: str
    action_type: str
    config: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ExecutionPlan:
    """Stages hold positions in `job_names`. `workflow_id` is None for a draft."""

    workflow_id: int | None
    workflow_name: str
    job_names: Sequence[str]
    stages: Sequence[Stage]
    actions: Sequence[PlannedAction]


def plan_workflow(client: TorcClient, workflow_id: int) -> ExecutionPlan:
    """Return the plan of a workflow on the server, from its current dependencies."""
    workflow = client.workflows.get(workflow_id)
    jobs = client.jobs.list_all(workflow_id=workflow_id, sort_by="id")
    position = {job.id: place for place, job in enumerate(jobs)}
    waits_for: list[set[int]] = [set() for _ in jobs]
    for row in client.job_dependencies(workflow_id):
        # A job may have been added between the two requests.
        if row.job_id in position and row.depends_on_job_id in position:
            waits_for[position[row.job_id]].add(position[row.depends_on_job_id])
    stages = arrange_stages(waits_for)
    actions = [
        _place(action.trigger_type, action.action_type, action.action_config, _places(action.job_ids, position), stages)
        for action in client.actions(workflow_id)
    ]
    return ExecutionPlan(
        workflow_id=workflow_id,
        workflow_name=workflow.name,
        job_names=[job.name for job in jobs],
        stages=stages,
        actions=actions,
    )


def plan_draft(draft: WorkflowDraft) -> ExecutionPlan:
    """Return the plan of a draft; jobs that read a file or user data come after the job that writes it."""
    stages = arrange_stages(job_dependencies(draft.jobs))
    return ExecutionPlan(
        workflow_id=None,
        workflow_name=draft.workflow.name,
        job_names=[job.name for job in draft.jobs],
        stages=stages,
        actions=[
            _place(action.trigger_type, action.action_type, action.action_config, action.jobs, stages)
            for action in draft.actions
        ],
    )


def _places(job_ids: Sequence[int] | None, position: dict[int | None, int]) -> list[int] | None:
    return None if job_ids is None else [position[job_id] for job_id in job_ids if job_id in position]


def _place(
    trigger_type: str, action_type: str, config: Any, jobs: Sequence[int] | None, stages: Sequence[Stage]
) -> PlannedAction:
    """Return the action with its stage: the last stage of its jobs, or the first or last of the workflow."""
    last = max(len(stages) - 1, 0)
    if jobs:
        wanted = set(jobs)
        stage = max(place for place, stage in enumerate(stages) if not wanted.isdisjoint(stage.jobs))
    else:
        stage = last if trigger_type.endswith("_complete") else 0
    return PlannedAction(
        stage=stage,
        trigger_type=trigger_type,
        action_type=action_type,
        config=config if isinstance(config, dict) else {},
    )
