"""Finds every line of a log that shows a known failure, with its number, its node and what it means."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from torc_core.evidence.cleaning import clean_text, shorten_line
from torc_core.triage.cause_line import find_hits
from torc_core.triage.pattern_library import FailureClass, Pattern, PatternLibrary

Severity = Literal["error", "warning"]
_NODE: Final = re.compile(
    r"^slurmstepd-(?P<daemon>[\w.-]+): |^srun: error: (?P<task>[\w.-]+): tasks? [\d,-]+: "
    r"|\*\*\* (?:JOB|STEP) \S+ ON (?P<named>[\w.-]+) "
)
_STEP: Final = re.compile(r"\bStepId=(\d+)\.([\w+]+)|\*\*\* STEP (\d+)\.([\w+]+) ON ")
_SCHEDULER_ERROR: Final = re.compile(r"^(?:slurmstepd\S*|srun|sbatch): (?:error|fatal): ")
_ENDED_FROM_OUTSIDE: Final = "scheduling"
_UNKNOWN: Final = "slurm-error"
_MAX_CHARS: Final = 500


@dataclass(frozen=True, kw_only=True)
class LogFinding:
    """One line that shows a failure. `step` is Slurm's name of the step that the line is about: `60.2`."""

    line_number: int
    line: str
    pattern_id: str
    description: str
    severity: Severity
    category: str
    failure_class: FailureClass | None = None
    advice: str | None = None
    node: str | None = None
    step: str | None = None


def scan_log(text: str, library: PatternLibrary, *, first_line: int = 1) -> Iterator[LogFinding]:
    """Yield the lines that show a known failure, and those in which Slurm reports an error that is not known."""
    lower = text.lower()
    if len(lower) != len(text):
        # lowering a few letters changes their number, and with it all offsets
        text = lower
    hits = {hit.start: hit.pattern for hit in find_hits(lower, library)}
    start, number = 0, first_line
    for line in text.split("\n"):
        pattern = hits.get(start)
        if pattern is not None or _SCHEDULER_ERROR.match(line):
            yield _finding(line, number, pattern)
        start += len(line) + 1
        number += 1


def _finding(line: str, number: int, pattern: Pattern | None) -> LogFinding:
    node, step = _NODE.search(line), _STEP.search(line)
    found = LogFinding(
        line_number=number,
        line=shorten_line(clean_text(line).strip(), _MAX_CHARS),
        pattern_id=_UNKNOWN,
        description="Slurm reports an error.",
        severity="error",
        category="scheduler",
        node=next(filter(None, node.groups()), None) if node else None,
        step=".".join(filter(None, step.groups())) if step else None,
    )
    if pattern is None:
        return found
    return replace(
        found,
        pattern_id=pattern.id,
        description=pattern.reason,
        severity="warning" if pattern.category == _ENDED_FROM_OUTSIDE else "error",
        category=pattern.category,
        failure_class=pattern.class_,
        advice=pattern.advice,
    )
