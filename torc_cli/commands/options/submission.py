"""What the commands that submit allocations share: where they can run, and what they print."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torc_cli.render.text import number
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, SchedulerError, TorcError
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from torc_client.slurm.cluster import SlurmCluster
    from torc_client.submission.fire import FiredAction
    from torc_client.submission.schedule_nodes import NodeScheduling, SubmittedNodes
    from torc_core.api.schedulers import SlurmSchedulerModel


def cluster_here(session: Session) -> "SlurmCluster":
    """Return the cluster of this machine. Raises InvalidInputError where allocations cannot be submitted."""
    from torc_client.slurm.cluster import find_cluster

    if session.options.standalone:
        raise InvalidInputError(
            "-s starts a server for the time of this command, and allocations begin when it is gone",
            hint="start a server that stays with `torc-server run --host 0.0.0.0`, and name it with --url",
        )
    cluster = find_cluster(os.environ)
    if cluster is None:
        raise InvalidInputError(
            "Slurm's programs (sbatch, squeue, scancel) are not on PATH: nothing can be submitted from here",
            hint=Hint(
                "run this on a login node of the cluster, or run the jobs on this machine with {}", torc("run", "ID")
            ),
        )
    return cluster


def node_scheduling(
    session: Session,
    workflow_id: int,
    cluster: "SlurmCluster",
    *,
    output_dir: Path | None,
    poll_interval: float | None,
) -> "NodeScheduling":
    """Return what submits allocations of the workflow."""
    from torc_client.submission.batch import address_warnings
    from torc_client.submission.schedule_nodes import NodeScheduling

    for warning in address_warnings(session.client.url):
        session.out.note(f"Warning: {warning}")
    return NodeScheduling(
        client=session.client,
        workflow_id=workflow_id,
        cluster=cluster,
        output_dir=output_dir or Path(session.settings.output_dir),
        environment=os.environ,
        poll_interval_s=poll_interval,
    )


def try_out(cluster: "SlurmCluster", schedulers: "Iterable[SlurmSchedulerModel]", defaults: dict[str, Any]) -> None:
    """Raise InvalidInputError where Slurm would refuse an allocation, or take it and never start it."""
    from torc_core.errors import SchedulerUnreachableError
    from torc_core.slurm.limits import never_starts
    from torc_core.slurm.scheduler_options import scheduler_options

    partitions = cluster.partitions()
    for scheduler in schedulers:
        try:
            reason = never_starts(scheduler, partitions)
            if reason is None:
                cluster.estimate_start(scheduler_options(scheduler, defaults))
                continue
            message = f"allocations of scheduler {scheduler.name} would never start: {reason}"
        except SchedulerUnreachableError:
            raise
        except SchedulerError as error:
            message = f"scheduler {scheduler.name}: {error.message}"
        raise InvalidInputError(message, hint="nothing was created or submitted; correct the file or the options")


def report_submitted(session: Session, submitted: "SubmittedNodes") -> None:
    """Print on stderr the ids that the scheduler gave."""
    for record in submitted.records:
        tasks = "" if record.array is None else f" ({record.array.partition('%')[0]})"
        session.out.note(f"Submitted {submitted.scheduler.name or 'allocation'}{tasks} with ID={record.scheduler_id}")


def described(submitted: "Iterable[SubmittedNodes]") -> list[dict[str, Any]]:
    """Return the submissions for programs."""
    return [
        {
            "scheduled_compute_node_id": record.id,
            "scheduler_id": record.scheduler_id,
            "scheduler_config_id": record.scheduler_config_id,
            "scheduler": each.scheduler.name,
            "array": record.array,
            "status": record.status,
        }
        for each in submitted
        for record in each.records
    ]


def reclaim_lost(session: Session, workflow_id: int, cluster: "SlurmCluster") -> None:
    """Requeue the jobs of allocations and runners that are gone, and say so; where Slurm does not answer, nothing."""
    from torc_client.recovery.allocations import Allocations
    from torc_client.recovery.recover import RecoveryTools, clean_up

    tools = RecoveryTools(user=session.settings.user, say=session.out.note, allocations=Allocations(scheduler=cluster))
    try:
        clean_up(session.client, workflow_id, tools, requeue=True)
    except SchedulerError as error:
        session.out.note(f"Slurm cannot be asked which allocations have ended: {error.message}")


def submit_due(
    session: Session, scheduling: "NodeScheduling", *, take_over: bool = False
) -> "list[tuple[FiredAction, SubmittedNodes]]":
    """Carry out the due actions, and return those that were; say each on stderr.

    Raises the error of the first that could not be carried out, after all others were tried.
    """
    from torc_client.submission.fire import fire_due_actions

    workflow_id = scheduling.workflow_id
    done: list[tuple[FiredAction, SubmittedNodes]] = []
    errors: list[tuple[FiredAction, TorcError]] = []
    try:
        for fired in fire_due_actions(scheduling, retry_failed=True, take_over=take_over):
            if fired.submitted is not None:
                report_submitted(session, fired.submitted)
                done.append((fired, fired.submitted))
            elif fired.error is not None:
                errors.append((fired, fired.error))
    except SchedulerError as unreachable:
        unreachable.hint = Hint(
            "when Slurm answers again: `{}`; nothing is submitted twice", torc("submit", workflow_id)
        )
        raise
    except KeyboardInterrupt:
        session.out.note(Hint("Interrupted. To go on: {}; nothing is submitted twice", torc("submit", workflow_id)))
        raise
    for fired, error in errors:
        session.out.note(f"Action {fired.action.id} was not carried out: {error.message}")
    if errors:
        fired, error = errors[0]
        count = sum(submitted.allocation_count for _, submitted in done)
        error.hint = Hint(
            "{} submitted. Correct the scheduler (`{}`) or the account, then: {}",
            f"{number(count, 'allocation')} {'was' if count == 1 else 'were'}",
            torc("slurm list", workflow_id),
            torc("submit", workflow_id),
        )
        raise error
    return done
