"""The real process on stdin and stdout, beside a real Torc server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from helpers import ServerProcess
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_scenes import Agent, failing, make_workflow

from torc_client.http import TorcClient

COMMAND = (sys.executable, "-m", "torc_mcp.main")


def environment(**more: str) -> dict[str, str]:
    """Without settings of the user who runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "XDG_STATE_HOME" or not name.startswith(("TORC_", "XDG_"))
    }
    return kept | {"USER": "tester"} | more


@dataclass
class RawClient:
    """Speaks the protocol line by line; remembers every line that came."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)

    def send(self, method: str, params: dict[str, Any] | None = None, *, id_: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method} | ({"params": params} if params is not None else {})
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message | ({"id": id_} if id_ is not None else {})) + "\n")
        self.process.stdin.flush()

    def answer(self, id_: int) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == id_:
                return message
        raise AssertionError(f"no answer to {id_}; it printed {self.lines}")

    def greet(self, protocol: str = "2025-06-18") -> dict[str, Any]:
        info = {"name": "raw", "version": "0"}
        self.send("initialize", {"protocolVersion": protocol, "capabilities": {}, "clientInfo": info}, id_=1)
        greeting = self.answer(1)
        self.send("notifications/initialized")
        return greeting

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(10)


@contextmanager
def raw(*arguments: str, program: tuple[str, ...] = COMMAND, **env: str) -> Iterator[RawClient]:
    process = subprocess.Popen(
        [*program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**env),
    )
    try:
        yield RawClient(process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.mark.anyio
async def test_an_agent_works_over_stdio_in_both_eras(
    shared_server: ServerProcess, shared_client: TorcClient, mode: str
) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", "ConnectionError: Connection refused")])
    parameters = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "--url", shared_server.url], env=environment()
    )
    async with Client(parameters, mode=mode) as connected:
        me = Agent(connected)
        found = await me.ask("list_pending_failed_jobs", workflow_id=workflow_id)
        assert found["pending_failed_jobs"][0]["job_id"] == job_id
        assert connected.server_info is None or connected.server_info.name == "torc"


def test_the_end_of_stdin_ends_the_server_with_0() -> None:
    with raw("--url", "http://127.0.0.1:1") as client:
        assert client.greet()["result"]["serverInfo"]["name"] == "torc"
        assert client.end() == 0
        assert client.process.stderr is not None and "Traceback" not in client.process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_at_once(number: signal.Signals) -> None:
    with raw("--url", "http://127.0.0.1:1") as client:
        client.greet()
        client.process.send_signal(number)
        assert client.process.wait(10) == -number


def test_stray_prints_and_children_do_not_reach_the_stream(tmp_path: Path, shared_server: ServerProcess) -> None:
    """As a library that prints would: on every call of a tool, from Python and from a child."""
    program = tmp_path / "noisy.py"
    program.write_text(
        "import os, subprocess\n"
        "from torc_client import http\n"
        "def noisy(self, workflow_id, real=http.TorcClient.workflow_status):\n"
        "    print('noise from print', flush=True); os.write(1, b'noise from a descriptor\\n')\n"
        "    subprocess.run(['sh', '-c', 'echo noise from a child; cat'], check=True)\n"
        "    return real(self, workflow_id)\n"
        "http.TorcClient.workflow_status = noisy\n"
        "from torc_mcp.main import main\n"
        "main()\n"
    )
    with raw("--url", shared_server.url, program=(sys.executable, str(program))) as client:
        client.greet()
        client.send("tools/call", {"name": "get_workflow_status", "arguments": {"workflow_id": 987654}}, id_=2)
        assert client.answer(2)["result"]["isError"]
        assert not [line for line in client.lines if "noise" in line]
        assert client.end() == 0
        assert client.process.stderr is not None
        heard = client.process.stderr.read()
    assert heard.count("noise") == 3


def test_an_old_client_gets_the_whole_answer_as_text(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    jobs = [failing(f"bad_{n}", f"ValueError: problem {chr(97 + n) * 3}\n" + "detail\n" * 200) for n in range(8)]
    workflow_id, _ = make_workflow(shared_client, jobs)
    texts = {}
    for protocol in ("2024-11-05", "2025-11-25"):
        with raw("--url", shared_server.url) as client:
            client.greet(protocol)
            arguments = {"workflow_id": workflow_id}
            client.send("tools/call", {"name": "list_pending_failed_jobs", "arguments": arguments}, id_=2)
            texts[protocol] = client.answer(2)["result"]["content"][0]["text"]
    assert json.loads(texts["2024-11-05"])["pending_failed_count"] == 8
    assert texts["2025-11-25"].startswith("8 jobs of workflow")


def test_settings_come_from_the_environment_too(shared_server: ServerProcess) -> None:
    with raw(TORC_API_URL=shared_server.url, TORC_MAX_MEMORY="2g") as client:
        client.greet()
        call = {"name": "update_job_resources", "arguments": {"job_id": 1, "memory": "3g"}}
        client.send("tools/call", call, id_=2)
        assert "2g" in client.answer(2)["result"]["content"][0]["text"]


def test_flags_bound_what_agents_may_do() -> None:
    with raw("--url", "http://127.0.0.1:1", "--read-only", "--proposals-only", "--toolsets", "recovery") as client:
        client.greet()
        client.send("tools/list", {}, id_=2)
        assert {tool["name"] for tool in client.answer(2)["result"]["tools"]} == {
            "list_pending_failed_jobs",
            "plan_allocations",
            "get_slurm_sacct",
            "list_failed_jobs",
            "analyze_workflow_logs",
            "analyze_resource_usage",
            "check_resource_utilization",
        }


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (["--toolsets", "everything"], {}, "no toolset"),
        (["--max-memory", "lots"], {}, "not an amount of memory"),
        ([], {"TORC_MAX_AI_RETRIES": "-1"}, "TORC_MAX_AI_RETRIES"),
        (["--max-ai-retries", "-1"], {}, "not a number"),
        (["--port", "99999"], {}, "not a port"),
        (["--transport", "pigeon"], {}, "invalid choice"),
        (["--log-level", "loud"], {}, "invalid choice"),
    ],
)
def test_wrong_settings_end_with_2_and_a_sentence(arguments: list[str], env: dict[str, str], words: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment(**env), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


class _Other(BaseHTTPRequestHandler):
    """Some other service: it answers everything, with a page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_: object) -> None:
        return None


def test_another_service_at_the_address_is_reported_plainly() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Other) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        with raw("--url", f"http://127.0.0.1:{other.server_address[1]}") as client:
            client.greet()
            client.send("tools/call", {"name": "get_workflow_status", "arguments": {"workflow_id": 1}}, id_=2)
            reply = client.answer(2)["result"]["content"][0]["text"]
            assert client.end() == 0
            assert client.process.stderr is not None and "Traceback" not in client.process.stderr.read()
        other.shutdown()
    assert "is not a Torc server's" in reply
