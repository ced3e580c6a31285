"""Chooses the workflow of a command that names none."""

from typing import Final

from torc_client.http import TorcClient
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

_MOST_CANDIDATES: Final = 20


def only_workflow(client: TorcClient, *, user: str) -> int:
    """Return the id of the user's only workflow that is not archived. Raises InvalidInputError otherwise."""
    page = client.workflows.page(user=user, is_archived=False, limit=_MOST_CANDIDATES, sort_by="id", reverse_sort=True)
    match [workflow for workflow in page.items if workflow.id is not None]:
        case []:
            raise InvalidInputError(
                f"no workflow of user {user} was found",
                hint=Hint(
                    "create one with `{}`, or see those of everybody: `{}`",
                    torc("create", "FILE"),
                    torc("workflows list", "--all-users"),
                ),
            )
        case [workflow] if workflow.id is not None:
            return workflow.id
        case candidates:
            names = "\n".join(f"  {workflow.id}  {workflow.name}" for workflow in candidates)
            more = "\n  …" if page.total_count > len(candidates) else ""
            raise InvalidInputError(
                f"{page.total_count} workflows could be meant:\n{names}{more}", hint="name one by its id"
            )
