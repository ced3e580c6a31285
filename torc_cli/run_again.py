"""What follows a `torc run` that ended with failures: its own recovery, or that of somebody who watches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torc_cli.session import Session
from torc_client.recovery.waiting import await_recovery

if TYPE_CHECKING:
    from torc_core.api.workflows import WorkflowStatusModel


class Recovery(Protocol):
    """BoundedRecovery is one."""

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        """Whether there are jobs to run again."""
        ...


@dataclass(kw_only=True)
class RecoveryByOthers:
    """Stays while a `torc watch --recover` of the workflow is alive."""

    session: Session

    def brings_more(self, status: "WorkflowStatusModel") -> bool:
        try:
            return await_recovery(self.session.client, status.workflow_id, say=self.session.out.note)
        except KeyboardInterrupt:
            return False
