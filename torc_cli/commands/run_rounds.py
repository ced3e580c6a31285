"""The rounds of `torc run` on a workflow that exists: make it ready, run it, recover and run again, and report."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from torc_cli.session.session import Session
from torc_core.errors import StateConflictError, TorcError
from torc_core.hints import Hint, Line, torc
from torc_core.jobs.status import AWAITING_DECISION, FRESH, SUCCESSFUL, JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.base.settings import RunnerOptions
    from runner.summary import RunSummary
    from torc_cli.commands.run_again import Recovery
    from torc_cli.render.run_progress import RunView
    from torc_client.recovery.bounded_recovery import FinishedRecovery
    from torc_core.api.failures import FailureGroup
    from torc_core.api.workflows import WorkflowStatusModel

FORCE_OPTION = "--skip-checks"


def make_ready_and_run(
    session: Session, workflow_id: int, options: "RunnerOptions", recovery: "Recovery", *, force: bool
) -> None:
    """Run the workflow as long as there is something to run. Raises typer.Exit when it ends without success."""
    try:
        with session.waiting_for_server(options.wait_at_start_s):
            is_ready = _make_ready(session, workflow_id, options, force=force)
        if is_ready:
            _run(session, workflow_id, options, recovery, force=force)
    except KeyboardInterrupt:  # while a runner works, it takes the signal itself and ends in order
        session.out.note(Hint("Interrupted. To go on: {}", torc("run", workflow_id)))
        raise


def _make_ready(session: Session, workflow_id: int, options: "RunnerOptions", *, force: bool) -> bool:
    """Initialize the jobs that are not; return False, after a report, when there is nothing to run.

    Raises typer.Exit when the workflow is complete without success.
    """
    from runner.base.paths import create_output_dir
    from torc_client.actions import describe_action, open_actions
    from torc_client.runs.begin_run import initialize, reinitialize_within_run

    client = session.client
    status = client.workflow_status(workflow_id)
    counts = status.jobs_by_status
    if status.is_archived:
        raise StateConflictError(
            f"workflow {workflow_id} is archived",
            hint=Hint("bring it back: {}", torc("workflows archive", "false", workflow_id)),
        )
    if status.is_canceled:
        due = open_actions(client, workflow_id, is_canceled=True)
        if not due:
            raise StateConflictError(
                f"workflow {workflow_id} was canceled", hint=Hint("begin a new run: {}", torc("reinit", workflow_id))
            )
        names = ", ".join(describe_action(action) for action in due)
        session.out.note(f"Workflow {workflow_id} was canceled, but not all its actions were carried out: {names}.")
    elif status.is_complete and status.total_jobs and not counts[JobStatus.UNINITIALIZED]:
        due = open_actions(client, workflow_id)
        if not due:
            _say_complete(session, status)
            return False
        names = ", ".join(describe_action(action) for action in due)
        session.out.note(f"Workflow {workflow_id} is complete, but not all its actions were carried out: {names}.")
    create_output_dir(options.output_dir)
    if status.is_canceled:
        return True
    if counts.total(FRESH) == status.total_jobs:
        started = initialize(client, workflow_id, folder=Path.cwd(), force=force, force_option=FORCE_OPTION)
        for path in started.existing_output_files[:20]:
            session.out.note(f"Warning: {path} exists and will be overwritten.")
    elif counts[JobStatus.UNINITIALIZED]:
        reinitialize_within_run(client, workflow_id, run_id=status.run_id, folder=Path.cwd())
    return True


def _say_complete(session: Session, status: "WorkflowStatusModel") -> None:
    from torc_client.recovery.state import is_success

    explanation = f"workflow {status.workflow_id} is complete already"
    anew, changed = torc("init", status.workflow_id), torc("reinit", status.workflow_id)
    session.out.note(
        Hint(
            "Workflow {} is complete already. To run it anew: {}; only what changed: {}",
            status.workflow_id,
            anew,
            changed,
        )
    )
    _report(session, status, explanation, runner={})
    if not is_success(status):
        raise typer.Exit(1)


def _run(session: Session, workflow_id: int, options: "RunnerOptions", recovery: "Recovery", *, force: bool) -> None:
    from runner.main import run_workflow
    from runner.summary import ExitReason
    from torc_cli.commands.run_again import moved_on
    from torc_client.recovery.state import is_success

    client = session.client
    while True:
        with session.waiting_for_server(options.wait_at_start_s):
            status = client.workflow_status(workflow_id)
        with _view(session, status) as view:
            summary = run_workflow(client, workflow_id, options, progress=view)
        with session.waiting_for_server(options.wait_at_start_s):
            status = client.workflow_status(workflow_id)
            if is_success(status) or summary.was_ended_early:
                break
            if not moved_on(status, summary) and not recovery.brings_more(status):
                status = client.workflow_status(workflow_id)  # a recovery may have given jobs up
                break
            if not _make_ready(session, workflow_id, options, force=force):
                return
    runner = asdict(summary) | {"explanation": session.out.text_of(summary.explanation)}
    with session.waiting_for_server(options.wait_at_start_s):
        stopped = summary if summary.reason in (ExitReason.INTERRUPTED, ExitReason.TIME_UP) else None
        _report(session, status, summary.explanation, runner=runner, stopped=stopped, history=recovery.history)
        missed = _note_actions(session, workflow_id, is_canceled=status.is_canceled)
    if missed or not is_success(status):
        raise typer.Exit(1)


def _note_actions(session: Session, workflow_id: int, *, is_canceled: bool) -> bool:
    """Print which actions failed, were due and not carried out, or perhaps not; return whether the last two exist.

    A failed action leaves the workflow as it is.
    """
    from torc_client.actions import describe_action
    from torc_core.api.actions import END_TRIGGERS, RUN_COMMANDS

    missed = False
    for action in session.client.actions(workflow_id):
        if action.state == "failed":
            text = f"Warning: {describe_action(action)} failed: {action.failure}; what it printed: {{}}"
            session.out.note(Hint(text, torc("actions logs", workflow_id, "--action", action.id or 0)))
            continue
        if action.action_type != RUN_COMMANDS or action.persistent:
            continue
        if is_canceled and action.trigger_type not in END_TRIGGERS:
            continue
        if action.state == "pending":
            text = f"Warning: {describe_action(action)} was not carried out; carry it out: {{}}"
            session.out.note(Hint(text, torc("run", workflow_id)))
        elif action.state == "unknown":
            session.out.note(f"Warning: it is unknown whether {describe_action(action)} was carried out to its end")
        else:
            continue
        missed = True
    return missed


def _report(
    session: Session,
    status: "WorkflowStatusModel",
    explanation: Line,
    *,
    runner: dict[str, Any],
    stopped: "RunSummary | None" = None,
    history: "Sequence[FinishedRecovery]" = (),
) -> None:
    from torc_cli.render.run_report import next_after_stop, report_data, report_text
    from torc_cli.render.status_text import next_steps
    from torc_cli.session.pages import offer_review

    groups = _failures(session, status)
    commands = [session.spelling(step.command) for step in next_steps(status)]
    if stopped is not None:
        commands.insert(0, session.spelling(next_after_stop(status, stopped)))
    why = session.out.text_of(explanation)
    session.out.done(
        report_text(status, groups, explanation, stopped=stopped, history=history),
        report_data(status, groups, why, commands, runner=runner, history=history),
    )
    offer_review(session, status.workflow_id, waiting=status.jobs_by_status.total(AWAITING_DECISION))


def _failures(session: Session, status: "WorkflowStatusModel") -> list["FailureGroup"]:
    """Return the failure groups; none where they cannot be read: a report without causes is better than none."""
    from torc_cli.render.run_report import failure_groups

    try:
        return failure_groups(session.client, status)
    except TorcError as error:
        session.out.note(f"Warning: the failures could not be read: {error.message}")
        return []


def _view(session: Session, status: "WorkflowStatusModel") -> "RunView":
    from torc_cli.render.run_progress import BarView, Counts, Lines, Silent

    counts = Counts(total=status.total_jobs, done=status.jobs_by_status.total(SUCCESSFUL))
    if session.is_json:
        return Silent(counts, spell=session.spelling)
    view = BarView if sys.stderr.isatty() else Lines
    return view(counts, spell=session.spelling)
