"""Applying a recovery plan: what is retried with which resources, in one transaction."""

from pydantic import Field

from torc_core.api.base import MAX_KEY_CHARS, ApiModel
from torc_core.api.failures import Actor
from torc_core.evidence.attempt import Cause


class PlannedRetry(ApiModel):
    """One job of the plan. `attempt_id` and `run_id` say which failure the plan was made for."""

    job_id: int
    run_id: int
    attempt_id: int
    reason: str
    memory: str | None = None
    runtime: str | None = None
    is_infrastructure_fault: bool = False
    cause: Cause | None = None
    """None: unknown, unless the plan gives the job more or blames the infrastructure."""

    @property
    def is_mechanical(self) -> bool:
        """Return whether the heuristics of recovery retry it, without a decision of anybody."""
        if self.cause is not None:
            return self.cause is not Cause.UNKNOWN
        return self.is_infrastructure_fault or bool(self.memory or self.runtime)


class ApplyRecoveryRequest(ApiModel):
    """A plan made from the state of `run_id`; the server refuses it when the workflow has moved on.

    What an `actor` of kind agent or rules retries is kept as its decisions; those without a known cause count against
    `max_ai_retries` (None: the server's own).
    """

    run_id: int
    retries: list[PlannedRetry] = Field(min_length=1)
    requested_by: str
    actor: Actor | None = None
    max_ai_retries: int | None = Field(default=None, ge=0)
    key: str | None = Field(default=None, min_length=1, max_length=MAX_KEY_CHARS)
    """The request's own: sent again with it, because the answer was lost, it gets the answer of the first time."""


class SkippedRetry(ApiModel):
    """A job of the plan that stays as it is: it moved on, was decided to fail, or its bound is reached."""

    job_id: int
    reason: str


class ApplyRecoveryResponse(ApiModel):
    """`run_id` is the new run. `reset_count` counts the plan's jobs, `dependents_reset` what depends on them."""

    workflow_id: int
    run_id: int
    reset_count: int
    dependents_reset: int
    ready_count: int
    skipped_job_ids: list[int] = Field(default_factory=list)
    skipped: list[SkippedRetry] = Field(default_factory=list)


class PlannedRaise(ApiModel):
    """More memory or runtime for jobs of one requirement that no attempt was started of, and why."""

    job_ids: list[int] = Field(min_length=1)
    resource_requirements_id: int
    memory: str | None = None
    runtime: str | None = None
    reason: str = Field(min_length=1, max_length=2000)


class RaiseWaitingRequest(ApiModel):
    """Raises for jobs that wait, made from the state of `run_id`; the server refuses it in another run."""

    run_id: int
    raises: list[PlannedRaise] = Field(min_length=1)
    requested_by: str


class RaiseWaitingResponse(ApiModel):
    """`raised` counts jobs; the others were started meanwhile, have other amounts by now, or would get less."""

    workflow_id: int
    raised: int
    skipped_job_ids: list[int] = Field(default_factory=list)


class Watchers(ApiModel):
    """Who follows the workflow now, ready to recover it: a runner with nothing to do may wait for them."""

    workflow_id: int
    recovering: int
