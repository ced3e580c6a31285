"""What follows a `torc run` that ended with failures: its own recovery, or that of somebody who watches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torc_cli.session.session import Session
from torc_client.recovery.await_recovery import await_recovery
from torc_client.recovery.state import is_at_rest
from torc_core.jobs.status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.summary import RunSummary
    from torc_client.recovery.bounded_recovery import FinishedRecovery
    from torc_core.api.workflows import WorkflowStatusModel


class Recovery(Protocol):
    """BoundedRecovery is one."""

    @property
    def history(self) -> "Sequence[FinishedRecovery]":
        """What it recovered itself."""
        ...

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        """Whether there are jobs to run again."""
        ...


@dataclass(kw_only=True)
class RecoveryByOthers:
    """Stays while a `torc watch --recover` of the workflow is alive."""

    session: Session
    history: "Sequence[FinishedRecovery]" = ()

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        try:
            return await_recovery(
                self.session.client, status.workflow_id, run_id=status.run_id, say=self.session.out.note
            )
        except KeyboardInterrupt:
            return False


def moved_on(status: "WorkflowStatusModel", summary: "RunSummary") -> bool:
    """Whether there is work that was not there when the runner left: somebody sent jobs back meanwhile.

    Each time that is so in a later run, or the runner had work in this one: it does not turn in circles.
    """
    from runner.summary import ExitReason

    if is_at_rest(status):
        return False
    if status.run_id > summary.run_id:
        return True
    left_for_good = summary.reason in (ExitReason.COMPLETE, ExitReason.NOTHING_LEFT)
    return left_for_good and summary.started > 0 and status.jobs_by_status[JobStatus.READY] > summary.ready_left
