"""`torc workflows reset-status` and `sync-status`: bring jobs into a state from which they can run again."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.commands.reconcile import deliver
from torc_cli.render.beginning_text import reset_data, reset_lines
from torc_cli.render.orphan_text import orphan_data, orphan_lines
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.errors import SchedulerError
from torc_core.recovery.orphans import HEARTBEAT_TIMEOUT_S


@command
def reset_status(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    failed_only: Annotated[
        bool,
        typer.Option(
            "--failed-only",
            help="Reset only failed, pending_failed, canceled and terminated jobs, and what depends on them.",
        ),
    ] = False,
    reinitialize: Annotated[
        bool, typer.Option("-r", "--reinitialize", help="Decide at once which jobs are ready to run.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Reset although jobs are active.")] = False,
    no_prompts: Annotated[bool, typer.Option("--no-prompts", help="Do not ask.")] = False,
) -> None:
    """Reset jobs to uninitialized, in a new run.

    For example: `torc workflows reset-status 3 --failed-only --reinitialize`.
    """
    from torc_client.runs.begin_run import reset_status as reset

    chosen = session.workflow_id(workflow_id)
    which = "failed" if failed_only else "all"
    if not session.agrees(
        f"The status of {which} jobs of workflow {chosen} will be reset. Continue?", without_asking=no_prompts
    ):
        session.out.note("Reset cancelled.")
        return
    done = reset(
        session.client,
        chosen,
        failed_only=failed_only,
        force=force,
        reinitialize_too=reinitialize,
        folder=Path.cwd(),
    )
    messages = reset_lines(done, which, output_dir=_output_dir_of_last_runner(session, chosen))
    spelled = [session.out.text_of(message) for message in messages]
    session.out.done(messages, reset_data(done, failed_only=failed_only, messages=spelled))


def _output_dir_of_last_runner(session: Session, workflow_id: int) -> Path | None:
    """Return where the last runner on this machine kept its logs; None where that is the usual place, or unknown."""
    from torc_client.logs.attempt_logs import output_dirs_here

    nodes = session.client.compute_nodes.list_all(workflow_id=workflow_id)
    folders = output_dirs_here(nodes, hostname=socket.gethostname())
    usual = Path(session.settings.output_dir).absolute()
    return folders[0] if folders and folders[0] != usual else None


@command
def sync_status(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be reclaimed.")] = False,
    heartbeat_timeout: Annotated[
        float,
        typer.Option(
            "--heartbeat-timeout",
            metavar="SECONDS",
            min=1.0,
            help="Count a runner elsewhere as lost after so many seconds without a heartbeat; one comes every 30 s.",
        ),
    ] = HEARTBEAT_TIMEOUT_S,
    output_dir: OutputDirOption = None,
) -> None:
    """Reclaim the jobs of runners and allocations that are gone: requeue them, or fail those that were lost too often.

    For example: `torc workflows sync-status 3 --dry-run`.
    """
    from torc_client.processes import host_facts
    from torc_client.recovery.allocations import find_allocations
    from torc_client.recovery.orphans import find_orphans, reclaim

    chosen = session.workflow_id(workflow_id)
    if not dry_run:
        # before the orphans: an attempt that ended is no orphan, and must not end as a failure or run again
        for text in deliver(session, chosen, output_dir):
            session.out.note(text)
    session.out.note(f"Looking for orphaned jobs of workflow {chosen}...")
    try:
        ended = find_allocations(os.environ).ended(session.client, chosen)
    except SchedulerError as error:
        # What runners themselves show can be cleaned up all the same.
        session.out.note(f"Slurm cannot be asked which allocations have ended: {error.message}")
        ended = {}
    plan = find_orphans(
        session.client,
        chosen,
        host=host_facts(),
        ended_allocations=ended,
        heartbeat_timeout_s=heartbeat_timeout,
    )
    reclaimed = None if dry_run else reclaim(session.client, plan, requeue=True)
    if plan.out_of_sight:
        session.out.note(f"{plan.out_of_sight} active runner(s) on other machines cannot be checked from here.")
    session.out.done(orphan_lines(plan, reclaimed), orphan_data(plan, reclaimed))
