"""A server wants its token, its user's programs find it by themselves, and nobody else can."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess, make_workflow
from other_user import can_read_as_nobody, needs_second_user, python_of_nobody, request_as_nobody
from torc_process import Torc

from torc_client.connect import connect
from torc_client.credentials import find_token
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings, load_settings
from torc_client.standalone import embedded_server
from torc_client.transport import Transport
from torc_core import API_PREFIX
from torc_core.api.drafts import JobDraft
from torc_core.credentials import token_beside, token_file
from torc_core.errors import ServerUnreachableError, UnauthorizedError
from torc_core.evidence.redaction import redact_secrets
from torc_server.main import main

JOB = '{"workflow_id": 1, "name": "x", "command": "id > /tmp/pwned"}'


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def users_copy(server: ServerProcess) -> Path:
    return token_file(os.environ, "localhost", server.port, machine=socket.gethostname())


def open_folders(path: Path) -> None:
    """Lets other users reach the file, so that its own permissions are what keeps them out."""
    for folder in [path, *path.parents]:
        if folder != Path("/"):
            folder.chmod(mode(folder) | 0o055)


def test_a_new_server_makes_a_token_that_only_its_user_can_read(server: ServerProcess) -> None:
    assert len(server.token) >= 40
    assert redact_secrets(f"it is {server.token} and more") == "it is [redacted] and more"
    assert mode(token_beside(server.database)) == 0o600
    copy = users_copy(server)
    assert copy.read_text().strip() == server.token
    assert mode(copy) == 0o600
    assert mode(copy.parent) == 0o700


def test_an_anonymous_caller_writes_no_line_of_the_log(server: ServerProcess) -> None:
    httpx.get(f"{server.root_url}/x%0a2026%20FORGED%1b[31m", trust_env=False)
    assert not [line for line in server.log().splitlines() if "\x1b" in line or line.startswith("2026 FORGED")]


def test_a_log_that_was_left_open_to_others_is_closed(tmp_path: Path) -> None:
    database = tmp_path / "torc.db"
    log = tmp_path / "torc.db.server.log"
    log.touch()
    log.chmod(0o644)
    with embedded_server(database):
        assert mode(log) == 0o600


def test_the_token_stays_over_restarts_and_the_users_copy_leaves_with_the_server(server: ServerProcess) -> None:
    token = server.token
    server.stop()
    assert not users_copy(server).exists()
    server.start()
    assert server.token == token
    assert users_copy(server).exists()


def test_a_token_that_others_could_read_is_replaced(server: ServerProcess) -> None:
    token = server.token
    server.stop()
    token_beside(server.database).chmod(0o644)
    server.start()
    assert server.token != token
    assert mode(token_beside(server.database)) == 0o600
    assert "others could read" in server.log()


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic d3Jvbmc6d3Jvbmc=", "Basic ###", "Digest x", "Bearer"])
def test_outsiders_are_refused_with_what_to_do(shared_server: ServerProcess, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    with httpx.Client(base_url=shared_server.url, trust_env=False, headers=headers) as http:
        for answer in (http.get("/workflows"), http.post("/jobs", content=JOB), http.get("/no/such/route")):
            assert answer.status_code == 401
            error = answer.json()["error"]
            assert error["code"] == "unauthorized"
            assert "TORC_API_TOKEN" in error["hint"]
            assert answer.headers["www-authenticate"].startswith("Basic")
        assert http.get("/ping").status_code == http.get("/version").status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", f"{API_PREFIX}/ping/", "/"])
def test_nothing_but_ping_and_version_is_open(shared_server: ServerProcess, path: str) -> None:
    assert httpx.get(f"{shared_server.root_url}{path}", trust_env=False).status_code == 401


def test_the_token_is_a_bearer_or_the_password_of_any_user(shared_server: ServerProcess) -> None:
    url = f"{shared_server.url}/workflows?limit=1"
    assert httpx.get(url, headers=shared_server.headers, trust_env=False).status_code == 200
    assert httpx.get(url, auth=("somebody", shared_server.token), trust_env=False).status_code == 200


def test_a_client_that_came_before_the_server_finds_its_token(server: ServerProcess) -> None:
    server.stop()
    with connect(ClientSettings(url=server.url)) as client:
        server.start()
        assert client.workflows.list_all() == []


def test_the_token_of_the_environment_stands_above_the_users_copy(server: ServerProcess) -> None:
    with (
        connect(ClientSettings(url=server.url, token="another")) as client,  # noqa: S106
        pytest.raises(UnauthorizedError),
    ):
        client.workflows.list_all()


def test_a_command_a_job_and_a_hook_find_the_token_without_a_word(server: ServerProcess, tmp_path: Path) -> None:
    spec = tmp_path / "w.json"
    ask = f"{sys.executable} -m torc_cli.main -f json workflows list"
    handler = {"name": "mend", "rules": [{"exit_codes": [9], "recovery_script": f"{ask} > script.json"}]}
    command = f"{ask} > job.json; [ $TORC_ATTEMPT_ID -gt 1 ] || exit 9"
    job = {"name": "a", "command": command, "failure_handler": "mend"}
    spec.write_text(json.dumps({"name": "w", "jobs": [job], "failure_handlers": [handler]}))
    torc = Torc(tmp_path, server.url)
    torc("run", spec)
    for file in ("job.json", "script.json"):
        assert [workflow["name"] for workflow in json.loads((tmp_path / file).read_text())] == ["w"]


def test_jobs_get_the_token_by_their_environment_alone(server: ServerProcess, tmp_path: Path) -> None:
    spec = tmp_path / "w.json"
    command = "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' > lines; env > env"
    spec.write_text(json.dumps({"name": "w", "jobs": [{"name": "a", "command": command}]}))
    Torc(tmp_path, server.url)("run", spec)
    [token] = re.findall("^TORC_API_TOKEN=(.+)$", (tmp_path / "env").read_text(), re.MULTILINE)
    assert token != server.token
    lines = (tmp_path / "lines").read_text()
    assert token not in lines
    assert server.token not in lines


def test_standalone_commands_need_no_word_and_ignore_the_token_of_another_server(tmp_path: Path) -> None:
    spec = tmp_path / "w.json"
    ask = f"{sys.executable} -m torc_cli.main -f json workflows list > inner.json"
    spec.write_text(json.dumps({"name": "w", "jobs": [{"name": "a", "command": ask}]}))
    torc = Torc(tmp_path, environment={"TORC_API_TOKEN": "of another server", "XDG_STATE_HOME": "/proc/nowhere"})
    torc("-s", "run", spec)
    assert json.loads((tmp_path / "inner.json").read_text())[0]["name"] == "w"
    assert mode(tmp_path / "output" / "torc.db") == 0o600


def test_an_embedded_server_wants_its_token(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "torc.db") as url:
        with Transport(url) as transport, pytest.raises(UnauthorizedError):
            transport.request("GET", "/workflows")
        assert find_token(url)


@needs_second_user
def test_a_server_of_another_user_on_the_same_port_gets_no_token(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        path = token_file({"XDG_STATE_HOME": str(tmp_path)}, "localhost", port, machine=socket.gethostname())
        path.parent.mkdir(parents=True)
        path.write_text("secret")
        path.chmod(0o600)
        environment = {"XDG_STATE_HOME": str(tmp_path)}
        assert find_token(f"http://localhost:{port}", environment) == "secret"
    listen = (
        f"import socket, time; s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen(); "
        "print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [str(python_of_nobody()), "-I", "-c", listen], user="nobody", stdout=subprocess.PIPE, cwd="/"
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert find_token(f"http://localhost:{port}", environment) is None
        other.kill()


_RECORD_A_REQUEST = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    if sys.argv[2] == "hidden":
        listener.close()
    print(connection.recv(65536), flush=True)
    connection.close()
"""


@needs_second_user
@pytest.mark.parametrize("kind", ["open", "hidden"])
def test_a_client_at_work_sends_nothing_to_a_server_of_another_user_that_took_the_port(
    server: ServerProcess, kind: str
) -> None:
    with connect(ClientSettings(url=server.url)) as client:
        make_workflow(client, JobDraft(name="a", command="true"))
        server.kill()
        with subprocess.Popen(
            [str(python_of_nobody()), "-I", "-c", _RECORD_A_REQUEST, str(server.port), kind],
            user="nobody", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", text=True,
        ) as other:  # fmt: skip
            assert other.stdout is not None
            assert other.stdout.readline() == "listening\n"
            try:
                with pytest.raises(ServerUnreachableError, match="another user of this machine, listens"):
                    client.is_complete(1)
            finally:
                other.kill()
            assert server.token not in other.stdout.read()


@needs_second_user
def test_a_token_that_was_typed_goes_to_another_users_server_only_where_the_user_is_named(
    server: ServerProcess, tmp_path: Path
) -> None:
    server.kill()
    typed = {"TORC_API_TOKEN": server.token, "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(
        [str(python_of_nobody()), "-I", "-c", _RECORD_A_REQUEST, str(server.port), "open"],
        user="nobody", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "listening\n"
        try:
            refused = Torc(tmp_path, server.url, environment=typed)("workflows", "list", code=1)
            assert "nobody, another user of this machine, listens at" in refused.err
            assert "no token or password was sent" in refused.err
            assert "TORC_SERVER_USER=nobody" in refused.err
            unknown = Torc(tmp_path, server.url, environment={**typed, "TORC_SERVER_USER": "no such user"})
            assert "no user 'no such user'" in unknown("workflows", "list", code=2).err
            named = Torc(tmp_path, server.url, environment={**typed, "TORC_SERVER_USER": "nobody"})
            named("workflows", "list", code=1)
        finally:
            other.kill()
        assert other.stdout.read().count(server.token) == 1, "only the last command has sent it"


def test_a_token_of_the_environment_goes_to_the_server_of_the_environment_alone(server: ServerProcess) -> None:
    environment = {"TORC_API_URL": "http://elsewhere.example:8080", "TORC_API_TOKEN": "for elsewhere"}
    typed = load_settings(url=server.url, environment=environment, config_files=())
    assert typed.token is None
    assert "is for http://elsewhere.example:8080 (TORC_API_URL) and is not sent to" in typed.withheld
    same = load_settings(url="elsewhere.example:8080", environment=environment, config_files=())
    assert (same.token, same.withheld) == ("for elsewhere", "")
    alone = load_settings(url=server.url, environment={"TORC_API_TOKEN": "for any"}, config_files=())
    assert (alone.token, alone.withheld) == ("for any", "")


@needs_second_user
def test_another_user_of_the_machine_gets_in_nowhere(server: ServerProcess, client: TorcClient) -> None:
    workflow_id, _ = make_workflow(client, JobDraft(name="a", command="true"))
    assert request_as_nobody("GET", f"{server.url}/ping")[0] == 200
    job = JOB.replace("1", str(workflow_id), 1)
    assert request_as_nobody("POST", f"{server.url}/jobs", body=job)[0] == 401
    assert request_as_nobody("POST", f"{server.url}/workflows/{workflow_id}/initialize_jobs")[0] == 401
    open_folders(server.database.parent)
    for path in [server.database, *server.database.parent.glob("torc.db*")]:
        assert not can_read_as_nobody(path), path
    assert not can_read_as_nobody(users_copy(server))


@needs_second_user
def test_what_an_older_server_left_readable_is_closed(server: ServerProcess) -> None:
    server.stop()
    server.database.chmod(0o644)
    server.start()
    open_folders(server.database.parent)
    assert not can_read_as_nobody(server.database)


def test_without_authentication_only_loopback_is_served_and_the_start_says_what_it_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--no-auth", "--host", "0.0.0.0", "--database", str(tmp_path / "torc.db")])
    assert ended.value.code == 2
    assert "--no-auth" in capsys.readouterr().err
    server = ServerProcess(database=tmp_path / "torc.db", arguments=["--no-auth"]).start()
    try:
        assert "run commands as you" in server.log()
        assert httpx.get(f"{server.url}/workflows", trust_env=False).status_code == 200
        assert not token_beside(server.database).exists()
    finally:
        server.stop()


def test_a_token_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("known")
    token_beside(tmp_path / "torc.db").symlink_to(target)
    with pytest.raises(SystemExit) as ended:
        main(["run", "--port", "0", "--database", str(tmp_path / "torc.db")])
    assert ended.value.code == 1
