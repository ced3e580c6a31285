"""The operations that every kind of record shares: create, get, list, update, delete."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from torc_client.transport import QueryValue, Transport
from torc_core.api.base import MAX_PAGE, ApiModel, Page
from torc_core.api.system import DeleteCount

M = TypeVar("M", bound=ApiModel)


class Collection(Generic[M]):
    """The records of one path, for example `/files`."""

    def __init__(self, transport: Transport, path: str, model: type[M], page: type[Page[M]]) -> None:
        self._transport = transport
        self._path = path
        self._model = model
        self._page = page

    def create(self, record: M, **query: QueryValue) -> M:
        """The stored record, with its id."""
        body = record.model_dump_json(exclude_none=True).encode()
        answer = self._transport.request("POST", self._path, query=query, body=body, idempotent=False)
        return self._model.model_validate_json(answer)

    def get(self, record_id: int) -> M:
        return self._model.model_validate_json(self._transport.request("GET", f"{self._path}/{record_id}"))

    def update(self, record_id: int, record: M) -> M:
        """Writes every field that is not None; the others stay as they are."""
        body = record.model_dump_json(exclude_none=True).encode()
        return self._model.model_validate_json(self._transport.request("PUT", f"{self._path}/{record_id}", body=body))

    def delete(self, record_id: int) -> M:
        """The record as it was."""
        answer = self._transport.request("DELETE", f"{self._path}/{record_id}", idempotent=False)
        return self._model.model_validate_json(answer)

    def delete_all(self, workflow_id: int) -> int:
        """How many records of the workflow were deleted."""
        answer = self._transport.request("DELETE", self._path, query={"workflow_id": workflow_id})
        return DeleteCount.model_validate_json(answer).count

    def page(self, *, offset: int = 0, limit: int | None = None, **query: QueryValue) -> Page[M]:
        """One page; `query` holds the filters of the list."""
        answer = self._transport.request("GET", self._path, query={"offset": offset, "limit": limit, **query})
        return self._page.model_validate_json(answer)

    def list_all(self, *, limit: int | None = None, offset: int = 0, **query: QueryValue) -> list[M]:
        """All records that match, page after page, at most `limit`."""
        found: list[M] = []
        for page in self._pages(limit=limit, offset=offset, query=query):
            found.extend(page.items)
        return found

    def _pages(self, *, limit: int | None, offset: int, query: dict[str, QueryValue]) -> Iterator[Page[M]]:
        left = limit
        while left is None or left > 0:
            page = self.page(offset=offset, limit=MAX_PAGE if left is None else min(left, MAX_PAGE), **query)
            yield page
            if not page.has_more:
                return
            offset += page.count
            left = None if left is None else left - page.count
