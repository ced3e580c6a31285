"""Routes by which a client sees that the server answers, and its version."""

import re
from typing import Final

from fastapi import Request

from torc_core import API_VERSION, __version__
from torc_core.api.system import Ping, Version
from torc_server.routes.contract import contract_router

router = contract_router("system")

_GENERATED: Final = re.compile(r"OpenAPI-Generator/v?(0\.\d{1,4}\.\d{1,4})/rust")
_OLDEST_NAMED: Final = (0, 10, 0)
_NEWEST_KNOWN: Final = "0.23.0"
"""The version of the interface that release 1.0 compares."""


@router.get("/ping")
async def ping() -> Ping:
    return Ping(status="ok")


@router.get("/version")
async def get_version(request: Request) -> Version:
    return Version(version=__version__, api_version=_api_version_for(request.headers.get("user-agent", "")))


def _api_version_for(user_agent: str) -> str:
    """Return the version that the client compares with its own: another one would be a warning at each command.

    Clients in Rust count the versions of the interface apart, and name theirs, in releases up to 0.9 an older one.
    """
    named = _GENERATED.match(user_agent)
    if named is None:
        return API_VERSION
    version = tuple(int(part) for part in named[1].split("."))
    return named[1] if version >= _OLDEST_NAMED else _NEWEST_KNOWN
