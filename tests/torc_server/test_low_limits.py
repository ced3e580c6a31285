"""A server that gets too little memory says so, and one that cannot end in order is ended all the same."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

_SERVER = ("-m", "torc_server.main")
_HANGING = """
import sys, threading
from torc_server import serving
serving._LONGEST_STOP_S = 0.2
# as a thread that found no memory leaves it: the interpreter waits for it when it ends
threading.Thread(target=threading.Event().wait).start()
from torc_server.main import main
main(sys.argv[1:])
"""


def limited(kind: int, limit: int) -> None:
    resource.setrlimit(kind, (limit, limit))


def test_a_server_whose_threads_never_end_ends_with_its_command(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--database", str(tmp_path / "torc.db"), "--shutdown-on-stdin-eof"]
    with subprocess.Popen(
        [sys.executable, "-c", _HANGING, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("TORC_SERVER_PORT=")
            assert server.stdin is not None
            server.stdin.close()
            assert server.wait(60) == 1
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("kind", "megabytes", "sentence"),
    [
        (resource.RLIMIT_AS, 150, "is limited to 150 MiB; the server needs at least 256 MiB"),
        (resource.RLIMIT_DATA, 30, "no memory or no thread"),
    ],
)
def test_a_limit_that_is_too_low_for_a_server_is_named(
    tmp_path: Path, kind: int, megabytes: int, sentence: str
) -> None:
    done = subprocess.run(
        [sys.executable, *_SERVER, "--port", "0", "--database", str(tmp_path / "torc.db")],
        preexec_fn=lambda: limited(kind, megabytes << 20),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "ulimit" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_with_an_embedded_server_names_the_limit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torc_cli.main", "-s", "workflows", "list"],
        cwd=tmp_path,
        preexec_fn=lambda: limited(resource.RLIMIT_AS, 150 << 20),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "the server needs at least 256 MiB" in done.stderr
    assert "Traceback" not in done.stderr
