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
RUN_COMMANDS: Final = "run_commands"
SCHEDULE_NODES: Final = "schedule_nodes"
"""The action that asks for allocations."""
ActionOutcome = Literal["succeeded", "failed", "unknown"]
ActionState = Literal["waiting", "pending", "claimed", "executed", "failed", "unknown"]
"""waiting: for its trigger; pending: due; claimed: a runner carries it out; unknown: its runner died meanwhile."""

JOB_TRIGGERS: Final = frozenset({"on_jobs_ready", "on_jobs_complete"})
"""Gated by jobs: due when all of these became ready, or are done."""

END_TRIGGERS: Final = frozenset({"on_workflow_complete", "on_jobs_complete"})
"""What is done when something has ended, also by a cancellation."""


def partial_count(allocations: int, ready_jobs: int, all_jobs: int) -> int:
    """Return how many of the allocations for all jobs so many ready ones get: their share, and at least one."""
    return max(1, -(-allocations * ready_jobs // all_jobs)) if 0 < ready_jobs < all_jobs else allocations


class WorkflowActionModel(ApiModel):
    """One action. The server alone sets `required_triggers`, `trigger_count`, and all from `executed` to `executed_by`
    and from `state` on. An action that requires fewer jobs than `job_ids` names does not wait for the others.

    `executed` is true from the claim on. `retry` false: an action whose runner died is not carried out again. `failure`
    is one clause for the user, `log` the path of the failed command's output on the runner's machine.
    """

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
    retry: bool | None = True
    state: ActionState | None = None
    claim: str | None = None
    """The name of the present claim, so that who knows that its maker is gone can take it over."""
    finished_at: str | None = None
    outcome: ActionOutcome | None = None
    return_code: int | None = None
    failure: str | None = None
    log: str | None = None

    @property
    def allocation_count(self) -> int:
        """Return for how many allocations the action asks: for the share of its jobs that it waits for."""
        config = self.action_config if isinstance(self.action_config, dict) else {}
        wanted = int(config.get("num_allocations") or 1)
        return partial_count(wanted, self.required_triggers or 0, len(self.job_ids or ()))


class ClaimActionRequest(ApiModel):
    """`claim` names the claim: the same one may be made again, and its runner reports how the action ended.

    `replaces` is the present claim, that this one takes over: of a process that is gone, or of an action that failed.
    """

    compute_node_id: int | None = None
    claim: str | None = None
    replaces: str | None = None


class ClaimActionResponse(ApiModel):
    """The answer to a claim. Runners older than 0.24 read `claimed`, which always equals `success`."""

    action_id: int
    success: bool
    claimed: bool = False


class FinishActionRequest(ApiModel):
    """How a claimed action ended; `claim` as in the claim."""

    claim: str
    outcome: ActionOutcome
    return_code: int | None = None
    failure: str | None = None
    log: str | None = None
