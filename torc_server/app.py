"""The composition root: it makes the application from the settings."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.middleware.cors import CORSMiddleware

from torc_core import API_PREFIX, __version__
from torc_server.access.authenticate import Authenticator
from torc_server.access.browser import Browsers
from torc_server.access.door import Door
from torc_server.access.network import Network
from torc_server.broadcast import Hub
from torc_server.db.engine import Database
from torc_server.db.schema import migrate
from torc_server.pages.lazy_routes import LazyPages, ask_to_log_in
from torc_server.routes import documentation, event_stream, system
from torc_server.routes.access import browser_codes, groups, tokens
from torc_server.routes.error_responses import add_error_handlers
from torc_server.routes.guard import Guard
from torc_server.routes.jobs import attempts, claims, job_records
from torc_server.routes.logins import Logins
from torc_server.routes.records import (
    actions,
    compute_nodes,
    events,
    failure_handlers,
    files,
    others,
    relationships,
    resource_requirements,
    results,
    user_data,
    workflows,
)
from torc_server.routes.runs import runs, summary
from torc_server.routes.triage import failures, recovery
from torc_server.routes.unit_of_work import Work
from torc_server.services.access.roles import keep_admin_group
from torc_server.settings import ServerSettings, ServiceSettings, utc_now

if TYPE_CHECKING:
    from torc_server.notify.notifier import Notifier

_ROUTERS: Final = (
    claims.router,
    attempts.router,
    job_records.router,
    system.router,
    workflows.router,
    runs.router,
    summary.router,
    actions.router,
    relationships.router,
    files.router,
    user_data.router,
    resource_requirements.router,
    results.router,
    events.router,
    event_stream.router,
    failure_handlers.router,
    failures.router,
    compute_nodes.router,
    others.router,
    recovery.router,
    groups.router,
    tokens.router,
    browser_codes.router,
)


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        with warnings.catch_warnings():
            # of the alias that FastAPI itself gives to bodies, where a model is built when it is first used
            warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
            return super().openapi()


def create_app(settings: ServerSettings, *, path: Path | None = None) -> FastAPI:
    """Return the application over the settings' database, or a copy of it at `path`; it is created or migrated first.

    Raises a TorcError when the database cannot be used.
    """
    database = Database(path or settings.database)
    migrate(database)
    hub = Hub()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hub.attach(asyncio.get_running_loop())
        notifier = _start_notifier(settings, app.state.work)
        yield
        hub.close()
        if notifier is not None:
            await run_in_threadpool(notifier.close)
        database.close()

    app = _Application(
        title="Torc",
        version=__version__,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's own pages load scripts from another server
        redoc_url=None,
    )
    app.state.hub = hub
    app.state.body_lead_s = settings.access.request_timeout_s
    service = ServiceSettings(
        use_pending_failed=settings.use_pending_failed, max_raise=settings.max_raise, listening_since=utc_now()
    )
    app.state.work = Work(database, service, hub)
    add_error_handlers(app)
    for router in _ROUTERS:
        app.include_router(router, prefix=API_PREFIX)
    app.include_router(documentation.router)
    app.router.routes.append(LazyPages())
    _close_door(app, settings)
    return app


def _start_notifier(settings: ServerSettings, work: Work) -> "Notifier | None":
    """Start to notify people, where the settings name targets."""
    if not settings.notify_targets:
        return None
    from torc_server.notify.notifier import Notifier, NotifySettings

    link_base = settings.public_url
    notifier = Notifier(NotifySettings(targets=settings.notify_targets, link_base=link_base), work.read)
    work.hub.listen(notifier.offer)
    notifier.start()
    return notifier


def _close_door(app: FastAPI, settings: ServerSettings) -> None:
    """Put the door before the routes; what is added last is asked first."""
    access = settings.access
    work: Work = app.state.work
    logins = Logins(settings, work)
    app.state.reads_files = not access.require_auth and not access.no_auth
    app.state.logins, app.state.token = logins, logins.token
    app.state.guard = Guard(work, enforces=access.enforce_access_control)
    if access.require_auth:
        work.write(keep_admin_group, access.admin_users)
    network = Network.of(settings.host, allowed_hosts=access.allowed_hosts, origins=access.allowed_origins)
    app.state.authenticator = Authenticator(logins.proofs)
    app.state.browsers = Browsers(is_secure=access.tls_cert is not None)
    app.add_middleware(
        Door,
        network=network,
        authenticator=app.state.authenticator,
        browsers=app.state.browsers,
        ask=ask_to_log_in,
    )
    if access.allowed_origins:
        # before the door: a browser asks for leave without credentials
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(access.allowed_origins),
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type"],
        )


def _operation_id(route: APIRoute) -> str:
    return route.name
