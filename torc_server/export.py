"""Writes a database of chosen workflows that can be handed to others, while a server runs or not."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_server.db.engine import Database
from torc_server.db.migrations import REVISIONS
from torc_server.db.queries.records.export import forget_access, keep_only, unknown_workflows
from torc_server.db.schema import layout_of
from torc_server.db.unit_of_work import write_unit
from torc_server.settings import ServiceSettings


def keep_chosen(path: Path, *, users: Sequence[str], workflow_ids: Sequence[int]) -> int:
    """Take from a copy of a database all but the chosen workflows, and every token; return how many are left.

    Raises InvalidInputError for a workflow that is not there, for a choice that leaves nothing, and for an old layout.
    """
    with closing(Database(path)) as database:
        if (layout := layout_of(database)) != REVISIONS[-1]:
            raise InvalidInputError(
                f"the database has layout {layout}, and this release works with {REVISIONS[-1]}",
                hint="start a server on it once, which brings it up to date",
            )
        with write_unit(database, ServiceSettings()) as uow:
            if unknown := unknown_workflows(uow, workflow_ids):
                raise InvalidInputError(f"there is no workflow {', '.join(map(str, unknown))}")
            left = keep_only(uow, users=users, workflow_ids=workflow_ids)
            if not left and (users or workflow_ids):
                raise InvalidInputError(
                    "no workflow was chosen", hint=Hint("see `{}`", torc("workflows list", "--all-users"))
                )
            forget_access(uow)
        # what was deleted still stands in the free pages of the file
        database.shrink()
    return left
