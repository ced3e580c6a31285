"""The operations that every kind of record shares: create, get, list, update, delete."""

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from torc_client.calls import Calls
from torc_client.transport import QueryValue
from torc_core.api.base import ApiModel, Page
from torc_core.api.system import DeleteCount

M = TypeVar("M", bound=ApiModel)


class RecordCollection(Generic[M]):
    """The records of one path, for example `/files`."""

    def __init__(self, calls: Calls, path: str, model: type[M], make_page: Callable[[], type[Page[M]]]) -> None:
        self._calls = calls
        self._path = path
        self._model = model
        self._make_page = make_page

    @cached_property
    def _page(self) -> type[Page[M]]:
        """Return the model of a page, which takes time to make: a client has many collections and uses few."""
        return self._make_page()

    def create(self, record: M, **query: QueryValue) -> M:
        """Store a record; return it with its id."""
        return self._calls.post(self._path, self._model, record, query=query, idempotent=False)

    def get(self, record_id: int) -> M:
        return self._calls.get(f"{self._path}/{record_id}", self._model)

    def update(self, record_id: int, record: M) -> M:
        """Write every field that is not None; the others stay as they are."""
        return self._calls.put(f"{self._path}/{record_id}", self._model, record)

    def delete(self, record_id: int) -> M:
        """Delete a record; return it as it was."""
        return self._calls.delete(f"{self._path}/{record_id}", self._model, idempotent=False)

    def delete_all(self, workflow_id: int) -> int:
        """Delete all records of the workflow; return their number."""
        return self._calls.delete(self._path, DeleteCount, query={"workflow_id": workflow_id}).count

    def page(self, *, offset: int = 0, limit: int | None = None, **query: QueryValue) -> Page[M]:
        """Return one page; `query` holds the filters."""
        return self._calls.get(self._path, self._page, query={"offset": offset, "limit": limit, **query})

    def list_all(self, *, limit: int | None = None, offset: int = 0, **query: QueryValue) -> list[M]:
        """Return all records that match, at most `limit`, read page by page."""
        return list(self._calls.each(self._path, self._page, query, offset=offset, limit=limit))
