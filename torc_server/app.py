"""The composition root: settings in, application out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute

from torc_core import API_PREFIX, __version__
from torc_server.broadcast import Hub
from torc_server.routes import system
from torc_server.routes.problems import add_error_handlers
from torc_server.settings import ServerSettings


def create_app(settings: ServerSettings) -> FastAPI:
    """The application over the settings' database, which is created or migrated first.

    Raises the TorcError that says why the database cannot be used.
    """
    hub = Hub()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub.attach(asyncio.get_running_loop())
        yield
        hub.close()

    app = FastAPI(
        title="Torc",
        version=__version__,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    app.state.hub = hub
    app.state.settings = settings
    add_error_handlers(app)
    for routes in (system,):
        app.include_router(routes.router, prefix=API_PREFIX)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
