"""The base of every model of the contract."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

MAX_PAGE = 100_000
"""Largest page of a list and largest bulk create, in records."""

MAX_KEY_CHARS = 128
"""Longest key by which a client names a request that it may have to repeat."""

T = TypeVar("T")


class ApiModel(BaseModel):
    """Base of the contract: unknown fields are ignored, so that additions break no old client.

    A model's validator is built when it is first used: most commands use few of the models that they load.
    """

    model_config = ConfigDict(extra="ignore", populate_by_name=True, use_enum_values=False, defer_build=True)


class Page(ApiModel, Generic[T]):
    """One page of a list. `count` is the rows on this page, `max_limit` the server's cap."""

    items: list[T]
    offset: int
    max_limit: int
    count: int
    total_count: int
    has_more: bool
