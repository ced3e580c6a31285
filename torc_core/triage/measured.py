"""Compares what a text claims with what was measured: facts stand above words."""

from typing import Final

from torc_core.evidence.record import Evidence
from torc_core.triage.pattern_library import Pattern

NEAR_LIMIT: Final = 0.9
"""Share of a limit from which a kill is put down to it: measurements miss the last moments before a kill."""

FAR_FROM_LIMIT: Final = 0.5
"""Share of the memory limit below which a kill cannot have been for memory."""

_FAR_FROM_ANY_LACK: Final = 0.1
"""Share of the memory limit below which a refused allocation is no lack of memory, unless it was one huge request."""


_SIGKILL: Final = 9
_KILLED: Final = (128 + _SIGKILL, -_SIGKILL)
"""Return codes of a process that was ended by SIGKILL."""


def memory_share(evidence: Evidence) -> float | None:
    """Return the peak memory as a share of the limit; None where either is unknown."""
    if evidence.peak_memory_bytes is None or not evidence.memory_limit_bytes:
        return None
    return evidence.peak_memory_bytes / evidence.memory_limit_bytes


def is_late(evidence: Evidence) -> bool | None:
    """Return whether the attempt ran to the end of its time limit; None where its time or its limit is unknown."""
    if evidence.runtime_s is None or not evidence.runtime_limit_s:
        return None
    return evidence.runtime_s >= NEAR_LIMIT * evidence.runtime_limit_s


def is_record(evidence: Evidence) -> bool:
    """Return whether a runner measured the attempt; otherwise the text is all that is known of it."""
    measured = (evidence.node, evidence.runtime_s, evidence.peak_memory_bytes)
    return any(fact is not None for fact in measured)


def find_doubt(evidence: Evidence, pattern: Pattern) -> str | None:
    """Return why the claim of a text cannot be true of this attempt; None where nothing measured contradicts it."""
    if pattern.scheduler is not None and is_record(evidence):
        ran_under = None if evidence.scheduler is None else evidence.scheduler.type
        if ran_under != pattern.scheduler:
            name = pattern.scheduler.capitalize() if pattern.scheduler == "slurm" else pattern.scheduler.upper()
            return f"its log quotes a verdict of {name}, but it did not run under {name}"
    share = memory_share(evidence)
    # a step that grows quickly is killed between two samples: its scheduler's verdict on a kill that did happen stands
    is_verdict_on_kill = pattern.scheduler is not None and (
        evidence.signal == _SIGKILL or evidence.return_code in _KILLED
    )
    if share is not None and pattern.helped_by_memory and not is_verdict_on_kill:
        least = FAR_FROM_LIMIT if pattern.measured == "memory" else _FAR_FROM_ANY_LACK
        if share < least:
            return f"its log speaks of too little memory, but it used {share:.0%} of its limit"
    if pattern.measured == "runtime" and is_late(evidence) is False:
        return "its log speaks of a time limit, but its time was not up"
    return None
