"""Reads one log of one attempt: from its file where that can be reached, else from the evidence on the server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from torc_client.http import TorcClient
from torc_client.logs.attempt_logs import AttemptId, Tail, newest_attempt, read_job_logs
from torc_core.api.jobs import JobModel
from torc_core.errors import InvalidInputError, NotFoundError
from torc_core.evidence.cleaning import shorten_line
from torc_core.jobs.status import ACTIVE
from torc_mcp.budget import cut_text
from torc_mcp.context import one_line
from torc_mcp.fence import Fence, harmless
from torc_mcp.tools.diagnose.answers import JobLogs

_LINES_ABOVE: Final = 200
"""Lines that are read above the wanted ones, so that a key is seen whole."""

LogType = Literal["stdout", "stderr"]


@dataclass(frozen=True, kw_only=True)
class LogRequest:
    """Which lines of which log. None is the newest run and attempt."""

    job_id: int
    log_type: LogType
    tail_lines: int
    skip_lines: int = 0
    workflow_id: int | None = None
    run_id: int | None = None
    attempt_id: int | None = None


def read_logs(client: TorcClient, request: LogRequest, *, output_dir: str, room: int) -> JobLogs:
    """Return a log in at most `room` bytes. Raises NotFoundError where there is neither a file nor evidence."""
    job = client.jobs.get(request.job_id)
    if request.workflow_id not in (None, job.workflow_id):
        raise InvalidInputError(
            f"job {request.job_id} is of workflow {job.workflow_id}, not of {request.workflow_id}",
            hint="leave workflow_id out",
            ids={"job_id": request.job_id, "workflow_id": job.workflow_id},
        )
    attempt = _choose_attempt(client, job, request)
    return _from_file(job, attempt, request, output_dir=Path(output_dir), room=room) or _from_evidence(
        client, job, attempt, request, room=room
    )


def _choose_attempt(client: TorcClient, job: JobModel, request: LogRequest) -> AttemptId:
    results = client.results.list_all(workflow_id=job.workflow_id, job_id=request.job_id, all_runs=True)
    attempts = [AttemptId(result.run_id, result.attempt_id or 1) for result in results]
    if job.status in ACTIVE:
        run_id = client.workflows.get(job.workflow_id).run_id or 0
        attempts.append(AttemptId(run_id, job.attempt_id or 1))
    chosen = newest_attempt(attempts, run_id=request.run_id, attempt_id=request.attempt_id)
    if chosen is None:
        raise NotFoundError(
            f"job {request.job_id} has no such attempt; it has {len(attempts)}",
            hint="leave run_id and attempt_id out for the newest; a job that never ran has no logs",
            ids={"job_id": request.job_id},
        )
    return chosen


def _from_file(
    job: JobModel, attempt: AttemptId, request: LogRequest, *, output_dir: Path, room: int
) -> JobLogs | None:
    lines = request.tail_lines + request.skip_lines + _LINES_ABOVE
    logs = read_job_logs(output_dir, job.workflow_id, request.job_id, attempt=attempt, lines=lines)
    tail = logs and (logs.stderr if request.log_type == "stderr" and logs.stderr else logs.stdout)
    if not tail:
        return None
    shown, is_cut = _window(tail, request)
    is_combined = tail.path.suffix == ".log"
    return _answer(
        job,
        attempt,
        request,
        source="file",
        path=str(tail.path),
        text=shown,
        is_cut=is_cut,
        room=room,
        note="This file holds stdout and stderr together." if is_combined else None,
    )


def _window(tail: Tail, request: LogRequest) -> tuple[str, bool]:
    # redacted before it is cut: the rest of a key whose first line is cut off looks like any other text
    lines = harmless(tail.text).splitlines()
    wanted = lines[: max(len(lines) - request.skip_lines, 0)]
    return "\n".join(wanted[-request.tail_lines :]), tail.is_cut or len(wanted) > request.tail_lines


def _from_evidence(client: TorcClient, job: JobModel, attempt: AttemptId, request: LogRequest, *, room: int) -> JobLogs:
    try:
        stored = client.job_evidence(request.job_id, run_id=attempt.run_id, attempt_id=attempt.attempt_id)
    except NotFoundError as error:
        raise NotFoundError(
            f"no log of job {request.job_id}, run {attempt.run_id}, attempt {attempt.attempt_id} can be read here, "
            "and the server kept none: it does so for failed attempts only",
            hint="start this MCP server where the job ran, with its --output-dir",
        ) from error
    evidence = stored.evidence
    text = evidence.stderr_tail if request.log_type == "stderr" else evidence.stdout_tail
    lines = text.splitlines()
    is_shortened = len(lines) > request.tail_lines
    return _answer(
        job,
        attempt,
        request,
        source="evidence",
        text="\n".join(lines[-request.tail_lines :]),
        excerpt=evidence.stderr_excerpt if request.log_type == "stderr" else "",
        is_cut=evidence.truncated or is_shortened,
        room=room,
        note="The log file is not reachable from here; this is what the server kept of the failure.",
    )


def _answer(
    job: JobModel,
    attempt: AttemptId,
    request: LogRequest,
    *,
    source: Literal["file", "evidence"],
    text: str,
    is_cut: bool,
    room: int,
    excerpt: str = "",
    path: str | None = None,
    note: str | None = None,
) -> JobLogs:
    fence = Fence()
    whole = _shown(text)
    above = cut_text(_shown(excerpt), room // 3, from_start=True)
    kept = cut_text(whole, room - len(above.encode()) - 2 * fence.cost)
    return JobLogs(
        workflow_id=job.workflow_id,
        job_id=request.job_id,
        job_name=one_line(job.name),
        run_id=attempt.run_id,
        attempt_id=attempt.attempt_id,
        log_type=request.log_type,
        source=source,
        path=path,
        lines=len(kept.splitlines()),
        is_cut=is_cut or len(kept) < len(whole),
        excerpt=fence.lines(above) if above else None,
        content=fence.lines(kept),
        log_notice=fence.notice,
        note=note,
    )


def _shown(text: str) -> str:
    return "\n".join(shorten_line(line) for line in harmless(text).split("\n")).strip("\n")
