"""The real process over HTTP: only with the token, only for this machine's names."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import httpx2
import pytest
from helpers import ServerProcess
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_scenes import Agent, failing, make_workflow
from mcp_types import Implementation

from torc_client.http import TorcClient

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@dataclass(frozen=True)
class HttpServer:
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def post(self, **headers: str) -> httpx.Response:
        return httpx.post(self.url, json=LIST, headers={**HEADERS, **headers}, trust_env=False)


@pytest.fixture(scope="module")
def http_server(shared_server: ServerProcess) -> Iterator[HttpServer]:
    """Started without a token: it makes one up and says it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TORC_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "torc_mcp.main", "--transport", "http", "--port", "0", "--url", shared_server.url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env | {"USER": "tester"},
    )
    assert process.stderr is not None and process.stdout is not None
    token = process.stderr.readline().strip().removeprefix("TORC_MCP_TOKEN=")
    assert re.fullmatch(r"[\w-]{43}", token)
    address = re.search(r"http://127\.0\.0\.1:(\d+)/mcp", process.stderr.readline())
    assert address
    server = HttpServer(int(address[1]), token)
    yield server
    process.terminate()
    process.wait(10)
    assert process.stdout.read() == ""
    process.stdout.close()
    process.stderr.close()


@pytest.mark.anyio
async def test_an_agent_with_the_token_works_in_both_eras(
    http_server: HttpServer, shared_client: TorcClient, mode: str
) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", "ValueError: no")])
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {http_server.token}"}) as http:
        transport = streamable_http_client(http_server.url, http_client=http)
        async with Client(transport, mode=mode, client_info=Implementation(name="remote", version="3")) as connected:
            me = Agent(connected)
            entries = [{"job_id": job_id, "action": "fail", "reason": "no"}]
            await me.ask(
                "classify_and_resolve_failures", workflow_id=workflow_id, classifications=entries, dry_run=False
            )
            await connected.call_tool("analyze_workflow_logs", {"workflow_id": workflow_id}, progress_callback=hear)
    (decision,) = shared_client.failures.decisions(workflow_id)
    assert (decision.actor.name, decision.actor.version, decision.actor.user) == ("remote", "3", "tester")
    assert heard


def test_without_the_token_nothing_is_answered(http_server: HttpServer) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {http_server.token}"}):
        answer = http_server.post(**headers)
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
        assert "list_workflows" not in answer.text


def test_a_foreign_host_or_origin_is_refused_although_the_token_is_right(http_server: HttpServer) -> None:
    bearer = {"Authorization": f"Bearer {http_server.token}"}
    assert http_server.post(**bearer, Host="evil.example").status_code == 421
    assert http_server.post(**bearer, Origin="http://evil.example").status_code == 403


def test_a_taken_port_is_reported_plainly(http_server: HttpServer) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torc_mcp.main", "--transport", "http", "--port", str(http_server.port)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{http_server.port}" in done.stderr and "Traceback" not in done.stderr
