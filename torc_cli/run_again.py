"""What follows a `torc run` that ended with failures: its own recovery, or that of somebody who watches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torc_cli.session import Session
from torc_client.recovery.agent_run import end_lines
from torc_client.recovery.recover import RecoveryTools, carry_out, prepare
from torc_client.recovery.standing import failed_jobs, is_at_rest
from torc_client.recovery.waiting import await_recovery
from torc_core.errors import HookFailedError, StateConflictError
from torc_core.recovery import texts

if TYPE_CHECKING:
    from torc_core.api.workflows import WorkflowStatusModel
    from torc_core.recovery.plan import RecoverOptions


class Recovery(Protocol):
    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        """Whether there are jobs to run again."""
        ...


@dataclass(kw_only=True)
class OwnRecovery:
    """Recovers after each run, as often as allowed. `recoveries` counts them, those that found nothing too."""

    session: Session
    options: "RecoverOptions"
    tools: RecoveryTools
    max_retries: int
    recoveries: int = 0

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        say = self.tools.say
        if status.is_canceled or not is_at_rest(status) or not failed_jobs(status):
            return False
        say("")
        if self.recoveries >= self.max_retries:
            for line in texts.retries_exceeded_lines(self.max_retries):
                say(line)
            return False
        self.recoveries += 1
        say(texts.attempting_line(self.recoveries, self.max_retries))
        say("")
        try:
            return self._recover(status.workflow_id)
        except (HookFailedError, StateConflictError) as error:
            say(f"Recovery failed: {error.message}")
            return not is_at_rest(self.session.client.workflow_status(status.workflow_id))

    def _recover(self, workflow_id: int) -> bool:
        say = self.tools.say
        prospect = prepare(self.session.client, workflow_id, self.options, self.tools)
        if not prospect.plan.retries:
            say("")
            ended = end_lines(prospect.agent) if prospect.agent is not None else []
            for line in ended or texts.nothing_recoverable_lines(prospect.plan):
                say(line)
            return not is_at_rest(prospect.status)
        say(texts.resetting_line(prospect.plan))
        applied = carry_out(self.session.client, prospect, self.tools)
        say(texts.reset_line(applied.answer.reset_count))
        say("")
        return True


@dataclass(kw_only=True)
class RecoveryByOthers:
    """Stays while a `torc watch --recover` of the workflow is alive."""

    session: Session

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        try:
            return await_recovery(self.session.client, status.workflow_id, say=self.session.out.note)
        except KeyboardInterrupt:
            return False
