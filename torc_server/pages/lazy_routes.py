"""The routes of pages, loaded with the first page: a server that is started for one command serves none."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from torc_server.access.browser import is_of_pages

_ROUTE: Final = "torc.page_route"


class LazyPages(BaseRoute):
    """Stands for all routes of pages, in their order."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http" or not is_of_pages(scope["path"]):
            return partial
        for route in page_routes():
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, _ROUTE: route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                # a page that is not asked for so: its own route says which ways there are
                partial = (match, {**child, _ROUTE: route})
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        route: BaseRoute = scope[_ROUTE]
        await route.handle(scope, receive, send)


@cache
def page_routes() -> Sequence[BaseRoute]:
    """Return the routes of every page."""
    from torc_server.pages import decisions, jobs, login, metrics, proposals, review, runners, workflows

    modules = (login, workflows, jobs, review, decisions, proposals, runners, metrics)
    return [route for module in modules for route in module.router.routes]


def ask_to_log_in(address: str) -> Response:
    """Return the form for a browser that is not logged in, in the place of the page that it asked for."""
    from torc_server.pages import login

    return login.ask_to_log_in(address)
