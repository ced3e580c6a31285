"""Users of a file, their passwords and tokens, and who is written down for what they decide."""

import asyncio
import base64
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
import torc.openapi_client as upstream
from helpers import ServerProcess
from torc.openapi_client.api.workflows_api import WorkflowsApi
from torc_process import Torc

from torc_core.errors import InvalidInputError, TooManyTriesError
from torc_server.access.authenticate import ShownCredentials
from torc_server.access.htpasswd import hash_password, is_password, read_users, write_users
from torc_server.access.principals import Principal, Scope
from torc_server.access.proofs import PasswordProof, PersonalTokenProof, Tries
from torc_server.htpasswd import main as htpasswd
from torc_server.main import main

APACHE_LINE = "apache:$2y$05$yl0JfpKIYFgcRYNjfp96FODhXFWpFKBqdnTu40Je/M2lnDcTnqwcW"


@dataclass
class Users:
    server: ServerProcess
    file: Path

    def http(self, user: str | None = None, *, token: str | None = None, password: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        auth = None if user is None else (user, password or user)
        return httpx.Client(base_url=self.server.url, headers=headers, auth=auth, trust_env=False, timeout=60)


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Users]:
    file = tmp_path / "users"
    write_users(file, {name: hash_password(name, cost=4) for name in ("anna", "otto", "ada")})
    arguments = ["--require-auth", "--auth-file", str(file), "--admin-user", "ada", "--enforce-access-control"]
    server = ServerProcess(database=tmp_path / "torc.db", arguments=arguments).start()
    yield Users(server, file)
    server.stop()


def make(http: httpx.Client, path: str, /, **body: Any) -> dict[str, Any]:
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_the_file_of_users_is_kept_by_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "users")

    def run(*arguments: str) -> object:
        with pytest.raises(SystemExit) as ended:
            htpasswd(arguments)
        return ended.value.code

    assert run("add", "--file", file, "--cost", "4", "--password", "secret word", "anna") == 0
    assert run("add", "--file", file, "--cost", "4", "--password", "x", "otto") == 0
    assert (tmp_path / "users").stat().st_mode & 0o777 == 0o600
    assert run("verify", "--file", file, "--password", "secret word", "anna") == 0
    assert run("verify", "--file", file, "--password", "wrong", "anna") == 1
    assert run("remove", "--file", file, "otto") == 0
    assert run("remove", "--file", file, "otto") == 1
    capsys.readouterr()
    assert run("list", "--file", file) == 0
    assert capsys.readouterr().out == "anna\n"
    assert run("add", "--file", file, "--password", "x", "an:na") == 2


def test_hashes_of_apache_are_understood_and_a_wrong_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(f"# people\n\n{APACHE_LINE}\n")
    assert read_users(file).keys() == {"apache"}
    assert is_password("x" * 100, hash_password("x" * 72, cost=4))
    file.write_text(f"{APACHE_LINE}\nanna:plain\n")
    with pytest.raises(InvalidInputError, match=":2:"):
        read_users(file)


@pytest.mark.parametrize(
    "arguments", [["--require-auth"], ["--enforce-access-control"], ["--require-auth", "--auth-file", "absent"]]
)
def test_a_server_does_not_start_with_half_a_login(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--port", "0", "--database", str(tmp_path / "torc.db"), *arguments])
    assert ended.value.code in (1, 2)


def test_users_come_in_by_password_and_the_server_has_no_token(users: Users) -> None:
    assert not users.server.database.with_name("torc.db.token").exists()
    assert users.http("anna").get("/workflows").status_code == 200
    assert users.http("anna", password="wrong").get("/workflows").status_code == 401  # noqa: S106
    assert users.http("nobody").get("/workflows").status_code == 401


def test_the_published_client_comes_in_by_password(users: Users) -> None:
    connection = upstream.ApiClient(upstream.Configuration(host=users.server.url))
    connection.set_default_header("Authorization", "Basic " + base64.b64encode(b"anna:anna").decode())
    workflow = WorkflowsApi(connection).create_workflow(upstream.WorkflowModel(name="w", user="somebody"))
    assert workflow.user == "anna"


def test_our_command_line_comes_in_by_password_and_its_jobs_do(users: Users, tmp_path: Path) -> None:
    spec = tmp_path / "w.json"
    ask = f"{sys.executable} -m torc_cli.main -f json workflows list > inner.json"
    spec.write_text(json.dumps({"name": "w", "jobs": [{"name": "a", "command": ask}]}))
    torc = Torc(tmp_path, users.server.url, {"TORC_USERNAME": "anna", "TORC_PASSWORD": "anna"})
    torc("run", spec)
    assert [found["user"] for found in json.loads((tmp_path / "inner.json").read_text())] == ["anna"]
    other = Torc(tmp_path, users.server.url, {"TORC_USERNAME": "otto"})
    assert other("-f", "json", "workflows", "list", "--password", "otto").json == []


def test_a_token_is_shown_once_kept_as_a_hash_and_worthless_when_revoked(users: Users, tmp_path: Path) -> None:
    torc = Torc(tmp_path, users.server.url, {"TORC_USERNAME": "anna", "TORC_PASSWORD": "anna"})
    token = torc("tokens", "create", "laptop", "--scope", "viewer").out.strip()
    assert torc("-f", "json", "tokens", "list").json[0].get("token") is None
    with closing(sqlite3.connect(users.server.database)) as connection:
        assert token not in "".join(connection.iterdump())
    with users.http(token=token) as http:
        assert http.get("/workflows").status_code == 200
        assert http.post("/workflows", json={"name": "w", "user": "anna"}).status_code == 403
        assert http.post("/tokens", json={"name": "more", "scope": "owner"}).status_code == 403
        assert users.http("otto").delete("/tokens/1").status_code == 404
        torc("tokens", "revoke", 1)
        assert http.get("/workflows").status_code == 401


def test_a_token_ends_with_its_time_and_with_its_user(users: Users) -> None:
    anna = users.http("anna")
    brief = make(anna, "/tokens", name="brief", expires_in_s=0.001)
    lasting = make(anna, "/tokens", name="lasting")
    assert users.http(token=brief["token"]).get("/workflows").status_code == 401
    assert users.http(token=lasting["token"]).get("/workflows").status_code == 200
    write_users(users.file, {name: digest for name, digest in read_users(users.file).items() if name != "anna"})
    assert users.http("otto").post("/admin/reload-auth").status_code == 403
    assert "2 user(s)" in make(users.http("ada"), "/admin/reload-auth")["message"]
    assert users.http(token=lasting["token"]).get("/workflows").status_code == 401
    assert users.http("anna").get("/workflows").status_code == 401


def test_a_token_that_is_remembered_ends_with_its_time() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    end = now + timedelta(seconds=1)
    known = Principal(name="anna", scope=Scope.VIEWER, expires_at=end)
    times = iter([now, end])
    proof = PersonalTokenProof(
        lambda _: known, users=None, takes_unproven=True, remember_s=60, clock=lambda: 0.0, now=lambda: next(times)
    )
    shown = ShownCredentials("torc_word")
    assert [asyncio.run(proof.prove(shown, "here")) for _ in range(2)] == [known, None]


def test_a_token_neither_outlives_the_token_that_made_it_nor_revokes_a_wider_one(users: Users) -> None:
    anna = users.http("anna")
    brief = make(anna, "/tokens", name="brief", scope="viewer", expires_in_s=3600)
    wide = make(anna, "/tokens", name="wide", scope="owner")
    with users.http(token=brief["token"]) as http:
        assert make(http, "/tokens", name="longer", scope="viewer")["expires_at"] == brief["expires_at"]
        assert http.delete(f"/tokens/{wide['id']}").status_code == 403
    assert users.http(token=wide["token"]).get("/workflows").status_code == 200


def test_a_token_for_one_workflow_keeps_no_groups(users: Users) -> None:
    ada = users.http("ada")
    workflow_id = make(ada, "/workflows", name="w", user="x")["id"]
    group_id = make(ada, "/access_groups", name="team")["id"]
    bound = make(ada, "/tokens", name="t", scope="admin", workflow_id=workflow_id)["token"]
    with users.http(token=bound) as http:
        assert http.post(f"/access_groups/{group_id}/members", json={"user_name": "otto"}).status_code == 403
        assert http.get(f"/access_groups/{group_id}/members").status_code == 403
        assert http.get("/users/anna/groups").status_code == 403


def test_tokens_made_without_users_open_no_server_with_users(users: Users) -> None:
    server, with_users = users.server, users.server.arguments
    server.stop()
    server.arguments = []
    server.start()
    with httpx.Client(base_url=server.url, headers=server.headers, trust_env=False, timeout=60) as http:
        old = make(http, "/tokens", name="old", scope="admin")["token"]
    assert users.http(token=old).get("/workflows").status_code == 200
    server.stop()
    server.arguments = with_users
    server.start()
    assert users.http(token=old).get("/workflows").status_code == 401


def test_tokens_made_with_users_open_no_server_without(users: Users) -> None:
    server = users.server
    with users.http("anna") as anna:
        old = make(anna, "/tokens", name="old", scope="owner")["token"]
    assert users.http(token=old).get("/workflows").status_code == 200
    server.stop()
    server.arguments = []
    server.start()
    assert users.http(token=old).get("/workflows").status_code == 401
    assert httpx.get(f"{server.url}/workflows", headers=server.headers, trust_env=False).status_code == 200


def test_a_stream_of_events_ends_with_its_token_and_with_its_user(users: Users) -> None:
    with users.http("anna") as anna, users.http("ada") as ada:
        workflow_id = make(anna, "/workflows", name="w", user="anna")["id"]
        path = f"/workflows/{workflow_id}/events/stream"
        token = make(anna, "/tokens", name="reader", scope="viewer", workflow_id=workflow_id)
        with users.http(token=token["token"]) as reader, reader.stream("GET", path) as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": connected"
            assert anna.delete(f"/tokens/{token['id']}").status_code == 200
            assert not [line for line in lines if line.startswith("event")]
        with users.http("anna") as reader, reader.stream("GET", path) as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": connected"
            write_users(users.file, {"ada": hash_password("ada", cost=4)})
            assert ada.post("/admin/reload-auth").status_code == 200
            assert not [line for line in lines if line.startswith("event")]


def test_a_viewer_is_no_reader_who_recovers(users: Users) -> None:
    with users.http("anna") as anna:
        workflow_id = make(anna, "/workflows", name="w", user="anna")["id"]
        token = make(anna, "/tokens", name="reader", scope="viewer")["token"]
        path = f"/workflows/{workflow_id}/events/stream"
        with users.http(token=token) as reader, reader.stream("GET", path, params={"recovers": True}) as stream:
            assert stream.status_code == 403
        with anna.stream("GET", path, params={"recovers": True}) as stream:
            assert next(stream.iter_lines()) == ": connected"


def test_a_wrong_password_costs_one_check(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda word, digest: [checked.append(word), check(word, digest)][1])
    proof = PasswordProof(users.file, admins=(), remember_s=60)
    for user, word in (("anna", "wrong"), ("nobody", "wrong"), ("anna", "anna")):
        asyncio.run(proof.prove(ShownCredentials(word, user), "here"))
    assert checked == [b"wrong", b"wrong", b"anna"]


def test_a_server_that_lets_everybody_in_makes_no_tokens(tmp_path: Path) -> None:
    server = ServerProcess(database=tmp_path / "torc.db", arguments=["--no-auth"]).start()
    try:
        answer = httpx.post(f"{server.url}/tokens", json={"name": "t", "scope": "admin"}, trust_env=False)
        assert answer.status_code == 422
        assert "without --no-auth" in answer.json()["error"]["hint"]
    finally:
        server.stop()


def test_too_many_wrong_passwords_are_not_heard_and_do_not_shut_out_who_is_known(users: Users) -> None:
    with users.http("anna") as known:
        assert known.get("/workflows").status_code == 200
        wrong = users.http("anna", password="wrong")  # noqa: S106
        answers = [wrong.get("/workflows").status_code for _ in range(12)]
        assert answers == [401] * 10 + [429] * 2
        assert known.get("/workflows").status_code == 200
    assert users.http("otto").get("/workflows").status_code == 200


def test_who_came_in_before_is_not_shut_out_by_wrong_tries_of_others_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "users"
    write_users(file, {"anna": hash_password("anna", cost=4)})
    now = [0.0]
    proof = PasswordProof(file, admins=(), remember_s=60, clock=lambda: now[0])

    async def anna_and_others() -> list[object]:
        found: list[object] = [await proof.prove(ShownCredentials("anna", "anna"), "here")]
        for _ in range(10):
            now[0] += 59.0
            for _ in range(10):
                with suppress(TooManyTriesError):
                    await proof.prove(ShownCredentials("wrong", "anna"), "here")
            now[0] += 2.0
            found.append(await proof.prove(ShownCredentials("anna", "anna"), "here"))
        return found

    assert None not in asyncio.run(anna_and_others())


def test_an_unknown_name_costs_what_a_wrong_password_costs(tmp_path: Path) -> None:
    file = tmp_path / "users"
    write_users(file, {"anna": hash_password("anna", cost=5)})
    proof = PasswordProof(file, admins=(), remember_s=60)
    assert proof.decoy.startswith("$2b$05$")


def test_tries_are_forgotten_after_a_minute() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    for _ in range(10):
        tries.note("anna", "here")
    with pytest.raises(TooManyTriesError):
        tries.check("anna", "here")
    tries.check("anna", "elsewhere")
    now[0] = 61.0
    tries.check("anna", "here")


def test_lists_and_checks_of_access_tell_the_truth(users: Users, tmp_path: Path) -> None:
    anna, otto = users.http("anna"), users.http("otto")
    workflow_id = make(anna, "/workflows", name="w", user="otto")["id"]

    def seen() -> tuple[list[str], bool]:
        listed = [found["name"] for found in otto.get("/workflows").json()["items"]]
        return listed, otto.get(f"/access_check/{workflow_id}/otto").json()["has_access"]

    assert seen() == ([], False)
    assert otto.get("/workflows", params={"user": "anna"}).json()["items"] == []
    ada = Torc(tmp_path, users.server.url, {"TORC_USERNAME": "ada", "TORC_PASSWORD": "ada"})
    ada("access-groups", "create", "team")
    group_id = next(found["id"] for found in ada("-f", "json", "access-groups", "list").json if found["name"] == "team")
    ada("access-groups", "add-user", group_id, "otto", "--role", "viewer")
    own = Torc(tmp_path, users.server.url, {"TORC_USERNAME": "anna", "TORC_PASSWORD": "anna"})
    own("access-groups", "add-workflow", group_id, workflow_id)
    assert seen() == (["w"], True)
    assert "may see" in ada("access-groups", "check-access", workflow_id, "otto").out
    own("access-groups", "remove-workflow", group_id, workflow_id)
    assert seen() == ([], False)


def test_administrators_are_those_the_server_was_started_with(users: Users) -> None:
    ada = users.http("ada")
    group = next(found for found in ada.get("/access_groups").json()["items"] if found["name"] == "admin")
    members = ada.get(f"/access_groups/{group['id']}/members").json()["items"]
    assert [member["user_name"] for member in members] == ["ada"]
    anna = users.http("anna")
    assert anna.post(f"/access_groups/{group['id']}/members", json={"user_name": "anna"}).status_code == 403
    assert anna.post("/access_groups", json={"name": "mine"}).status_code == 403


def test_a_workflow_cannot_be_given_away_or_reached_through_the_body_of_another(users: Users) -> None:
    anna, otto = users.http("anna"), users.http("otto")
    theirs = make(otto, "/workflows", name="theirs", user="x")["id"]
    mine = make(anna, "/workflows", name="mine", user="x")["id"]
    assert anna.post("/jobs", json={"workflow_id": theirs, "name": "j", "command": "id"}).status_code == 403
    jobs = [{"workflow_id": each, "name": "j", "command": "id"} for each in (mine, theirs)]
    assert anna.post("/bulk_jobs", json={"jobs": jobs}).status_code == 403
    file_id = make(anna, "/files", workflow_id=mine, name="f", path="f")["id"]
    moved = {"workflow_id": theirs, "name": "f", "path": "f"}
    assert anna.put(f"/files/{file_id}", json=moved).status_code == 403
    anna.put(f"/workflows/{mine}", json={"name": "mine", "user": "otto"})
    assert anna.get(f"/workflows/{mine}").json()["user"] == "anna"


def test_no_spelling_of_an_id_gets_around_the_owner(users: Users) -> None:
    anna, otto = users.http("anna"), users.http("otto")
    first, hers = (make(anna, "/workflows", name=name, user="x")["id"] for name in ("first", "hers"))
    data_id = make(anna, "/user_data", workflow_id=hers, name="d", data={"word": "hers"})["id"]
    bound = make(anna, "/tokens", name="t", scope="viewer", workflow_id=first, agent="a", mode="propose")["token"]
    spellings = ("{}", "%2B{}", "%20{}", "{}%20", "{}.0", "0_{}", "00{}", "%0A{}")
    for http, spelling in product((otto, users.http(token=bound)), spellings):
        asked = [
            ("GET", f"/workflows/{spelling.format(hers)}"),
            ("GET", f"/jobs?workflow_id={spelling.format(hers)}"),
            ("GET", f"/user_data/{spelling.format(data_id)}"),
            ("DELETE", f"/jobs?workflow_id={spelling.format(hers)}"),
            ("PUT", f"/workflows/{spelling.format(hers)}/cancel"),
        ]
        answers = {path: http.request(method, f"{users.server.url}{path}").status_code for method, path in asked}
        assert set(answers.values()) <= {403, 422}, answers


def test_no_word_of_a_password_or_token_is_logged(users: Users) -> None:
    token = make(users.http("anna"), "/tokens", name="t")["token"]
    users.http("anna", password="a wrong secret").get("/workflows")  # noqa: S106
    users.http(token=token).get("/workflows")
    assert token not in users.server.log()
    assert "a wrong secret" not in users.server.log()


def test_a_command_of_the_package_keeps_users() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torc_server.htpasswd", "--help"], capture_output=True, text=True, check=True
    )
    assert "add" in done.stdout
