"""Requests for a part of a list, and its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from torc_core.api.base import MAX_PAGE, ApiModel, Page
from torc_core.errors import InvalidInputError

M = TypeVar("M", bound=ApiModel)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`sort_by` names a column, None or an empty text means by id; `reverse_sort` means descending."""

    offset: int = 0
    limit: int = MAX_PAGE
    sort_by: str | None = None
    reverse_sort: bool = False

    def sort_column(self, allowed: Sequence[str], *, default: str = "id") -> str:
        """Return the column to sort by. Raises InvalidInputError that names the allowed ones."""
        if not self.sort_by:  # list commands of clients older than 0.24 always send it, mostly empty
            return default
        if self.sort_by not in allowed:
            raise InvalidInputError(
                f"cannot sort by {self.sort_by!r}", hint=f"sort_by may be one of {', '.join(sorted(allowed))}"
            )
        return self.sort_by

    def page(self, items: list[M], *, total: int) -> Page[M]:
        """Return the page that holds `items` of `total`."""
        return Page(
            items=items,
            offset=self.offset,
            max_limit=MAX_PAGE,
            count=len(items),
            total_count=total,
            has_more=self.offset + len(items) < total,
        )
