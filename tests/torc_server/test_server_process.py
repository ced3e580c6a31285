"""The server as a process: start, port, stop, and what it says when it cannot serve."""

import subprocess
import sys
import time
from pathlib import Path

from helpers import ServerProcess

from torc_client.http import TorcClient

_COMMAND = [sys.executable, "-m", "torc_server.main"]


def test_a_client_reaches_a_server_that_picked_its_own_port(server: ServerProcess, client: TorcClient) -> None:
    assert server.port > 0
    assert client.ping().status == "ok"
    assert client.version().api_version == "0.35.0"


def test_sigterm_stops_the_server_at_once_with_exit_code_0(server: ServerProcess) -> None:
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 2.0


def test_a_port_in_use_is_an_error_without_a_traceback(server: ServerProcess, tmp_path: Path) -> None:
    second = subprocess.run(
        [*_COMMAND, "--port", str(server.port), "--database", str(tmp_path / "second.db")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {server.port}" in second.stderr
    assert "Traceback" not in second.stderr
    assert second.stdout == ""
