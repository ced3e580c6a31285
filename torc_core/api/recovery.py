"""Applying a recovery plan: what is retried with which resources, in one transaction."""

from pydantic import Field

from torc_core.api.base import ApiModel


class PlannedRetry(ApiModel):
    """One job of the plan. `attempt_id` and `run_id` say which failure the plan was made for."""

    job_id: int
    run_id: int
    attempt_id: int
    reason: str
    memory: str | None = None
    runtime: str | None = None
    is_infrastructure_fault: bool = False


class ApplyRecoveryRequest(ApiModel):
    """A plan made from the state of `run_id`; the server refuses it when the workflow has moved on."""

    run_id: int
    retries: list[PlannedRetry] = Field(min_length=1)
    requested_by: str


class ApplyRecoveryResponse(ApiModel):
    """`run_id` is the new run. `reset_count` counts the plan's jobs, `dependents_reset` what depends on them."""

    workflow_id: int
    run_id: int
    reset_count: int
    dependents_reset: int
    ready_count: int
    skipped_job_ids: list[int] = Field(default_factory=list)


class Watchers(ApiModel):
    """Who follows the workflow now, ready to recover it: a runner with nothing to do may wait for them."""

    workflow_id: int
    recovering: int
