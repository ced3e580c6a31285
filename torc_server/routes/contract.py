"""Routes of the contract: bodies are read into models, and models written as JSON, in one step each."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

from torc_core import API_PREFIX
from torc_core.api.system import ErrorResponse
from torc_core.errors import TorcError
from torc_server.access.door import ADDRESS
from torc_server.access.policy import Rule, is_audited, rule_of
from torc_server.routes.body_parts import BodyProblemsError, BodyReader
from torc_server.routes.error_responses import answer_error, describe_problems
from torc_server.routes.guard import Guard, principal_of
from torc_server.services.access.audit import AUDITED, AuditedRequest

BODY_CAP_BYTES: Final = 2 * 1024 * 1024
BULK_CAP_BYTES: Final = 64 * 1024 * 1024
"""For routes that take many records at once. They are read in parts: parsed in one piece, a body of small records needs
twenty times its size in memory, and no other request gets an answer meanwhile."""
WHOLE_CAP_BYTES: Final = 16 * 1024 * 1024
"""For routes that take one large value."""
BULK_ROUTES: Final = frozenset(
    {
        "/bulk_files",
        "/bulk_jobs",
        "/bulk_user_data",
        "/bulk_workflows",
        "/jobs/{id}/spawn_jobs",
        "/proposals/{id}/approve",
        "/user_data",
        "/user_data/{id}",
        "/workflows/{id}/apply_recovery",
        "/workflows/{id}/batch_complete_jobs",
        "/workflows/{id}/batch_start_jobs",
        "/workflows/{id}/decisions",
        "/workflows/{id}/decisions/preview",
        "/workflows/{id}/proposals",
        "/workflows/{id}/raise_waiting",
        "/workflows/{id}/release_claims",
        "/workflows/{id}/take_back_jobs",
    }
)
_SLOWEST_BYTES_PER_S: Final = 64 * 1024
"""A body may take its lead and a second for each of these bytes; who is slower holds a connection for nothing."""
PARSE_APART_BYTES: Final = 64 * 1024
"""Bodies above this are parsed outside the event loop, so that other requests go on."""

_PARSING_LARGE: Final = asyncio.Semaphore(2)
"""Large bodies wait for each other: together they would need more memory than the machine has."""

_ANYTHING: Final[TypeAdapter[Any]] = TypeAdapter(Any)
ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorResponse},
    422: {"model": ErrorResponse},
    500: {"model": ErrorResponse},
    503: {"model": ErrorResponse},
}

log = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ContractRequest(Request):
    """A request whose JSON is read straight into the route's model, without dicts in between."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        *,
        model: TypeAdapter[Any] | None,
        reader: BodyReader | None,
        cap_bytes: int,
        rule: Rule,
    ) -> None:
        super().__init__(scope, receive)
        self._model = model
        self._reader = reader
        self._in_parts: list[str] = []
        """A large body that is read in parts, each of its bytes as one character."""
        self._cap_bytes = cap_bytes
        self._rule = rule

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            length = self.headers.get("content-length")
            self._refuse_above_cap(int(length or 0))
            lead_s: float = self.app.state.body_lead_s
            limit_s = lead_s + (self._cap_bytes if length is None else int(length)) / _SLOWEST_BYTES_PER_S
            try:
                async with asyncio.timeout(limit_s):
                    body = await self._read()
            except TimeoutError as error:
                raise HTTPException(408, f"the body did not arrive within {limit_s:.0f} s") from error
            if self._reader is not None and len(body) > BODY_CAP_BYTES:
                self._in_parts.append(body.decode("latin-1"))
                # FastAPI keeps what it gets here until the answer: it gets a sign that there is a body
                self._body = b" "
            else:
                self._body = bytes(body)
        return self._body

    async def _read(self) -> bytearray:
        body = bytearray()
        async for chunk in self.stream():
            self._refuse_above_cap(len(body) + len(chunk))
            body += chunk
        return body

    async def json(self) -> Any:
        if self._model is None:
            return await super().json()
        guard: Guard = self.app.state.guard
        body = await self.body()
        if self._reader is not None and self._in_parts:
            return await guard.admit_body(self, self._rule, await self._parse_parts(self._reader))
        return await guard.admit_body(self, self._rule, await self._parse(self._model, body))

    async def _parse_parts(self, reader: BodyReader) -> Any:
        try:
            async with _PARSING_LARGE:
                return await run_in_threadpool(reader.read, self._in_parts)
        except BodyProblemsError as error:
            raise HTTPException(422, describe_problems(error.problems, place="body")) from error

    async def _parse(self, model: TypeAdapter[Any], body: bytes) -> Any:
        try:
            if len(body) > BODY_CAP_BYTES:
                async with _PARSING_LARGE:
                    return await run_in_threadpool(model.validate_json, body)
            if len(body) > PARSE_APART_BYTES:
                return await run_in_threadpool(model.validate_json, body)
            return model.validate_json(body)
        except ValidationError as error:
            raise HTTPException(422, describe_problems(error.errors(), place="body")) from error

    def _refuse_above_cap(self, size: int) -> None:
        if size > self._cap_bytes:
            raise HTTPException(413, f"the body is larger than {self._cap_bytes // 1024**2} MiB")


class ContractRoute(APIRoute):
    """A route that answers with the JSON of its model, written in the thread that made it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _writing_json(endpoint), **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        body_type = self.body_field.field_info.annotation if self.body_field else None
        model = TypeAdapter(body_type) if body_type else None
        path = self.path.removeprefix(API_PREFIX)
        reader = BodyReader.of(body_type) if path in BULK_ROUTES else None
        cap_bytes = BODY_CAP_BYTES
        if path in BULK_ROUTES:
            cap_bytes = WHOLE_CAP_BYTES if reader is None else BULK_CAP_BYTES
        method = min(self.methods or {"GET"})
        rule = rule_of(method, path)
        is_kept = is_audited(method, path)

        async def handle_contract(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            try:
                await guard.admit(request, rule)
                AUDITED.set(_audited_request(request) if is_kept else None)
                return await handle(
                    ContractRequest(
                        request.scope, request.receive, model=model, reader=reader, cap_bytes=cap_bytes, rule=rule
                    )
                )
            except HTTPException as error:
                if isinstance(error.__cause__, TorcError):
                    # FastAPI takes whatever is raised while a body is read for a body that cannot be read
                    raise error.__cause__ from None
                raise
            except (TorcError, RequestValidationError):
                raise
            except Exception as error:
                log.exception("%s %s failed", request.method, request.url.path)
                return await answer_error(request, error)

        return handle_contract


def _audited_request(request: Request) -> AuditedRequest:
    principal = principal_of(request)
    return AuditedRequest(
        user_name=principal.name,
        is_proven=principal.is_proven,
        agent=principal.agent,
        address=request.scope.get(ADDRESS),
        method=request.method,
        path=request.url.path.removeprefix(API_PREFIX),
    )


def json_answer(answer: Any, status_code: int = 200, *, background: BackgroundTask | None = None) -> Response:
    """Return the answer as JSON, for models and plain lists of models; `background` is done once it was sent."""
    content = _ANYTHING.dump_json(answer)
    return Response(content, status_code=status_code, media_type="application/json", background=background)


def contract_router(tag: str) -> APIRouter:
    return APIRouter(tags=[tag], route_class=ContractRoute, responses=ERRORS)


def _writing_json(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    def answer(**arguments: Any) -> Any:
        made = endpoint(**arguments)
        return made if isinstance(made, Response) else json_answer(made)

    return answer
