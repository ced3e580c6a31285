"""The reference of statuses and of the events that lead from one to another, from the two tables of the lifecycle."""

from docs_build.markdown import NOTICE, code, table
from torc_core.jobs.lifecycle import TRANSITIONS, Event
from torc_core.jobs.status import STATUS_TRAITS

_INTRODUCTION = """# Statuses of a job

What each status means, and every event that leads from one to another; what is not listed cannot happen.
[The life of a job](../explanation/lifecycle.md) explains how they work together.
"""


def statuses_page() -> str:
    """Return the page of all statuses and all transitions."""
    statuses = table(
        ("status", "code", "means", "held by a runner", "over"),
        (
            (
                code(status),
                str(traits.code),
                traits.summary,
                "yes" if traits.is_active else "",
                traits.ending or "yes" if traits.is_done else "",
            )
            for status, traits in STATUS_TRAITS.items()
        ),
    )
    return f"{NOTICE}\n\n{_INTRODUCTION}\n{statuses}\n\n## Events\n\n{_events()}\n"


def _events() -> str:
    rows = []
    for event in Event:
        sources = [status for status, each in TRANSITIONS if each is event]
        rows.append((code(event), ", ".join(map(code, sources)), code(TRANSITIONS[sources[0], event])))
    return table(("event", "from", "to"), rows)
