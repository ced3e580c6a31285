"""Begins runs of a workflow: initialize, reinitialize, reset."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torc_client.http import TorcClient
from torc_client.runs.changed_inputs import (
    OWN_CHANGE,
    StaleJob,
    look_at_files,
    plan_stale,
    record_files,
    stale_by_files,
)
from torc_core.api.workflows import InitializeResult, TaskModel, WorkflowStatusModel
from torc_core.errors import StateConflictError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import ACTIVE, FRESH, RESETTABLE_FAILURES, JobStatus

_NAMED_IN_ERRORS: Final = 10


@dataclass(frozen=True, kw_only=True)
class StartCheck:
    """The files that prevent a run (`missing_*`), and those that it would overwrite."""

    workflow_id: int
    missing_input_files: tuple[str, ...] = ()
    missing_user_data: tuple[str, ...] = ()
    existing_output_files: tuple[str, ...] = ()

    @property
    def is_safe(self) -> bool:
        return not (self.missing_input_files or self.missing_user_data)


@dataclass(frozen=True, kw_only=True)
class StartedRun:
    """A workflow ready to run. `reset_jobs` are the jobs sent back because files, data or commands changed.

    What depends on them was sent back with them. `task` is set where the server initializes in the background; the
    counts are not known then.
    """

    workflow_id: int
    run_id: int
    ready_count: int
    blocked_count: int
    existing_output_files: tuple[str, ...] = ()
    reset_jobs: tuple[StaleJob, ...] = ()
    task: TaskModel | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedReinit:
    """What a reinitialization would find and do: `jobs` would be sent back, in the order of their ids."""

    check: StartCheck
    jobs: tuple[StaleJob, ...]


@dataclass(frozen=True, kw_only=True)
class StatusReset:
    """The effect of `reset_status`; `started` is set when it reinitialized too."""

    workflow_id: int
    run_id: int
    updated_count: int
    started: StartedRun | None = None


def check_start(client: TorcClient, workflow_id: int, *, folder: Path) -> StartCheck:
    """Check files and user data; change nothing. Relative paths count from `folder`."""
    files = client.files.list_all(workflow_id=workflow_id)
    outputs = {file.id for file in client.files.list_all(workflow_id=workflow_id, is_output=True)} if files else set()
    required = set(client.required_existing_files(workflow_id)) - outputs if files else set()
    return StartCheck(
        workflow_id=workflow_id,
        missing_input_files=tuple(f.path for f in files if f.id in required and not (folder / f.path).exists()),
        existing_output_files=tuple(f.path for f in files if f.id in outputs and (folder / f.path).exists()),
        missing_user_data=_missing_inputs(client, workflow_id),
    )


def initialize(
    client: TorcClient,
    workflow_id: int,
    *,
    folder: Path,
    force: bool = False,
    force_option: str = "--force",
    by_content: bool = False,
    in_background: bool = False,
) -> StartedRun:
    """Begin a run in which every job starts anew; `by_content` also records the contents of files.

    `force` begins although input files are missing or jobs are active; the user says it by `force_option`. Raises
    StateConflictError when the workflow is archived, when jobs are active, or when inputs are missing; then nothing
    has changed.
    """
    check = check_start(client, workflow_id, folder=folder)
    _refuse_unsafe(check, force=force, force_option=force_option)
    run_id = _begin_run(client, workflow_id, force=force)
    if not client.is_uninitialized(workflow_id):
        client.reset_job_status(workflow_id)
    record_files(client, look_at_files(client, workflow_id, folder=folder, by_content=by_content))
    task, counts = None, InitializeResult()
    if in_background:
        task = client.initialize_later(workflow_id, clear_ephemeral_user_data=True)
    else:
        counts = client.initialize_jobs(workflow_id, clear_ephemeral_user_data=True)
    return StartedRun(
        workflow_id=workflow_id,
        run_id=run_id,
        ready_count=counts.ready_count,
        blocked_count=counts.blocked_count,
        existing_output_files=check.existing_output_files,
        task=task,
    )


def begin_new(
    client: TorcClient, workflow_id: int, *, folder: Path, force: bool = False, force_option: str = "--force"
) -> StartedRun:
    """Begin a workflow that has not begun; of two callers at the same moment, the second changes nothing.

    `force` as in `initialize`. Raises StateConflictError when inputs are missing; then nothing has changed.
    """
    _refuse_unsafe(check_start(client, workflow_id, folder=folder), force=force, force_option=force_option)
    # not `initialize`: it begins anew what another process has begun since, and its actions would fire again
    run_id = client.workflow_status(workflow_id).run_id
    return reinitialize_within_run(client, workflow_id, run_id=run_id, folder=folder)


def plan_reinit(client: TorcClient, workflow_id: int, *, folder: Path, by_content: bool = False) -> PlannedReinit:
    """Return what `reinitialize` would do; change nothing."""
    was_canceled = bool(client.workflows.get(workflow_id).is_canceled)
    jobs = plan_stale(client, workflow_id, folder=folder, by_content=by_content, with_canceled=was_canceled)
    return PlannedReinit(check=check_start(client, workflow_id, folder=folder), jobs=tuple(jobs))


def reinitialize(
    client: TorcClient,
    workflow_id: int,
    *,
    folder: Path,
    force: bool = False,
    by_content: bool = False,
    in_background: bool = False,
) -> StartedRun:
    """Begin a run with unfinished jobs, and with those whose inputs changed or whose outputs are missing.

    In a canceled workflow canceled jobs are reset, too. `by_content`: a file changed when its content did, not its
    modification time. Raises as `initialize` does.
    """
    _refuse_unsafe(check_start(client, workflow_id, folder=folder), force=force)
    was_canceled = client.workflows.get(workflow_id).is_canceled
    run_id = _begin_run(client, workflow_id, force=force)
    if was_canceled:
        canceled = client.jobs.list_all(workflow_id=workflow_id, status=JobStatus.CANCELED)
        client.reset_jobs(workflow_id, [job.id or 0 for job in canceled], run_id=run_id)
    return reinitialize_within_run(
        client, workflow_id, run_id=run_id, folder=folder, by_content=by_content, in_background=in_background
    )


def reinitialize_within_run(
    client: TorcClient,
    workflow_id: int,
    *,
    run_id: int,
    folder: Path,
    by_content: bool = False,
    in_background: bool = False,
) -> StartedRun:
    """Reset changed jobs within the current run, and make jobs ready or blocked."""
    changes = look_at_files(client, workflow_id, folder=folder, by_content=by_content)
    stale = stale_by_files(client, workflow_id, changes)
    if stale:
        client.reset_jobs(workflow_id, [job.job_id for job in stale], run_id=run_id)
    # after the reset: recorded first, a failure in between would leave changed files that nobody reacts to
    record_files(client, changes)
    by_data = client.process_changed_job_inputs(workflow_id).reinitialized_jobs
    reset = (*stale, *_named(client, workflow_id, by_data))
    if in_background:
        task = client.initialize_later(workflow_id, only_uninitialized=True)
        return StartedRun(
            workflow_id=workflow_id, run_id=run_id, ready_count=0, blocked_count=0, reset_jobs=reset, task=task
        )
    client.initialize_jobs(workflow_id, only_uninitialized=True)
    counts = client.workflow_status(workflow_id).jobs_by_status  # also those that were ready before
    return StartedRun(
        workflow_id=workflow_id,
        run_id=run_id,
        ready_count=counts[JobStatus.READY],
        blocked_count=counts[JobStatus.BLOCKED],
        reset_jobs=reset,
    )


def _named(client: TorcClient, workflow_id: int, names: Sequence[str]) -> list[StaleJob]:
    """Return the jobs whose own inputs changed, by their names."""
    if not names:
        return []
    ids = {each.name: each.id for each in client.job_outlines(workflow_id)}
    return [StaleJob(ids[name], name, OWN_CHANGE) for name in names]


def reset_status(
    client: TorcClient,
    workflow_id: int,
    *,
    failed_only: bool,
    force: bool,
    reinitialize_too: bool,
    folder: Path,
) -> StatusReset:
    """Reset jobs in a new run: all, or the unsuccessful ones and their dependents.

    Without unsuccessful jobs no run begins, unless the workflow was canceled. Raises StateConflictError, with
    nothing changed, when the workflow is archived or jobs are active.
    """
    if reinitialize_too:
        _refuse_unsafe(check_start(client, workflow_id, folder=folder), force=force)
    status = client.workflow_status(workflow_id)
    if (
        failed_only
        and not status.jobs_by_status.total(RESETTABLE_FAILURES)
        and not (status.is_canceled or reinitialize_too)
    ):
        return StatusReset(workflow_id=workflow_id, run_id=status.run_id, updated_count=0)
    run_id = _begin_run(client, workflow_id, force=force)
    reset = client.reset_job_status(workflow_id, failed_only=failed_only)
    started = reinitialize_within_run(client, workflow_id, run_id=run_id, folder=folder) if reinitialize_too else None
    return StatusReset(workflow_id=workflow_id, run_id=run_id, updated_count=reset.updated_count, started=started)


def _begin_run(client: TorcClient, workflow_id: int, *, force: bool) -> int:
    """Return the id of a new run, or of the current one where no job and no action has been claimed in it yet."""
    status = client.workflow_status(workflow_id)
    if status.is_canceled or status.is_archived or _has_happened(client, status):
        begun = client.reset_workflow_status(workflow_id, force=force, run_id=status.run_id + 1)
        return begun.run_id or 1
    return status.run_id


def _has_happened(client: TorcClient, status: WorkflowStatusModel) -> bool:
    """Return whether jobs are active, or an attempt of the current run has ended, or an action was carried out."""
    counts = status.jobs_by_status
    if counts.total(FRESH) == status.total_jobs:
        return False
    if counts.total(ACTIVE) + status.pending_scheduled_nodes + status.active_scheduled_nodes:
        return True
    query = {"workflow_id": status.workflow_id, "run_id": status.run_id}
    if client.results.page(limit=1, all_runs=True, **query).count > 0:
        return True
    return any(action.executed_at is not None for action in client.actions(status.workflow_id))


def _refuse_unsafe(check: StartCheck, *, force: bool, force_option: str = "--force") -> None:
    if check.missing_user_data:
        raise StateConflictError(
            f"workflow {check.workflow_id} misses user data that no job produces: {_some(check.missing_user_data)}",
            hint=Hint("set it with `{}`", torc("user-data update", "ID", "--data", "JSON")),
            ids={"workflow_id": check.workflow_id},
        )
    if not force:
        refuse_missing_files(f"workflow {check.workflow_id}", check.missing_input_files, force_option=force_option)


def refuse_missing_files(workflow: str, paths: Sequence[str], *, force_option: str) -> None:
    """Raise StateConflictError if files are missing."""
    if paths:
        raise StateConflictError(
            f"{workflow} misses input files that no job produces: {_some(paths)}",
            hint=f"put them in place, start from the folder they are relative to, or use {force_option}",
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_IN_ERRORS
    return ", ".join(names[:_NAMED_IN_ERRORS]) + (f" and {more} more" if more > 0 else "")


def _missing_inputs(client: TorcClient, workflow_id: int) -> tuple[str, ...]:
    """Return the names of missing user data that jobs read and no job produces."""
    missing = set(client.missing_user_data(workflow_id))
    if not missing:
        return ()
    rows = client.job_user_data_relationships(workflow_id)
    return tuple(
        dict.fromkeys(row.user_data_name for row in rows if row.user_data_id in missing and row.producer_job_id is None)
    )
