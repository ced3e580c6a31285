"""Workflow actions: commands and allocations triggered by the lifecycle."""

from typing import Any, Final, Literal

from torc_core.api.base import ApiModel

TriggerType = Literal[
    "on_workflow_start",
    "on_workflow_complete",
    "on_worker_start",
    "on_worker_complete",
    "on_jobs_ready",
    "on_jobs_complete",
]
ActionType = Literal["run_commands", "schedule_nodes"]

JOB_TRIGGERS: Final = frozenset({"on_jobs_ready", "on_jobs_complete"})
"""Gated by jobs: due when all of these became ready, or are done."""


class WorkflowActionModel(ApiModel):
    """One action. `required_triggers`, `trigger_count` and the `executed*` fields are the server's to set."""

    id: int | None = None
    workflow_id: int
    trigger_type: str
    action_type: str
    action_config: Any
    job_ids: list[int] | None = None
    trigger_count: int | None = 0
    required_triggers: int | None = 1
    executed: bool | None = False
    executed_at: str | None = None
    executed_by: int | None = None
    persistent: bool | None = False
    is_recovery: bool | None = False


class ClaimActionRequest(ApiModel):
    compute_node_id: int | None = None


class ClaimActionResponse(ApiModel):
    action_id: int
    success: bool
