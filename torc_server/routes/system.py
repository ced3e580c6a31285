"""Routes by which a client sees that the server answers, and its version."""

from torc_core import API_VERSION, __version__
from torc_core.api.system import Ping, Version
from torc_server.routes.contract import contract_router

router = contract_router("system")


@router.get("/ping")
async def ping() -> Ping:
    return Ping(status="ok")


@router.get("/version")
async def get_version() -> Version:
    return Version(version=__version__, api_version=API_VERSION)
