"""Submission and cancellation: the command lines, and what the programs' answers mean."""

import re
from collections.abc import Sequence
from typing import Final

from torc_core.slurm.allocation import AllocationRequest
from torc_core.slurm.quantities import parse_slurm_count

_AWAY: Final = re.compile(
    r"socket timed out|unable to contact slurm controller|zero bytes were transmitted|connection refused"
    r"|communication connection failure|transport endpoint is not connected|connection (?:reset|timed out)"
    r"|temporarily unable to accept|resource temporarily unavailable|problem talking to the database"
    r"|unable to contact slurmdbd|slurm_persist_conn_open|rate limit exceeded|please try again",
    re.IGNORECASE,
)
"""Answers after which the same request may succeed later, and may have been accepted although this one failed."""
_START: Final = re.compile(r"\bto start at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\b", re.ASCII)
_NO_SUCH_JOB: Final = re.compile(r"invalid job id specified", re.IGNORECASE)
_HAS_ENDED: Final = re.compile(r"already completing or completed|invalid job id specified", re.IGNORECASE)
_PREFIX: Final = re.compile(r"^(?:sbatch|squeue|scancel|sacct|scontrol|sinfo): (?:error: )?", re.MULTILINE)
_NO_NEWS: Final = "(no message)"


def submit_words(request: AllocationRequest) -> list[str]:
    """Return the words of an sbatch that submits the script under the request's key, as name and as comment."""
    folder = [f"--chdir={request.folder}"] if request.folder is not None else []
    own = (f"--job-name={request.key}", f"--comment={request.key}")
    return ["sbatch", "--parsable", *folder, *request.options, *own, str(request.script)]


def estimate_words(options: Sequence[str]) -> list[str]:
    """Return the words of an sbatch that submits nothing and says when such an allocation would start."""
    return ["sbatch", "--test-only", *options, "--wrap=true"]


def parse_estimate(text: str) -> str | None:
    """Return the start in the answer to `estimate_words`, as Slurm prints it, None for any other answer."""
    match = _START.search(text)
    return match[1] if match else None


def cancel_words(scheduler_ids: Sequence[int], *, state: str | None = None) -> list[str]:
    """Return the words of an scancel of these allocations; with `state` only of those that are in it."""
    return ["scancel", *([] if state is None else [f"--state={state}"]), *map(str, scheduler_ids)]


def parse_submitted(text: str) -> int | None:
    """Return the id of `sbatch --parsable`: `56`, or `56;cluster`. None for any other answer."""
    lines = [line.partition(";")[0].strip() for line in text.splitlines() if line.strip()]
    return parse_slurm_count(lines[-1]) if lines else None


def is_away(stderr: str) -> bool:
    """Return whether the controller or the accounting did not answer, so that trying again may help."""
    return _AWAY.search(stderr) is not None


def is_unknown_job(stderr: str) -> bool:
    """Return whether the program says that there is no such allocation (any more)."""
    return _NO_SUCH_JOB.search(stderr) is not None


def all_have_ended(stderr: str) -> bool:
    """Return whether every line of scancel's complaints says that an allocation has ended."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    return bool(lines) and all(_HAS_ENDED.search(line) for line in lines)


def complaint(stderr: str) -> str:
    """Return what the program wrote on one line, without its own name."""
    lines = [line.strip() for line in _PREFIX.sub("", stderr).splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines))[:1000] or _NO_NEWS
