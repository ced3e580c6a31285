"""Gathers the evidence of a failed attempt into one small record."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from runner.base.attempt import AttemptEnd
from runner.base.ledger import Need
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.evidence.cleaning import excerpt_stderr
from torc_core.evidence.record import Evidence, SchedulerFacts, fit
from torc_core.evidence.redaction import REDACTED, redact_secrets

_HEAD_BYTES: Final = 32 * 1024
_TAIL_BYTES: Final = 128 * 1024
_STDERR_BYTES: Final = 8 * 1024
_STDOUT_BYTES: Final = 3 * 1024


def gather_evidence(
    end: AttemptEnd, *, node: str, scheduler: SchedulerFacts | None, secrets: Collection[str] = ()
) -> Evidence:
    """Return the evidence; reads a bounded part of the attempt's output, and files that are gone as empty.

    `secrets` are values that are hidden wherever the output holds them, whatever their shape.
    """
    files, need = end.attempt.files, end.attempt.claim.need
    excerpt, tail, truncated = ("", end.error, False) if end.error else _texts(files.stderr, _STDERR_BYTES, secrets)
    stdout = ""
    if not tail and files.stdout != files.stderr:
        _, stdout, truncated = _texts(files.stdout, _STDOUT_BYTES, secrets)
    return fit(
        Evidence(
            return_code=end.return_code,
            signal=end.signal,
            verdict=end.verdict,
            missing_output_files=end.missing_files,
            recovery_script_error=end.recovery_script_error,
            peak_memory_bytes=peak_memory(end),
            memory_limit_bytes=memory_limit(need),
            runtime_s=round(end.duration_s, 3),
            runtime_limit_s=runtime_limit(need),
            node=node,
            scheduler=scheduler,
            stderr_excerpt=redact_secrets(excerpt),
            stderr_tail=redact_secrets(tail),
            stdout_tail=redact_secrets(stdout),
            truncated=truncated,
        )
    )


def peak_memory(end: AttemptEnd) -> int | None:
    """Return the larger of the kernel's figure for one process and the sampled sum of the tree."""
    return max(end.peak_memory_bytes, end.attempt.samples.peak_memory_bytes) or None


def memory_limit(need: Need) -> int | None:
    """Return the bytes that the job may hold; None without a limit, as with an amount of 0."""
    return None if need.name == UNSPECIFIED_REQUIREMENT else need.memory_bytes or None


def runtime_limit(need: Need) -> float | None:
    """Return the seconds that the job may run; None without a limit, as with an amount of 0."""
    return None if need.name == UNSPECIFIED_REQUIREMENT else need.runtime_s or None


def _texts(name: str | None, max_bytes: int, secrets: Collection[str]) -> tuple[str, str, bool]:
    if name is None:
        return "", "", False
    raw, skipped = _read_ends(Path(name))
    # before the cut, which could leave half of a secret; the longest first, as one may be part of another
    for secret in sorted(secrets, key=len, reverse=True):
        raw = raw.replace(secret.encode(), REDACTED.encode())
    excerpt, tail, truncated = excerpt_stderr(raw, max_bytes=max_bytes)
    return excerpt, tail, truncated or skipped


def _read_ends(path: Path) -> tuple[bytes, bool]:
    """Return the start and the end of a file, and whether something between was left out."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _HEAD_BYTES + _TAIL_BYTES:
                return file.read(_HEAD_BYTES + _TAIL_BYTES), False
            head = file.read(_HEAD_BYTES)
            file.seek(-_TAIL_BYTES, os.SEEK_END)
            return head + b"\n" + file.read(_TAIL_BYTES), True
    except OSError:
        return b"", False
