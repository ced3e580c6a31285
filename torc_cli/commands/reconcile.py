"""`torc reconcile`: results that runners kept in the output directory reach the server."""

from pathlib import Path

from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Line


@command
def reconcile(session: Session, workflow_id: WorkflowArgument = None, *, output_dir: OutputDirOption = None) -> None:
    """Deliver the results that runners kept while the server was away.

    For example: `torc reconcile 3`.
    """
    chosen = session.workflow_id(workflow_id)
    messages = deliver(session, chosen, output_dir)
    folder = output_dir or Path(session.settings.output_dir)
    nothing = f"No results of workflow {chosen} wait in {folder}."
    session.out.done(
        messages or [nothing], {"workflow_id": chosen, "messages": [session.out.text_of(line) for line in messages]}
    )


def deliver(session: Session, workflow_id: int, output_dir: Path | None) -> list[Line]:
    """Deliver what earlier runners of the workflow kept; return a message on each file."""
    from runner.server.delivery import deliver_kept

    folder = output_dir or Path(session.settings.output_dir)
    workflow = session.client.workflows.get(workflow_id)
    return [notice.text for notice in deliver_kept(session.client, workflow, folder.absolute())]
