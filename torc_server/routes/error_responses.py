"""Error answers: every failure of a request has the same body with code, message, hint and ids."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from torc_core import API_PREFIX
from torc_core.api.system import ErrorDetail, ErrorResponse
from torc_core.errors import InvalidInputError, NotFoundError, ServerFaultError, ServerUnavailableError, TorcError

_PROBLEMS_SHOWN: Final = 5
_JSON_PLEASE: Final = "send JSON, with the header Content-Type: application/json"
_WHERE_TO_LOOK: Final = f"the API is described at /docs; its base path is {API_PREFIX}"

log = logging.getLogger(__name__)


def describe_problems(problems: Sequence[Mapping[str, Any]], *, place: str = "") -> str:
    """Return pydantic's problems in one line: `body.jobs.3.name: Field required; …`."""
    shown = [
        ".".join(str(part) for part in ((place, *problem["loc"]) if place else problem["loc"])) + ": " + problem["msg"]
        for problem in problems[:_PROBLEMS_SHOWN]
    ]
    rest = len(problems) - len(shown)
    return "; ".join([*shown, f"and {rest} more"] if rest else shown)


def add_error_handlers(app: FastAPI) -> None:
    for kind in (TorcError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)


async def answer_error(request: Request, error: Exception) -> Response:
    """Return the error as the contract has it; of an unexpected one only that there was one."""
    place = f"{request.method} {request.url.path}"
    match error:
        case ServerUnavailableError():
            log.warning("%s: %s", place, error.message)  # without a traceback: the cause is outside of the server
            headers = {"Retry-After": str(error.retry_after_s)}
            return _error_answer(error.http_status, ErrorDetail.of(error), headers=headers)
        case TorcError():
            return _error_answer(error.http_status, ErrorDetail.of(error))
        case RequestValidationError():
            hint = _JSON_PLEASE if isinstance(error.body, bytes) else None
            detail = ErrorDetail(code=InvalidInputError.code, message=describe_problems(error.errors()), hint=hint)
            return _error_answer(422, detail)
        case HTTPException(status_code=404 | 405):
            detail = ErrorDetail(code=NotFoundError.code, message=f"{place} is not served here", hint=_WHERE_TO_LOOK)
            return _error_answer(error.status_code, detail, headers=error.headers)
        case HTTPException():
            detail = ErrorDetail(code=InvalidInputError.code, message=str(error.detail))
            return _error_answer(error.status_code, detail, headers=error.headers)
        case _:
            detail = ErrorDetail(
                code=ServerFaultError.code,
                message=f"{place} failed in a way the server did not expect",
                hint="its log holds the cause",
            )
            return _error_answer(500, detail)


def _error_answer(status: int, detail: ErrorDetail, *, headers: Mapping[str, str] | None = None) -> Response:
    content = ErrorResponse(error=detail).model_dump_json(exclude_none=True)
    return Response(content, status_code=status, media_type="application/json", headers=headers)
