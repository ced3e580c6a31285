"""`torc submit` and `torc submit-slurm`: from a workflow to allocations of a Slurm cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_cli.commands.create import NoMonitoringOption, read_draft
from torc_cli.commands.options.allocations import PlanChoices, PollIntervalOption
from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.commands.options.submission import (
    cluster_here,
    described,
    node_scheduling,
    reclaim_lost,
    submit_due,
    try_out,
)
from torc_cli.commands.run import is_spec_file
from torc_cli.render.plan_text import ALLOCATION_GROUPS
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.api.actions import SCHEDULE_NODES
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import InvalidInputError, StateConflictError
from torc_core.hints import Hint, Line, torc

if TYPE_CHECKING:
    from torc_client.slurm.cluster import SlurmCluster
    from torc_core.api.actions import WorkflowActionModel
    from torc_core.api.drafts import SlurmSchedulerDraft, WorkflowDraft
    from torc_core.slurm.plan import AllocationPlan

_CHOICES: Final = PlanChoices()
_SKIP: Final = "--skip-checks"
_SkipChecksOption = Annotated[
    bool,
    typer.Option("-i", "--ignore-missing-data", _SKIP, help="Begin although input files are missing."),
]

_OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Leave out the schedulers and schedule_nodes actions of the file.")
]


@command
def submit_slurm(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Read this workflow file.", show_default=False)],
    *,
    choices: PlanChoices = _CHOICES,
    overwrite: _OverwriteOption = False,
    skip_checks: _SkipChecksOption = False,
    no_resource_monitoring: NoMonitoringOption = False,
    output_dir: OutputDirOption = None,
    poll_interval: PollIntervalOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the allocations; create and submit nothing.")
    ] = False,
) -> None:
    """Create a workflow from a file, plan its allocations, and submit them to Slurm.

    For example: `torc submit-slurm --account my_project workflow.yaml`.
    """
    cluster = cluster_here(session)
    draft = read_draft(session, file, resource_monitoring=not no_resource_monitoring)
    planned, plan, profile = _planned_draft(session, draft, choices, file=file, overwrite=overwrite)
    try_out(cluster, _records(planned.slurm_schedulers), draft.workflow.slurm_defaults or {})
    if dry_run:
        _show_plan(session, plan, profile=profile, verb="submitted")
        return
    workflow_id, job_count = _create(session, planned, skip_checks=skip_checks)
    session.out.announce(f"Created workflow {workflow_id} with {number(job_count, 'job')}")
    _initialize_and_submit(
        session, workflow_id, cluster, output_dir=output_dir, poll_interval=poll_interval, skip_checks=skip_checks
    )


@command
def create_slurm(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Read this workflow file.", show_default=False)],
    *,
    choices: PlanChoices = _CHOICES,
    overwrite: _OverwriteOption = False,
    skip_checks: _SkipChecksOption = False,
    no_resource_monitoring: NoMonitoringOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the allocations; create nothing.")] = False,
) -> None:
    """Create a workflow from a file with the allocations planned for it, and submit nothing yet.

    For example: `torc workflows create-slurm --account my_project workflow.yaml`, then `torc submit 42`.
    """
    draft = read_draft(session, file, resource_monitoring=not no_resource_monitoring)
    planned, plan, profile = _planned_draft(session, draft, choices, file=file, overwrite=overwrite)
    if dry_run:
        _show_plan(session, plan, profile=profile, verb="created")
        return
    workflow_id, job_count = _create(session, planned, skip_checks=skip_checks)
    message = f"Created workflow {workflow_id} with {number(job_count, 'job')}"
    planned_for = f"{number(plan.allocations, 'allocation')} planned, none submitted yet"
    session.out.done(
        [f"{message}; {planned_for}", Hint("Next: {}", torc("submit", workflow_id))],
        {
            "workflow_id": workflow_id,
            "status": "success",
            "message": message,
            "job_count": job_count,
            "allocation_count": plan.allocations,
        },
    )


@command
def submit(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(metavar="FILE|WORKFLOW_ID|-", help="A workflow file, `-` for one on stdin.", show_default=False),
    ],
    *,
    skip_checks: _SkipChecksOption = False,
    output_dir: OutputDirOption = None,
    poll_interval: PollIntervalOption = None,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over", help="Carry out actions, too, that a `torc submit` on another machine has not finished."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be submitted; change nothing.")
    ] = False,
) -> None:
    """Submit the allocations that a workflow's schedule_nodes actions ask for.

    For example: `torc submit workflow.yaml`, or again `torc submit 42` for what became due.
    """
    cluster = cluster_here(session)
    if not is_spec_file(what):
        workflow_id = int(what)
        if dry_run:
            _show_due(session, workflow_id)
            return
    else:
        draft = read_draft(session, Path(what))
        _check_draft(draft, cluster)
        if dry_run:
            _show_draft(session, draft)
            return
        workflow_id, job_count = _create(session, draft, skip_checks=skip_checks)
        session.out.announce(f"Created workflow {workflow_id} with {number(job_count, 'job')}")
    _initialize_and_submit(
        session,
        workflow_id,
        cluster,
        output_dir=output_dir,
        poll_interval=poll_interval,
        skip_checks=skip_checks,
        take_over=take_over,
    )


def _planned_draft(
    session: Session, draft: "WorkflowDraft", choices: PlanChoices, *, file: Path, overwrite: bool
) -> "tuple[WorkflowDraft, AllocationPlan, str]":
    """Return the draft with the allocations that are planned for it, the plan, and the name of the site."""
    from torc_client.hpc_sites import HpcSites
    from torc_client.planned_jobs import jobs_of_draft
    from torc_client.submission.draft import refuse_own_allocations, with_allocations

    if not overwrite:
        refuse_own_allocations(draft, file=str(file))
    plan, site = choices.plan(jobs_of_draft(draft), draft.workflow.slurm_defaults or {}, HpcSites())
    for warning in plan.warnings:
        session.out.note(f"Warning: {warning}")
    return with_allocations(draft, plan), plan, site.profile.name


def _show_plan(session: Session, plan: "AllocationPlan", *, profile: str, verb: str) -> None:
    if not session.is_json:
        session.out.records(ALLOCATION_GROUPS, plan.groups)
    line = f"{number(plan.job_count, 'job')} would be {verb} in {number(plan.allocations, 'allocation')}"
    session.out.done(line, plan.model_dump(mode="json") | {"dry_run": True, "profile": profile})


def _check_draft(draft: "WorkflowDraft", cluster: "SlurmCluster") -> None:
    """Raise InvalidInputError for a draft that asks for no allocation, or for one that Slurm would not start."""
    from torc_client.submission.draft import start_schedulers

    starting = start_schedulers(draft)
    if not starting:
        raise InvalidInputError(
            "the workflow has no schedule_nodes action for its start: nothing would run its jobs",
            hint=Hint(
                "add one, or have the allocations planned: {}", torc("submit-slurm", "--account", "ACCOUNT", "FILE")
            ),
        )
    try_out(cluster, _records(starting), draft.workflow.slurm_defaults or {})


def _records(drafts: "list[SlurmSchedulerDraft] | Any") -> list[SlurmSchedulerModel]:
    return [SlurmSchedulerModel.model_validate(each.model_dump() | {"workflow_id": 0}) for each in drafts]


def _create(session: Session, draft: "WorkflowDraft", *, skip_checks: bool) -> tuple[int, int]:
    """Create the workflow; return its id and the number of its jobs. Nothing is created that could not run."""
    from torc_client.runs.begin_run import refuse_missing_files
    from torc_client.specs import missing_input_files

    if not skip_checks:
        refuse_missing_files(f"workflow {draft.workflow.name!r}", missing_input_files(draft), force_option=_SKIP)
    created = session.client.create_from_draft(draft)
    return created.workflow.id or 0, created.job_count


def _initialize_and_submit(
    session: Session,
    workflow_id: int,
    cluster: "SlurmCluster",
    *,
    output_dir: Path | None,
    poll_interval: float | None,
    skip_checks: bool,
    take_over: bool = False,
) -> None:
    from torc_client.runs.begin_run import begin_new
    from torc_client.submission.fire import actions_to_fire

    client = session.client
    status = client.workflow_status(workflow_id)
    if status.is_archived or status.is_canceled:
        word = "archived" if status.is_archived else "canceled"
        raise StateConflictError(
            f"workflow {workflow_id} is {word}: nothing was submitted",
            hint=Hint("begin a new run with `{}`, then submit it", torc("reinit", workflow_id)),
        )
    if not any(_asks_for_nodes(action) for action in client.actions(workflow_id)):
        raise StateConflictError(
            f"workflow {workflow_id} has no schedule_nodes action",
            hint=Hint("submit allocations for its ready jobs with `{}`", torc("slurm schedule-nodes", workflow_id)),
        )
    scheduling = node_scheduling(session, workflow_id, cluster, output_dir=output_dir, poll_interval=poll_interval)
    if client.is_uninitialized(workflow_id):
        folder = Path(client.workflows.get(workflow_id).submission_directory or Path.cwd())
        begin_new(client, workflow_id, folder=folder, force=skip_checks, force_option=_SKIP)
    elif not actions_to_fire(client.actions(workflow_id), retry_failed=True, take_over=take_over):
        # an allocation that ended without a word may be all that keeps an action from being due
        reclaim_lost(session, workflow_id, cluster)
    done = submit_due(session, scheduling, take_over=take_over)
    submitted = [each for _, each in done]
    count = sum(each.allocation_count for each in submitted)
    lines: list[Line] = [f"Submitted to Slurm with {number(count, 'allocation')}"] if done else []
    if not done:
        lines.append(f"Nothing was submitted: no schedule_nodes action of workflow {workflow_id} is due")
    lines += _about_the_others(client.actions(workflow_id), workflow_id)
    session.out.done(
        lines,
        {
            "workflow_id": workflow_id,
            "status": "success",
            "allocation_count": count,
            "actions": [fired.action.id for fired, _ in done],
            "allocations": described(submitted),
        },
    )


def _asks_for_nodes(action: "WorkflowActionModel") -> bool:
    return action.action_type == SCHEDULE_NODES


def _about_the_others(actions: "list[WorkflowActionModel]", workflow_id: int) -> list[Line]:
    """Return lines about the actions that were not carried out now."""
    from torc_client.submission.fire import read_holder

    chosen = [action for action in actions if _asks_for_nodes(action)]
    lines: list[Line] = []
    waiting = sum(action.allocation_count for action in chosen if action.state == "waiting")
    if waiting:
        lines.append(f"{number(waiting, 'allocation')} more will be asked for when their jobs are ready")
    for action in chosen:
        holder = read_holder(action.claim) if action.state == "claimed" else None
        if holder is not None:
            again = torc("submit", workflow_id, "--take-over")
            lines.append(Hint("Action {} is held by {}; if that is gone: {}", action.id or 0, str(holder), again))
        elif action.state == "claimed":
            lines.append(f"Action {action.id} is carried out by a runner")
    return lines


def _show_due(session: Session, workflow_id: int) -> None:
    """Print what `submit` would do for a workflow that exists."""
    from torc_client.submission.fire import actions_to_fire

    client = session.client
    actions = [action for action in client.actions(workflow_id) if _asks_for_nodes(action)]
    is_new = client.is_uninitialized(workflow_id)
    due = actions_to_fire(actions, retry_failed=True)
    if is_new:
        due = [action for action in actions if action.trigger_type == "on_workflow_start"]
    names = {each.id: each.name for each in client.slurm_schedulers.list_all(workflow_id=workflow_id)}
    found = [
        {
            "action_id": action.id,
            "trigger_type": action.trigger_type,
            "scheduler": names.get(action.action_config.get("scheduler_id")),
            "allocations": action.allocation_count,
        }
        for action in due
    ]
    count = sum(action.allocation_count for action in due)
    lines = [f"Action {each['action_id']}: {each['allocations']} of {each['scheduler']}" for each in found]
    lines.append(f"{number(count, 'allocation')} would be submitted for workflow {workflow_id}")
    session.out.done(lines, {"workflow_id": workflow_id, "dry_run": True, "allocation_count": count, "actions": found})


def _show_draft(session: Session, draft: "WorkflowDraft") -> None:
    """Print what `submit` would do for a file."""
    starting = [
        action
        for action in draft.actions
        if action.action_type == SCHEDULE_NODES and action.trigger_type == "on_workflow_start"
    ]
    count = sum(int(action.action_config.get("num_allocations") or 1) for action in starting)
    line = f"{number(len(draft.jobs), 'job')} would be created, and {number(count, 'allocation')} submitted"
    session.out.done(line, {"dry_run": True, "job_count": len(draft.jobs), "allocation_count": count})
