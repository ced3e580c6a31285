"""Embedded servers: real processes over a real file."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import wait_until

from torc_client import standalone
from torc_client.processes import process_identity
from torc_client.standalone import embedded_server
from torc_client.transport import Transport
from torc_core.errors import RunnerError, StateConflictError


def state_of(database: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(database.with_name(f"{database.name}.server.json").read_text())
    return content


def answers(url: str) -> bool:
    with Transport(url) as transport:
        return json.loads(transport.request("GET", "/ping")) == {"status": "ok"}


def test_the_server_lives_as_long_as_the_block(tmp_path: Path) -> None:
    database = tmp_path / "deep" / "torc.db"
    with embedded_server(database) as url:
        assert answers(url)
        pid = state_of(database)["pid"]
        assert isinstance(pid, int)
        assert os.getsid(pid) == pid
    assert process_identity(pid) is None
    assert [path.name for path in database.parent.iterdir() if ".server." in path.name] == ["torc.db.server.log"]


def test_a_second_command_joins_and_may_leave_last(tmp_path: Path) -> None:
    database = tmp_path / "torc.db"
    first = embedded_server(database)
    url = first.__enter__()
    second = embedded_server(database)
    assert second.__enter__() == url
    first.__exit__(None, None, None)
    assert answers(url)
    second.__exit__(None, None, None)
    assert [path.name for path in database.parent.iterdir() if ".server." in path.name] == ["torc.db.server.log"]


def test_the_server_ends_when_its_command_is_killed_and_the_next_command_starts_another(tmp_path: Path) -> None:
    database = tmp_path / "torc.db"
    code = (
        "import pathlib, signal, sys\n"
        "from torc_client.standalone import embedded_server\n"
        "with embedded_server(pathlib.Path(sys.argv[1])) as url:\n"
        "    print(url, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(database)], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        dead_url = command.stdout.readline().strip()
        pid = state_of(database)["pid"]
        assert isinstance(pid, int)
        command.send_signal(signal.SIGKILL)
    wait_until(lambda: process_identity(pid) is None, "the embedded server ends with its only command")
    with embedded_server(database) as url:
        assert url != dead_url
        assert answers(url)


def test_commands_that_come_and_go_at_the_same_time_never_meet_a_server_that_leaves(tmp_path: Path) -> None:
    database = tmp_path / "torc.db"
    code = (
        "import pathlib, sys\n"
        "from torc_client.standalone import embedded_server\n"
        "from torc_client.transport import Transport\n"
        "for _ in range(3):\n"
        "    with embedded_server(pathlib.Path(sys.argv[1])) as url, Transport(url) as transport:\n"
        "        transport.request('GET', '/ping')\n"
    )
    commands = [subprocess.Popen([sys.executable, "-c", code, str(database)]) for _ in range(4)]
    assert [command.wait(60) for command in commands] == [0, 0, 0, 0]
    assert not database.with_name("torc.db.server.json").exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    database = tmp_path / "torc.db"
    database.write_text("this is no database, it only pretends to be one\n" * 100)
    with pytest.raises(RunnerError, match="did not start"), embedded_server(database):
        pass
    with pytest.raises(RunnerError, match="is a folder"), embedded_server(tmp_path):
        pass
    with pytest.raises(RunnerError, match="cannot make the folder") as caught, embedded_server(database / "torc.db"):
        pass
    assert "--database" in str(caught.value.hint)


@pytest.mark.parametrize("module", ["queue", "uvicorn", "torc_core"])
def test_modules_of_the_user_in_the_current_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    (tmp_path / f"{module}.py").write_text("raise RuntimeError('a module of the user')\n")
    monkeypatch.chdir(tmp_path)
    with embedded_server(tmp_path / "torc.db") as url:
        assert answers(url)


def test_a_file_served_on_another_machine_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "torc.db"
    state = database.with_name("torc.db.server.json")
    state.write_text(json.dumps({"url": "http://127.0.0.1:1/x", "pid": 5, "hostname": "elsewhere"}))
    with pytest.raises(StateConflictError, match="served on elsewhere"), embedded_server(database):
        pass


def test_a_server_that_does_not_end_is_killed_by_the_last_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standalone, "_STOP_TIMEOUT_S", 0.2)
    database = tmp_path / "torc.db"
    with embedded_server(database):
        pid = int(str(state_of(database)["pid"]))
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: process_identity(pid) is None, "the server is gone")


def test_what_a_command_needs_is_loaded_while_the_server_starts(tmp_path: Path) -> None:
    database, announced = tmp_path / "torc.db", list[bool]()

    def note() -> None:
        announced.append("TORC_SERVER_PORT" in (tmp_path / "torc.db.server.log").read_text())

    with embedded_server(database, meanwhile=note), embedded_server(database, meanwhile=note):
        assert announced == [False], "and not at all where a server runs already"
