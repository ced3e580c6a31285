"""The words for a failure, and the tables by which one word leads to the next.

verdict (the runner's) and texts -> class and category (a suggestion) -> cause (what recovery acts on)
-> retry, or why the job is skipped. `docs/reference/failure-words.md` shows the same for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torc_core.evidence.attempt import Cause
from torc_core.evidence.record import RunnerVerdict
from torc_core.triage.pattern_library import FailureClass


@dataclass(frozen=True, kw_only=True)
class VerdictMeaning:
    """The class that a runner's verdict proves. Confidence 1 means that no text can know better."""

    rule: str
    class_: FailureClass
    category: str
    cause: Cause
    confidence: float
    reason: str


VERDICTS: Final[Mapping[RunnerVerdict, VerdictMeaning | None]] = {
    "oom": VerdictMeaning(
        rule="fact-oom",
        class_="oom",
        category="memory",
        cause=Cause.OOM,
        confidence=0.99,
        reason="The runner saw it stopped for lack of memory.",
    ),
    "timeout": VerdictMeaning(
        rule="fact-timeout",
        class_="timeout",
        category="walltime",
        cause=Cause.TIMEOUT,
        confidence=0.99,
        reason="The runner stopped it at its time limit.",
    ),
    "terminated": VerdictMeaning(
        rule="fact-terminated",
        class_="transient",
        category="scheduling",
        cause=Cause.RUNNER_LOST,
        confidence=0.95,
        reason="The runner was ending and stopped it.",
    ),
    "lost": VerdictMeaning(
        rule="fact-lost",
        class_="transient",
        category="hardware",
        cause=Cause.RUNNER_LOST,
        confidence=1.0,
        reason="The runner was lost while the job ran.",
    ),
    # how the attempt ended, but not why: exit code and texts decide
    "missing_output": None,
    "spawn_failed": None,
}

_CAUSE_OF_CLASS: Final[Mapping[FailureClass, Cause]] = {"oom": Cause.OOM, "timeout": Cause.TIMEOUT}
_CAUSE_OF_TRANSIENT: Final[Mapping[str, Cause]] = {"hardware": Cause.NODE_FAILURE, "scheduling": Cause.PREEMPTED}


def cause_of(class_: FailureClass, category: str) -> Cause | None:
    """Return the cause that recovery can act on, None where a decision is needed.

    Only the infrastructure's categories count of transient failures: a network that failed may fail again.
    """
    if class_ == "transient":
        return _CAUSE_OF_TRANSIENT.get(category)
    return _CAUSE_OF_CLASS.get(class_)
