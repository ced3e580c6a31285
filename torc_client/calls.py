"""Requests with the models of the contract in and out, and lists read page by page."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from torc_client.transport import QueryValue, Transport
from torc_core.api.base import MAX_PAGE, ApiModel, Page
from torc_core.errors import InvalidInputError

R = TypeVar("R", bound=ApiModel)

BATCH_TIMEOUT_S: Final = 600.0
"""For operations whose work grows with the number of jobs."""


class Calls:
    """Requests over one transport. Every method may raise what `Transport.request` raises."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(
        self,
        path: str,
        model: type[R],
        *,
        query: Mapping[str, QueryValue] | None = None,
        timeout_s: float | None = None,
    ) -> R:
        return self._read(model, self._transport.request("GET", path, query=query, timeout_s=timeout_s))

    def put(self, path: str, model: type[R], body: ApiModel | None = None) -> R:
        return self._read(model, self._transport.request("PUT", path, body=_content(body)))

    def post(
        self,
        path: str,
        model: type[R],
        body: ApiModel | None = None,
        *,
        query: Mapping[str, QueryValue] | None = None,
        idempotent: bool = True,
        timeout_s: float | None = None,
    ) -> R:
        """Send a POST; one that may have reached the server is repeated only when it is `idempotent`."""
        answer = self._transport.request(
            "POST", path, query=query, body=_content(body), idempotent=idempotent, timeout_s=timeout_s
        )
        return self._read(model, answer)

    def delete(
        self, path: str, model: type[R], *, query: Mapping[str, QueryValue] | None = None, idempotent: bool = True
    ) -> R:
        return self._read(model, self._transport.request("DELETE", path, query=query, idempotent=idempotent))

    def each(
        self,
        path: str,
        page_model: type[Page[R]],
        query: Mapping[str, QueryValue] | None = None,
        *,
        offset: int = 0,
        limit: int | None = None,
        page_size: int = MAX_PAGE,
        timeout_s: float | None = None,
    ) -> Iterator[R]:
        """Yield the items of a list, at most `limit`, read page by page."""
        left = limit
        while left is None or left > 0:
            part = {"offset": offset, "limit": page_size if left is None else min(left, page_size)}
            page = self.get(path, page_model, query={**(query or {}), **part}, timeout_s=timeout_s)
            yield from page.items
            if not page.has_more or not page.count:
                return
            offset += page.count
            left = None if left is None else left - page.count

    def _read(self, model: type[R], answer: bytes) -> R:
        try:
            return model.model_validate_json(answer)
        except ValidationError as error:
            raise self._transport.foreign_answer(f"{error.error_count()} problem(s) in {model.__name__}") from error


def _content(body: ApiModel | None) -> bytes | None:
    """Return the body as JSON. Raises InvalidInputError for texts that are not UTF-8, as file names may be."""
    try:
        return None if body is None else body.model_dump_json(exclude_none=True).encode()
    except PydanticSerializationError as error:
        raise InvalidInputError(
            "a text of the request is not UTF-8",
            hint="look at the names of files and folders, also of the current one",
        ) from error
