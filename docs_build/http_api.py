"""The reference of the HTTP interface, from the routes themselves."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docs_build.markdown import NOTICE, code, table
from torc_server.app import create_app
from torc_server.settings import ServerSettings

_INTRODUCTION = """# HTTP interface

Every route of the server. Paths count from `/torc-service/v1`. A running server describes parameters and models in
full: `/docs` for people, `/openapi.json` for programs. An error has one shape:
`{"error": {"code", "message", "hint", "next", "ids"}}`; `next` lists the commands that the hint names.
"""
_BASE = "/torc-service/v1"


def http_api_page() -> str:
    """Return the page of all routes, grouped by the record that their path begins with."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path, methods in sorted(_paths().items()):
        own = path.removeprefix(_BASE)
        for method, route in methods.items():
            text = " ".join((route.get("description") or route["summary"].capitalize()).split("\n\n")[0].split())
            groups.setdefault(own.split("/")[1], []).append((code(method.upper()), code(own), text))
    sections = [f"## {name}\n\n{table(('method', 'path', 'what it does'), rows)}" for name, rows in groups.items()]
    return "\n\n".join([NOTICE, _INTRODUCTION.rstrip(), *sections]) + "\n"


def _paths() -> dict[str, dict[str, Any]]:
    with TemporaryDirectory() as folder:
        app = create_app(ServerSettings(database=Path(folder) / "torc.db"))
        paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
        return paths
