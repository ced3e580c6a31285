"""Routes of pages: who may see one, which forms are taken, and how errors look."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from torc_core.api.failures import Actor
from torc_core.errors import ForbiddenError, InvalidInputError, TorcError
from torc_server.access.browser import SESSION, BrowserSession
from torc_server.access.door import ADDRESS
from torc_server.access.page_policy import DECIDES, page_rule_of
from torc_server.access.policy import Permission, Subject
from torc_server.access.principals import Principal
from torc_server.pages.rendering import HEADERS, render
from torc_server.routes.contract import BODY_CAP_BYTES, ContractRequest
from torc_server.routes.error_responses import describe_problems
from torc_server.routes.guard import Guard, principal_of, proven_actor

_MOST_FIELDS: Final = 10_000
_FAULT: Final = "The server failed in a way it did not expect."
_CSRF_FIELD: Final = "csrf"
_CSRF_HEADER: Final = "x-csrf-token"
_READING: Final = frozenset({"GET", "HEAD"})

log = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page. `may_decide` is false for viewers: their pages have no buttons."""

    principal: Principal
    session: BrowserSession | None
    address: str
    may_decide: bool

    @property
    def actor(self) -> Actor:
        """Return the person as the one who decides."""
        claimed = Actor(kind="person", name=self.principal.name)
        return proven_actor(self.principal, claimed, self.address)


class PageRoute(APIRoute):
    """A route that answers with a page: the policy is asked first, a form has to come from a page of its session."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        rule = page_rule_of(min(self.methods or {"GET"}), self.path)

        async def handle_page(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            try:
                await guard.admit(request, rule)
                if rule.permission is not Permission.OPEN:
                    may_decide = rule.subject is Subject.WORKFLOW and await guard.admits(request, DECIDES)
                    request.state.visitor = _visitor(request, may_decide=may_decide)
                if request.method not in _READING:
                    request.state.form = await _read_form(request)
                response = await handle(request)
            except (TorcError, HTTPException, RequestValidationError, ValidationError) as error:
                response = error_page(request, error)
            except Exception:
                log.exception("%s %s failed", request.method, request.url.path)
                response = _message_page(request, 500, _FAULT, "Its log holds the cause.")
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return handle_page


def page_router() -> APIRouter:
    return APIRouter(include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse)


def page(request: Request, template: str, *, title: str, status_code: int = 200, **values: Any) -> Response:
    """Return the page of a template, with what every page shows."""
    visitor = getattr(request.state, "visitor", None)
    content = render(template, title=title, visitor=visitor, here=request.url.path, **values)
    return HTMLResponse(content, status_code=status_code)


def go_to(path: str) -> Response:
    """Return the answer to a form: the browser asks for this page, and a reload sends nothing again."""
    return RedirectResponse(path, status_code=303)


def error_page(request: Request, error: Exception) -> Response:
    """Return the page of an error that a user can cause."""
    match error:
        case TorcError():
            hint = "" if error.hint is None else str(error.hint)
            return _message_page(request, error.http_status, error.message, hint)
        case RequestValidationError():
            return _message_page(request, 422, describe_problems(error.errors()), "")
        case ValidationError():
            return _message_page(request, 422, describe_problems(error.errors(include_url=False)), "")
        case HTTPException():
            return _message_page(request, error.status_code, str(error.detail), "")
        case _:
            raise error


def _message_page(request: Request, status_code: int, message: str, hint: str) -> Response:
    return page(
        request, "message.html", title=f"Error {status_code}", status_code=status_code, message=message, hint=hint
    )


def _visitor(request: Request, *, may_decide: bool) -> Visitor:
    address = request.scope.get(ADDRESS, "")
    return Visitor(principal_of(request), request.scope.get(SESSION), address, may_decide)


async def _read_form(request: Request) -> Form:
    """Return the fields of the form, the last value of each.

    Raises ForbiddenError where a session is open and the form is none of its pages.
    """
    rule = page_rule_of("GET", "/")
    reader = ContractRequest(
        request.scope, request.receive, model=None, reader=None, cap_bytes=BODY_CAP_BYTES, rule=rule
    )
    try:
        fields = parse_qs((await reader.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidInputError("this is no form of a page") from error
    form = {name: values[-1] for name, values in fields.items()}
    session: BrowserSession | None = request.scope.get(SESSION)
    if session is not None and not session.sent_form(form.pop(_CSRF_FIELD, request.headers.get(_CSRF_HEADER))):
        raise ForbiddenError("this form is of another session", hint="load the page again, and send it once more")
    return form


async def _visiting(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


async def _form(request: Request) -> Form:
    form: Form = request.state.form
    return form


Visiting = Annotated[Visitor, Depends(_visiting)]
SentForm = Annotated[Form, Depends(_form)]
