"""Recovers a workflow once, or as often as allowed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torc_client.agents.result import end_lines
from torc_client.http import TorcClient
from torc_client.recovery.recover import AppliedRecovery, PlannedRecovery, RecoveryTools, carry_out, prepare
from torc_client.recovery.state import failed_jobs, is_at_rest
from torc_client.recovery.trouble import report_trouble
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.errors import (
    SchedulerError,
    SchedulerUnreachableError,
    ServerUnreachableError,
    StateConflictError,
    TorcError,
)
from torc_core.hints import Hint
from torc_core.notifications import GAVE_UP_EVENT, NOT_STARTED_EVENT
from torc_core.recovery import texts
from torc_core.recovery.defaults import MAX_RETRIES
from torc_core.recovery.plan import RecoverOptions


@dataclass(frozen=True, kw_only=True)
class FinishedRecovery:
    """`applied` is None where the plan retries nothing."""

    planned: PlannedRecovery
    applied: AppliedRecovery | None = None


def recover_once(
    client: TorcClient,
    workflow_id: int,
    options: RecoverOptions,
    tools: RecoveryTools,
    *,
    resetting: Callable[[PlannedRecovery], list[str]],
) -> FinishedRecovery:
    """Prepare a recovery, and carry it out where it has retries; `resetting` are the lines reported in between.

    Raises as `prepare` and `carry_out` do.
    """
    planned = prepare(client, workflow_id, options, tools)
    if not planned.plan.retries:
        return FinishedRecovery(planned=planned)
    for line in resetting(planned):
        tools.say(line)
    return FinishedRecovery(planned=planned, applied=carry_out(client, planned, tools))


@dataclass(kw_only=True)
class BoundedRecovery:
    """Recovers a workflow that came to rest, as often as allowed.

    `recoveries` counts the attempts, those that found nothing too.
    """

    client: TorcClient
    options: RecoverOptions
    tools: RecoveryTools
    max_retries: int = MAX_RETRIES
    recoveries: int = 0
    history: list[FinishedRecovery] = field(default_factory=list)
    """The recoveries, without those that another recovery or an outage prevented."""
    _owes_allocations: bool = False

    def brings_more(self, status: WorkflowStatusModel) -> bool:
        """Recover; return whether jobs can run again that could not before."""
        while is_at_rest(status) and failed_jobs(status) and not status.is_canceled:
            if not self.attempt(status.workflow_id):
                return False
            status = self.client.workflow_status(status.workflow_id)
            if not is_at_rest(status):
                return True
        return False

    def attempt(self, workflow_id: int) -> bool:
        """Recover once, where a recovery is left; return whether the workflow may go on."""
        if not self._begin():
            self._give_up(workflow_id, f"it was tried {self.max_retries} times")
            return False
        say = self.tools.say
        try:
            done = recover_once(self.client, workflow_id, self.options, self.tools, resetting=self._resetting)
        except (StateConflictError, ServerUnreachableError, SchedulerUnreachableError) as error:
            # Another watcher may have recovered it, or the answer was lost: look again.
            say(f"This recovery was not carried out: {error.message}")
            return True
        except TorcError as error:
            self._give_up(workflow_id, error.message)
            say(f"Recovery failed: {error.message}")
            if error.hint:
                say(Hint("Hint: {}", error.hint))
            return False
        self.history.append(done)
        if done.applied is None:
            return self._explain_nothing(done.planned)
        return done.applied.not_submitted is None or self._owes(workflow_id, done.applied.not_submitted)

    def resubmit(self, workflow_id: int) -> bool:
        """Submit allocations for ready jobs that have none, as one of the recoveries; return whether that was done.

        The jobs were requeued from allocations that are gone: an allocation that ends at once must not be followed by
        others for ever.
        """
        if not self._begin():
            return False
        for line in texts.watch_reset_lines(submitting=True)[1:]:
            self.tools.say(line)
        try:
            submitted = self.tools.allocations.submit(
                self.client, workflow_id, output_dir=self.tools.output_dir, say=self.tools.say
            )
        except SchedulerError as error:
            return self._owes(workflow_id, error)
        for line in texts.submission_lines(submitted):
            self.tools.say(line)
        return True

    def submits_what_it_owes(self, workflow_id: int) -> bool:
        """Submit the allocations of a recovery that the scheduler did not answer; return whether there are such."""
        if not self._owes_allocations:
            return False
        try:
            submitted = self.tools.allocations.submit(
                self.client, workflow_id, output_dir=self.tools.output_dir, say=self.tools.say
            )
        except SchedulerError as error:
            return self._owes(workflow_id, error)
        self._owes_allocations = False
        for line in texts.submission_lines(submitted):
            self.tools.say(line)
        return True

    def _owes(self, workflow_id: int, error: SchedulerError) -> bool:
        """Report allocations that were not submitted; return whether to try again: a refusal stays one."""
        for line in texts.not_submitted_lines(workflow_id, error.message):
            self.tools.say(line)
        report_trouble(self.client, workflow_id, NOT_STARTED_EVENT, error.message)
        self._owes_allocations = isinstance(error, SchedulerUnreachableError)
        return self._owes_allocations

    def _give_up(self, workflow_id: int, reason: str) -> None:
        report_trouble(self.client, workflow_id, GAVE_UP_EVENT, reason)

    def _begin(self) -> bool:
        """Count and report a recovery; return whether one was left."""
        say = self.tools.say
        say("")
        if self.recoveries >= self.max_retries:
            for line in texts.retries_exceeded_lines(self.max_retries):
                say(line)
            return False
        self.recoveries += 1
        say(texts.attempting_line(self.recoveries, self.max_retries))
        say("")
        return True

    def _resetting(self, planned: PlannedRecovery) -> list[str]:
        submits = self.tools.allocations.serves(self.client, planned.workflow_id)
        return ["", *texts.watch_reset_lines(submitting=submits)]

    def _explain_nothing(self, planned: PlannedRecovery) -> bool:
        """Report why nothing was retried; return whether the hook, an agent or a person has retried jobs."""
        if not is_at_rest(planned.status):
            return True
        say = self.tools.say
        self._give_up(planned.workflow_id, "no failed job can be helped by another attempt without a decision")
        say("")
        ended = end_lines(planned.agent) if planned.agent is not None else []
        for line in ended or texts.nothing_recoverable_lines(planned.plan):
            say(line)
        return False
