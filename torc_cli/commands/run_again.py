"""Recovery after a `torc run` that ended with failures: its own, or that of a `torc watch` beside it."""

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
    """A way to recover a workflow between two runs, such as BoundedRecovery."""

    @property
    def history(self) -> "Sequence[FinishedRecovery]":
        """Return the recoveries so far."""
        ...

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        """Recover, and return whether there are jobs to run again."""
        ...


@dataclass(kw_only=True)
class RecoveryByOthers:
    """Waits as long as a `torc watch --recover` of the workflow is alive."""

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
    """Return whether jobs became ready after the runner left, because somebody sent them back.

    This ends: each round is a later run, or one in which the runner started jobs.
    """
    from runner.summary import ExitReason

    if is_at_rest(status):
        return False
    if status.run_id > summary.run_id:
        return True
    left_for_good = summary.reason in (ExitReason.COMPLETE, ExitReason.NOTHING_LEFT)
    return left_for_good and summary.started > 0 and status.jobs_by_status[JobStatus.READY] > summary.ready_left
