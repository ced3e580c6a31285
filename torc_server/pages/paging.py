"""Numbered pages of a long list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BeforeValidator

MOST_PAGES: Final = 1_000_000

PageNumber = Annotated[int, Query(ge=1, le=MOST_PAGES, alias="page")]
"""The number of a page, from 1."""

OR_NONE: Final = BeforeValidator(lambda value: value or None)
"""A form sends a choice that was left open as an empty text."""


@dataclass(frozen=True)
class Pages:
    """The page shown, and the addresses of its neighbours; None where there is none."""

    number: int
    count: int
    total: int
    first: int
    last: int
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Pager:
    """A page of a list, with so many lines on each."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def of(self, total: int, filters: Mapping[str, str]) -> Pages:
        """Return the page of a list of `total` lines; `filters` stay in the addresses of the others."""
        count = max(-(-total // self.size), 1)
        kept = {name: value for name, value in filters.items() if value}

        def address(number: int) -> str:
            return "?" + urlencode({**kept, "page": number})

        return Pages(
            number=self.number,
            count=count,
            total=total,
            first=min(self.offset + 1, total),
            last=min(self.offset + self.size, total),
            before=address(self.number - 1) if self.number > 1 else None,
            after=address(self.number + 1) if self.number < count else None,
        )
