"""Counts failures by kind, over all groups."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from torc_core.api.failures import FailureGroup
from torc_core.triage.pattern_library import FailureClass
from torc_mcp.context import one_line
from torc_mcp.fence import Fence
from torc_mcp.tools.diagnose.answers import ErrorKind, SampleError

_UNKNOWN: Final = "unknown"
_MAX_LINE_CHARS: Final = 200
_NAMED_KINDS: Final = 5


def count_kinds(groups: Sequence[FailureGroup]) -> list[ErrorKind]:
    """Return the kinds of failures, the most frequent first."""
    jobs: Counter[tuple[str, FailureClass | None]] = Counter()
    causes: Counter[tuple[str, FailureClass | None]] = Counter()
    for group in groups:
        kind = (_kind(group), group.suggestion.class_ if group.suggestion else None)
        jobs[kind] += group.count
        causes[kind] += 1
    return [
        ErrorKind(type=name, failure_class=class_, count=count, groups=causes[name, class_])
        for (name, class_), count in jobs.most_common()
    ]


def describe_kinds(workflow_id: int, kinds: Sequence[ErrorKind], *, groups: int) -> str:
    """Return all failures in a sentence."""
    jobs = sum(kind.count for kind in kinds)
    if not jobs:
        return f"Workflow {workflow_id} has no failed jobs."
    largest = ", ".join(f"{kind.count} {kind.type}" for kind in kinds[:_NAMED_KINDS])
    return f"{jobs} failed jobs of workflow {workflow_id} in {groups} groups: {largest}."


def sample_errors(groups: Sequence[FailureGroup], fence: Fence) -> list[SampleError]:
    return [
        SampleError(
            job_id=group.sample.job_id,
            job_name=one_line(group.sample.job_name, 120),
            type=_kind(group),
            count=group.count,
            content=fence.line(group.cause, _MAX_LINE_CHARS),
        )
        for group in groups
    ]


def _kind(group: FailureGroup) -> str:
    return group.suggestion.category if group.suggestion else _UNKNOWN
