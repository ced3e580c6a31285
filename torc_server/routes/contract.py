"""Routes of the contract: bodies are read into models, and models written as JSON, in one step each."""

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Scope

from torc_core.api.system import ErrorResponse
from torc_core.errors import TorcError
from torc_server.routes.error_responses import answer_error, describe_problems

BODY_CAP_BYTES: Final = 200 * 1024 * 1024
PARSE_APART_BYTES: Final = 64 * 1024
"""Bodies above this are parsed outside the event loop, so that other requests go on."""

_ANYTHING: Final[TypeAdapter[Any]] = TypeAdapter(Any)
ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorResponse},
    422: {"model": ErrorResponse},
    500: {"model": ErrorResponse},
}

log = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ContractRequest(Request):
    """A request whose JSON is read straight into the route's model, without dicts in between."""

    def __init__(self, scope: Scope, receive: Receive, *, model: TypeAdapter[Any] | None) -> None:
        super().__init__(scope, receive)
        self._model = model

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._refuse_above_cap(int(self.headers.get("content-length") or 0))
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                self._refuse_above_cap(size)
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        if self._model is None:
            return await super().json()
        body = await self.body()
        try:
            if len(body) > PARSE_APART_BYTES:
                return await run_in_threadpool(self._model.validate_json, body)
            return self._model.validate_json(body)
        except ValidationError as error:
            raise HTTPException(422, describe_problems(error.errors(), place="body")) from error

    def _refuse_above_cap(self, size: int) -> None:
        if size > BODY_CAP_BYTES:
            raise HTTPException(413, f"the body is larger than {BODY_CAP_BYTES // 1024**2} MiB")


class ContractRoute(APIRoute):
    """A route that answers with the JSON of its model, written in the thread that made it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _writing_json(endpoint), **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        body_type = self.body_field.field_info.annotation if self.body_field else None
        model = TypeAdapter(body_type) if body_type else None

        async def handle_contract(request: Request) -> Response:
            try:
                return await handle(ContractRequest(request.scope, request.receive, model=model))
            except (TorcError, HTTPException, RequestValidationError):
                raise
            except Exception as error:
                log.exception("%s %s failed", request.method, request.url.path)
                return await answer_error(request, error)

        return handle_contract


def json_answer(answer: Any, status_code: int = 200) -> Response:
    """Return the answer as JSON, for models and plain lists of models."""
    return Response(_ANYTHING.dump_json(answer), status_code=status_code, media_type="application/json")


def contract_router(tag: str) -> APIRouter:
    return APIRouter(tags=[tag], route_class=ContractRoute, responses=ERRORS, strict_content_type=False)


def _writing_json(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    def answer(**arguments: Any) -> Any:
        made = endpoint(**arguments)
        return made if isinstance(made, Response) else json_answer(made)

    return answer
