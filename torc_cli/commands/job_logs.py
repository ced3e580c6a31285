"""`torc jobs logs`: what an attempt printed."""

import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from torc_cli.render.text import display
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_client.logs.attempt_logs import AttemptId, AttemptLogs, Tail, newest_attempt, output_dirs_here, read_job_logs
from torc_core.api.jobs import JobModel
from torc_core.errors import NotFoundError, TorcError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import ACTIVE


@command
def logs(
    session: Session,
    job_id: int,
    *,
    attempt: Annotated[
        int | None, typer.Option("--attempt", help="Show this attempt; the newest when left out.")
    ] = None,
    run: Annotated[int | None, typer.Option("--run", help="Show this run; the newest when left out.")] = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="Show only standard output.")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Show only standard error.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", min=1, help="Show only so many last lines.")] = None,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="Look in this folder, where the runner wrote.")
    ] = None,
) -> None:
    """Show what an attempt of a job printed, the newest one by default.

    For example: `torc jobs logs 12 --stderr --tail 50`.
    """
    job = session.client.jobs.get(job_id)
    wanted = newest_attempt(_attempts(session, job, job_id), run_id=run, attempt_id=attempt)
    if wanted is None:
        attempts = Hint("`{}` shows its attempts", torc("results list", "-j", job_id))
        raise NotFoundError(f"job {job_id} ({job.name}) has no such attempt", hint=attempts)
    folder = output_dir or Path(session.settings.output_dir)
    folders = [output_dir] if output_dir else [*_registered_dirs(session, job), folder]
    each = (read_job_logs(place, job.workflow_id, job_id, attempt=wanted, lines=tail) for place in folders)
    found = next((logs for logs in each if logs is not None), None)
    if found is not None:
        _show_files(session, job, found, want_stdout=stdout or not stderr, want_stderr=stderr or not stdout)
    else:
        _show_evidence(session, job, wanted, folder=folder, want_stdout=stdout or not stderr)


def _registered_dirs(session: Session, job: JobModel) -> list[Path]:
    """Return the output directories that the runners of this machine registered."""
    nodes = session.client.compute_nodes.list_all(workflow_id=job.workflow_id)
    return output_dirs_here(nodes, hostname=socket.gethostname())


def _attempts(session: Session, job: JobModel, job_id: int) -> list[AttemptId]:
    """Return the attempts with a result, and the one under way."""
    results = session.client.results.list_all(workflow_id=job.workflow_id, job_id=job_id, all_runs=True)
    attempts = [AttemptId(result.run_id, result.attempt_id or 1) for result in results]
    if job.status in ACTIVE:
        run_id = session.client.workflows.get(job.workflow_id).run_id or 0
        attempts.append(AttemptId(run_id, job.attempt_id or 1))
    return attempts


def _show_files(session: Session, job: JobModel, logs: AttemptLogs, *, want_stdout: bool, want_stderr: bool) -> None:
    chosen = {
        "stderr": logs.stderr if want_stderr else None,
        "stdout": logs.stdout if want_stdout or logs.stderr is None else None,
        "recovery_script": logs.recovery if want_stdout and want_stderr else None,
    }
    parts = {name: tail for name, tail in chosen.items() if tail is not None}
    for name, tail in parts.items():
        session.out.note(f"{name}: {tail.path}{' (only its end is shown)' if tail.is_cut else ''}")
    error = _recovery_script_error(session, job, logs.attempt) if logs.recovery is not None else None
    _note_script_error(session, error)
    text = "".join(_ended(tail.text) for tail in parts.values()).rstrip("\n")
    session.out.done(text, _data(job, logs, parts) | {"recovery_script_error": error})


def _recovery_script_error(session: Session, job: JobModel, attempt: AttemptId) -> str | None:
    try:
        stored = session.client.job_evidence(job.id or 0, run_id=attempt.run_id, attempt_id=attempt.attempt_id)
    except NotFoundError:
        return None
    return stored.evidence.recovery_script_error


def _note_script_error(session: Session, error: str | None) -> None:
    if error is not None:
        session.out.note(f"The job was not tried again: its recovery script {display(error)}")


def _data(job: JobModel, logs: AttemptLogs, parts: dict[str, Tail]) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "job_name": job.name,
        "run_id": logs.attempt.run_id,
        "attempt_id": logs.attempt.attempt_id,
        "source": "files",
        **{name: tail.text for name, tail in parts.items()},
        **{f"{name}_path": str(tail.path) for name, tail in parts.items()},
        "is_cut": any(tail.is_cut for tail in parts.values()),
    }


def _show_evidence(session: Session, job: JobModel, wanted: AttemptId, *, folder: Path, want_stdout: bool) -> None:
    try:
        stored = session.client.job_evidence(job.id or 0, run_id=wanted.run_id, attempt_id=wanted.attempt_id)
    except NotFoundError as error:
        raise _no_logs(job, wanted, folder) from error
    evidence = stored.evidence
    session.out.note(f"The log files are not below {folder}; this is what the server kept of the failure.")
    _note_script_error(session, evidence.recovery_script_error)
    texts = {
        "stderr": "\n".join(filter(None, (evidence.stderr_excerpt, evidence.stderr_tail))),
        "stdout": evidence.stdout_tail if want_stdout else "",
    }
    session.out.done(
        "".join(_ended(text) for text in texts.values()).rstrip("\n"),
        {
            "job_id": job.id,
            "job_name": job.name,
            "run_id": stored.run_id,
            "attempt_id": stored.attempt_id,
            "source": "evidence",
            **texts,
            "recovery_script_error": evidence.recovery_script_error,
            "is_cut": evidence.truncated,
        },
    )


def _no_logs(job: JobModel, wanted: AttemptId, folder: Path) -> TorcError:
    return NotFoundError(
        f"no logs of job {job.id} ({job.name}), run {wanted.run_id}, attempt {wanted.attempt_id} below {folder}",
        hint="name the runner's output directory with -o, on the machine where it ran",
    )


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
