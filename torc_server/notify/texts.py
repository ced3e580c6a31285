"""The texts of notifications: what happened to a workflow, what it means, and where to go on."""

from collections.abc import Sequence
from typing import NamedTuple

from torc_core.api.failures import FailureGroup
from torc_core.hints import torc
from torc_core.recovery.review import on_one_line

_GROUPS_SHOWN = 10
_CAUSE_CHARS = 160


class NotificationText(NamedTuple):
    title: str
    body: str


def waiting_message(
    workflow_id: int, name: str, groups: Sequence[FailureGroup], *, jobs: int, link: str
) -> NotificationText:
    """Return the message about jobs that wait for a decision, with the number of jobs of each group."""
    lines = [f"{jobs} job(s) of workflow {workflow_id} ({on_one_line(name)}) wait for a decision:"]
    for group in groups[:_GROUPS_SHOWN]:
        suggestion = group.suggestion
        advice = "" if suggestion is None else f" (suggested: {suggestion.action}, {suggestion.confidence:.2f})"
        lines.append(f"- {group.count} job(s): {on_one_line(group.cause)[:_CAUSE_CHARS]}{advice}")
    if len(groups) > _GROUPS_SHOWN:
        lines.append(f"- and {len(groups) - _GROUPS_SHOWN} more groups")
    lines += _ways(link, f"{torc('failures review', workflow_id)}")
    return NotificationText(f"Torc: {jobs} job(s) of workflow {workflow_id} wait for a decision", "\n".join(lines))


def ended_message(workflow_id: int, name: str, counts: Sequence[tuple[str, int]], *, link: str) -> NotificationText:
    """Return the message about a workflow that ended, with the number of jobs in each status."""
    shown = ", ".join(f"{count} {status}" for status, count in counts if count)
    well = all(status in ("completed", "disabled") for status, count in counts if count)
    how = "completed" if well else "ended with failures"
    lines = [f"Workflow {workflow_id} ({on_one_line(name)}) {how}: {shown}."]
    return NotificationText(
        f"Torc: workflow {workflow_id} {how}", "\n".join([*lines, *_ways(link, str(torc("status", workflow_id)))])
    )


def trouble_message(workflow_id: int, name: str, kind: str, why: str, *, link: str) -> NotificationText:
    """Return the message about a recovery that gave up, or about an allocation that cannot start."""
    what = "recovery gave up" if kind == "gave_up" else "an allocation cannot start"
    lines = [f"Workflow {workflow_id} ({on_one_line(name)}): {what}: {on_one_line(why)[:500]}"]
    return NotificationText(
        f"Torc: workflow {workflow_id}: {what}", "\n".join([*lines, *_ways(link, str(torc("status", workflow_id)))])
    )


def _ways(link: str, command: str) -> list[str]:
    return ["", *([link] if link else []), command]
