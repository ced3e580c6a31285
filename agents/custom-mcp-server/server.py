"""An MCP server of your own, to stand beside Torc's: is a service up, and is this error known here?

Both tools only read, and both answer from tables that you keep: an agent can ask about a service of the
table, and about nothing else on your network.
"""

import csv
import json
import os
import socket
import time
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

HERE = Path(__file__).parent
SERVICES = Path(os.environ.get("SITE_SERVICES") or HERE / "services.json")
KNOWN_ERRORS = Path(os.environ.get("SITE_KNOWN_ERRORS") or HERE / "known_errors.csv")
CONNECT_TIMEOUT_S = 3.0
MAX_TEXT_CHARS = 4000
ONLY_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)

server = MCPServer(
    name="site",
    instructions="Knows this site: check_service says whether a storage or database answers now, find_known_errors "
    "looks a message up in the table of errors that people here have seen before.",
)


class ServiceState(BaseModel):
    service: str
    is_up: bool
    answered_in_s: float | None = None
    detail: str


class KnownError(BaseModel):
    pattern: str
    cause: str
    action: str
    remedy: str


class KnownErrors(BaseModel):
    matches: list[KnownError]


@server.tool(annotations=ONLY_READS)
def check_service(
    service: Annotated[str, Field(description="A name of the table, for example storage.")],
) -> ServiceState:
    """Say whether a service of this site answers now. A job may be worth a retry if it was down and is up again."""
    services: dict[str, str] = json.loads(SERVICES.read_text())
    if service not in services:
        raise ToolError(f"there is no service {service[:40]!r} in the table; there are {', '.join(sorted(services))}")
    host, _, port = services[service].rpartition(":")
    begun = time.monotonic()
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return ServiceState(service=service, is_up=False, detail=error.strerror or "no answer in time")
    return ServiceState(
        service=service, is_up=True, answered_in_s=round(time.monotonic() - begun, 3), detail="it accepts connections"
    )


@server.tool(annotations=ONLY_READS)
def find_known_errors(
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS, description="The message, as the job wrote it.")],
) -> KnownErrors:
    """Look a message up among the errors known here: what caused it before, whether a retry helped, what to do."""
    with KNOWN_ERRORS.open(newline="", encoding="utf-8") as file:
        rows = [KnownError.model_validate(row) for row in csv.DictReader(file)]
    return KnownErrors(matches=[row for row in rows if row.pattern.lower() in text.lower()])


if __name__ == "__main__":
    server.run()
