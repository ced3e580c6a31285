"""Parameters that many routes share."""

from typing import Annotated, Final

from fastapi import Depends, Path, Query

from torc_core.api.base import MAX_PAGE
from torc_core.api.labels import labels_of_text
from torc_core.errors import InvalidInputError
from torc_server.services.records.paging import PageRequest

LARGEST_ID: Final = 2**63 - 1

RecordId = Annotated[int, Path(alias="id", ge=0, le=LARGEST_ID)]
"""The `{id}` of a path: a record, or the workflow on workflow paths."""

PathId = Annotated[int, Path(ge=0, le=LARGEST_ID)]
"""Any other id of a path."""

WorkflowId = Annotated[int, Query(ge=0, le=LARGEST_ID)]
"""The workflow whose records are wanted."""

RetryLimit = Annotated[int, Query(ge=0, le=LARGEST_ID)]
"""How many attempts a handler's rule allows."""

QueryId = Annotated[int | None, Query(ge=0, le=LARGEST_ID)]
Number = Annotated[int | None, Query(ge=-LARGEST_ID, le=LARGEST_ID)]
"""A number to filter by."""

LabelList = Annotated[
    list[str] | None, Query(description="labels: one parameter each, or several in one, with commas between them")
]
"""Labels to filter by, or those of a runner."""


def read_labels(given: list[str] | None) -> list[str]:
    """Return the labels of the parameters. Raises InvalidInputError for what is no label."""
    try:
        return sorted({label for text in given or () if text for label in labels_of_text(text)})
    except ValueError as error:
        raise InvalidInputError(str(error)) from error


OptionalText = str | None
OptionalFlag = bool | None


async def _unsorted_page(
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE)] = MAX_PAGE,
) -> PageRequest:
    return PageRequest(offset=offset, limit=limit)


async def _sorted_page(
    part: Annotated[PageRequest, Depends(_unsorted_page)],
    sort_by: str | None = None,
    reverse_sort: bool = False,
) -> PageRequest:
    return PageRequest(offset=part.offset, limit=part.limit, sort_by=sort_by, reverse_sort=reverse_sort)


UnsortedPage = Annotated[PageRequest, Depends(_unsorted_page)]
SortedPage = Annotated[PageRequest, Depends(_sorted_page)]
