"""`torc slurm schedule-nodes`: allocations for a workflow that exists."""

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from torc_cli.commands.options.allocations import PlanChoices, PollIntervalOption
from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.commands.options.submission import cluster_here, described, node_scheduling, report_submitted
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from torc_client.submission.schedule_nodes import NodeScheduling
    from torc_core.api.schedulers import SlurmSchedulerModel

_CHOICES: Final = PlanChoices()


@command
def schedule_nodes(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    num_allocations: Annotated[
        int, typer.Option("-n", "--num-hpc-jobs", "--num-allocations", min=1, help="Submit so many allocations.")
    ] = 1,
    scheduler_config_id: Annotated[
        int | None, typer.Option("--scheduler-config-id", metavar="ID", help="Ask with this scheduler of the workflow.")
    ] = None,
    start_one_worker_per_node: Annotated[
        bool, typer.Option("--start-one-worker-per-node", help="Start a runner on each node of an allocation.")
    ] = False,
    serialize_allocations: Annotated[
        bool, typer.Option("--serialize-allocations", help="Let each allocation wait for the end of the one before.")
    ] = False,
    max_parallel_jobs: Annotated[
        int | None, typer.Option("-m", "--max-parallel-jobs", min=1, help="Run at most so many jobs in each at once.")
    ] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Plan allocations for the jobs that are ready, whatever their scheduler.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Submit although no job of the workflow can run now.")] = False,
    choices: PlanChoices = _CHOICES,
    output_dir: OutputDirOption = None,
    poll_interval: PollIntervalOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be submitted; change nothing.")
    ] = False,
) -> None:
    """Submit allocations for a workflow that exists: of one of its schedulers, or planned for what is ready.

    For example: `torc slurm schedule-nodes 42 -n 2`, or `torc slurm schedule-nodes 42 --auto`.
    """
    if choices != _CHOICES and not auto:
        raise InvalidInputError("options of a plan do nothing without --auto", hint="add --auto, or leave them out")
    cluster = cluster_here(session)
    chosen = session.workflow_id(workflow_id)
    if not force:
        _refuse_without_jobs(session, chosen)
    scheduling = node_scheduling(session, chosen, cluster, output_dir=output_dir, poll_interval=poll_interval)
    if auto:
        _submit_plan(session, scheduling, choices, dry_run=dry_run)
        return
    from torc_client.submission.schedule_nodes import NodeRequest

    scheduler = _choose(session, chosen, scheduler_config_id)
    scheduling.check(scheduler)
    if dry_run:
        session.out.done(
            f"{number(num_allocations, 'allocation')} of {scheduler.name} would be submitted",
            {"workflow_id": chosen, "dry_run": True, "allocation_count": num_allocations},
        )
        return
    submitted = scheduling.submit(
        NodeRequest(
            scheduler_id=scheduler.id or 0,
            count=num_allocations,
            runner_on_each_node=start_one_worker_per_node,
            serialize=serialize_allocations,
            max_parallel_jobs=max_parallel_jobs,
        )
    )
    report_submitted(session, submitted)
    session.out.done(
        f"Submitted to Slurm with {number(submitted.allocation_count, 'allocation')}",
        {
            "workflow_id": chosen,
            "status": "success",
            "allocation_count": submitted.allocation_count,
            "allocations": described([submitted]),
        },
    )


def _refuse_without_jobs(session: Session, workflow_id: int) -> None:
    """Raise StateConflictError where an allocation would find nothing to run."""
    from torc_client.recovery.state import failed_jobs, is_at_rest
    from torc_core.jobs.status import AWAITING_DECISION

    status = session.client.workflow_status(workflow_id)
    if not (is_at_rest(status) or status.is_archived):
        return
    if status.jobs_by_status.total(AWAITING_DECISION):
        how = "its failures wait for a decision"
        hint = Hint(
            "`{}` shows them, and `{}` what helps",
            torc("failures list", workflow_id),
            torc("recover", workflow_id, "--dry-run"),
        )
    elif failed_jobs(status):
        how = "all of its jobs have ended"
        hint = Hint("`{}` retries what failed, with allocations of its own", torc("recover", workflow_id))
    else:
        how = "it is canceled" if status.is_canceled else "all of its jobs have ended"
        hint = Hint("`{}` begins it anew, then `{}`", torc("reinit", workflow_id), torc("submit", workflow_id))
    raise StateConflictError(
        f"no job of workflow {workflow_id} can run, as {how}: nothing was submitted (--force submits all the same)",
        hint=hint,
        ids={"workflow_id": workflow_id},
    )


def _choose(session: Session, workflow_id: int, scheduler_id: int | None) -> "SlurmSchedulerModel":
    """Return the scheduler of this id, or the only one. Raises InvalidInputError with the candidates."""
    known = session.client.slurm_schedulers.list_all(workflow_id=workflow_id)
    if not known:
        raise StateConflictError(
            f"workflow {workflow_id} has no scheduler",
            hint=Hint(
                "plan for what is ready: `{}`",
                torc("slurm schedule-nodes", workflow_id, "--auto", "-a", "ACCOUNT"),
            ),
        )
    found = [each for each in known if each.id == scheduler_id] if scheduler_id is not None else known
    if len(found) == 1:
        return found[0]
    candidates = ", ".join(f"{each.id} ({each.name})" for each in known)
    what = f"has no scheduler {scheduler_id}" if scheduler_id is not None else "has several schedulers"
    raise InvalidInputError(f"workflow {workflow_id} {what}", hint=f"name one with --scheduler-config-id: {candidates}")


def _submit_plan(session: Session, scheduling: "NodeScheduling", choices: PlanChoices, *, dry_run: bool) -> None:
    """Plan allocations for the ready jobs and submit them."""
    from torc_client.hpc_sites import HpcSites
    from torc_client.recovery.allocations import Allocations
    from torc_client.submission.planner import WorkflowPlanner

    planner = WorkflowPlanner(
        sites=HpcSites(),
        environment=os.environ,
        profile=choices.profile,
        options=choices.as_options({}),
        poll_interval_s=scheduling.poll_interval_s,
    )
    chosen = scheduling.workflow_id
    plan = planner.plan(scheduling.client, chosen)
    for warning in plan.warnings:
        session.out.note(f"Warning: {warning}")
    count = plan.allocations
    if not dry_run:
        allocations = Allocations(scheduler=scheduling.cluster, planner=planner)
        count = len(allocations.submit(scheduling.client, chosen, output_dir=scheduling.output_dir))
    verb = "would be submitted" if dry_run else "submitted"
    session.out.done(
        f"{number(count, 'allocation')} {verb} for {number(plan.job_count, 'ready job')} of workflow {chosen}",
        {"workflow_id": chosen, "dry_run": dry_run, "allocation_count": count, "job_count": plan.job_count},
    )
