"""The allocations that recovery and watching ask for, on the cluster of this machine."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from torc_cli.commands.options.allocations import walltime_seconds
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError

if TYPE_CHECKING:
    from torc_client.recovery.allocations import Allocations
    from torc_core.slurm.plan import PlanOptions

_PANEL: Final = "New allocations"


@dataclass(frozen=True, kw_only=True)
class NewAllocationChoices:
    """The options about the allocations of a recovery; a command that takes one of these has its fields as options."""

    partition: Annotated[
        str | None,
        typer.Option("--partition", metavar="NAME", help="Ask for nodes of this partition.", rich_help_panel=_PANEL),
    ] = None
    walltime: Annotated[
        str | None,
        typer.Option(
            "--walltime", metavar="TIME", help="Make them so long: `04:00:00`, `2-00`.", rich_help_panel=_PANEL
        ),
    ] = None
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="NAME", help="Charge them to this account.", rich_help_panel=_PANEL),
    ] = None
    qos: Annotated[
        str | None, typer.Option("--qos", metavar="NAME", help="Quality of service.", rich_help_panel=_PANEL)
    ] = None

    def allocations(self, session: Session, workflow_id: int) -> "Allocations":
        """Return what submits allocations with these options.

        Raises InvalidInputError for options of a workflow that gets no nodes from the scheduler of this machine.
        """
        from torc_core.slurm.plan import PlanOptions

        options = PlanOptions(
            partition=self.partition,
            walltime_s=walltime_seconds(self.walltime),
            account=self.account,
            qos=self.qos,
        )
        allocations = replace(left_allocations(session, options=options), partition=self.partition)
        given = [f"--{name}" for name, value in vars(self).items() if value is not None]
        if given and not allocations.serves(session.client, workflow_id):
            raise InvalidInputError(
                f"{', '.join(given)} would do nothing: workflow {workflow_id} gets no nodes from a scheduler here",
                hint="leave it out, or run this on a login node of the workflow's cluster",
            )
        return allocations


def left_allocations(
    session: Session, *, profile: str | None = None, options: "PlanOptions | None" = None
) -> "Allocations":
    """Return what submits allocations for the jobs that a workflow has left; without a cluster, nothing does.

    A server of this command alone is gone when allocations begin: for it, the cluster only says which have ended.
    """
    from torc_client.recovery.allocations import find_allocations
    from torc_client.submission.recovery_planner import left_allocations as on_this_cluster
    from torc_core.slurm.plan import PlanOptions

    if session.options.standalone:
        return find_allocations(os.environ)
    return on_this_cluster(os.environ, profile=profile, options=options or PlanOptions())
