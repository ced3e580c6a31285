"""Templates of statements: `$READY` becomes 2, `$DONE` (5, 6, 7, 8, 9), `$ids` a list."""

import json
from collections.abc import Iterable, Mapping
from string import Template
from typing import Final

from torc_core.jobs.status import ACTIVE, AWAITING_DECISION, DONE, FAILURES, STATUS_CODES, UNSUCCESSFUL, JobStatus
from torc_server.db import dialect


def status_list(statuses: Iterable[JobStatus]) -> str:
    """Return the stored integers as a parenthesised list, in ascending order."""
    return f"({', '.join(str(code) for code in sorted(STATUS_CODES[status] for status in statuses))})"


_NAMES: Final[Mapping[str, str]] = {
    **{status.name: str(code) for status, code in STATUS_CODES.items()},
    "ACTIVE": status_list(ACTIVE),
    "AWAITING_DECISION": status_list(AWAITING_DECISION),
    "DONE": status_list(DONE),
    "FAILURES": status_list(FAILURES),
    "UNDONE": status_list(set(JobStatus) - DONE),
    "UNSUCCESSFUL": status_list(UNSUCCESSFUL),
    **dialect.NAMES,
}


def sql(text: str, **parts: str) -> str:
    """Return the statement with its `$` names filled in.

    `parts` are trusted text; values go into `:name` parameters. Statuses are literals because the planner uses a
    partial index for literals only.
    """
    return Template(text).substitute(_NAMES, **parts)


def id_list(ids: Iterable[int] | Iterable[str]) -> str:
    """Return the value of the `:ids` parameter behind `$ids`: ids, or names."""
    return json.dumps(list(ids))
