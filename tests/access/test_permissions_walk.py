"""Every route, asked by an anonymous caller, another user, a viewer, an operator, an owner and an administrator."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers import ServerProcess

from torc_server.access.htpasswd import hash_password, write_users
from torc_server.access.permission_table import CALLERS, may, permission_rows, route_rows
from torc_server.access.policy import PERMISSIONS, RULES, Subject, rule_of
from torc_server.app import _ROUTERS

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {"other user": "otto", "viewer": "vera", "operator": "olga", "owner": "annie", "admin": "ada"}
_ORDER = ("GET", "POST", "PUT", "DELETE")
_BODIES: dict[str, dict[str, Any]] = {
    "compute_nodes": {
        "hostname": "h", "pid": 1, "start_time": "2026-01-01T00:00:00Z", "num_cpus": 1, "num_gpus": 0, "num_nodes": 1,
        "memory_gb": 1, "compute_node_type": "local",
    },
    "events": {"timestamp": 1, "data": {"category": "x"}},
    "failure_handlers": {"name": "h", "rules": '[{"exit_codes": [1]}]'},
    "files": {"name": "f", "path": "f"},
    "jobs": {"name": "j", "command": "true"},
    "local_schedulers": {"name": "l"},
    "resource_requirements": {"name": "r"},
    "ro_crate_entities": {"entity_id": "e", "entity_type": "File", "metadata": {}},
    "scheduled_compute_nodes": {
        "scheduler_id": 1, "scheduler_config_id": 987654, "scheduler_type": "slurm", "status": "pending",
    },
    "slurm_schedulers": {"name": "s", "account": "a", "nodes": 1, "walltime": "01:00:00"},
    "slurm_stats": {"job_id": 1, "run_id": 1, "attempt_id": 1},
    "user_data": {"name": "d"},
}  # fmt: skip
"""What creates one record of a kind."""


def served_routes() -> list[tuple[str, str]]:
    routes: Any = [route for router in _ROUTERS for route in router.routes]
    found = {(method, route.path) for route in routes for method in route.methods}
    # a workflow is deleted last: nothing could be asked about it any more
    return sorted(found, key=lambda each: (_ORDER.index(each[0]), each[1] == "/workflows/{id}", each[1]))


@dataclass
class Scene:
    """A workflow of annie's, shared with a group that she keeps, of which olga is a member and vera a viewer."""

    server: ServerProcess
    clients: dict[str, httpx.Client]
    ids: dict[str, int] = field(default_factory=dict)
    answers: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    """What each caller got on each route."""

    def walk(self, caller: str) -> None:
        """Asks every route as this caller, of a new workflow; a second time is no walk."""
        if caller in self.answers.get(("GET", "/ping"), {}):
            return
        self.set_up()
        for method, path in served_routes():
            self.answers.setdefault((method, path), {})[caller] = self.ask(caller, method, path)

    def set_up(self) -> None:
        """Makes the workflow, the group, and one record of every kind."""
        owner, admin = self.clients["owner"], self.clients["admin"]
        self.ids["workflows"] = _made(owner.post("/workflows", json={"name": "w", "user": "whoever"}))
        self.ids["access_groups"] = _made(admin.post("/access_groups", json={"name": f"g{self.ids['workflows']}"}))
        members = f"/access_groups/{self.ids['access_groups']}/members"
        for name, role in (("annie", "admin"), ("olga", "member"), ("vera", "viewer")):
            _made(admin.post(members, json={"user_name": name, "role": role}))
        link = f"/workflows/{self.ids['workflows']}/access_groups/{self.ids['access_groups']}"
        assert owner.post(link).status_code == 200
        for kind in _BODIES:
            self.ids[kind] = _made(owner.post(f"/{kind}", json=self.body_of(kind)))
        self.ids["proposals"] = self._put_proposal()
        self.ids["tasks"] = self.ids["events"]
        self.ids["results"] = _made(owner.post("/results", json=self.body_of("results")))

    def _put_proposal(self) -> int:
        """Puts an empty proposal into the database, which takes a failed job to make otherwise."""
        facts = (self.ids["workflows"], '{"kind": "rules", "name": "x"}', "{}", "2026-01-01", "2126-01-01")
        with closing(sqlite3.connect(self.server.database)) as connection, connection:
            made = connection.execute(
                "INSERT INTO proposal (workflow_id, state, actor, limits, created_at, expires_at, jobs_to_retry, "
                "jobs_to_fail, jobs_skipped) VALUES (?, 'open', ?, ?, ?, ?, 0, 0, 0)",
                facts,
            )
            assert made.lastrowid is not None
            return made.lastrowid

    def body_of(self, kind: str) -> dict[str, Any]:
        own = {"workflow_id": self.ids["workflows"]}
        if kind == "results":
            end = {"run_id": 1, "return_code": 0, "exec_time_minutes": 1, "completion_time": "x", "status": "completed"}
            return {"job_id": self.ids["jobs"], "compute_node_id": self.ids["compute_nodes"], **end, **own}
        return {**_BODIES[kind], **({"job_id": self.ids["jobs"]} if kind == "slurm_stats" else {}), **own}

    def ask(self, caller: str, method: str, path: str) -> int:
        """Returns the status of the answer; what the body says of workflows is sound, whatever else it lacks."""
        options: dict[str, Any] = {"params": {"workflow_id": self.ids["workflows"], "max_retries": 3}}
        kind = path.split("/")[1]
        if rule_of(method, path).subject is Subject.BODY:
            several = kind.removeprefix("bulk_")
            body = {several: [self.body_of(several)]} if kind.startswith("bulk_") else self.body_of(kind)
            options["json"] = body
        elif method in ("POST", "PUT"):
            options["json"] = {"name": "again", "user": "whoever"}
        address = re.sub(r"{(\w+)}", lambda found: self._value(caller, kind, found[1]), path)
        with self.clients[caller].stream(method, address, **options) as answer:
            return answer.status_code

    def _value(self, caller: str, kind: str, name: str) -> str:
        values = {
            "id": self.ids.get(kind, 987654),
            "workflow_id": self.ids["workflows"],
            "group_id": self.ids["access_groups"],
            "user_name": "nobody" if kind == "access_groups" else NAMES.get(caller, "nobody"),
            "status": "ready",
        }
        return str(values.get(name, 987654))


def _made(answer: httpx.Response) -> int:
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["id"]
    return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("users")
    write_users(folder / "users", {name: hash_password(name, cost=4) for name in NAMES.values()})
    arguments = ["--require-auth", "--auth-file", str(folder / "users"), "--admin-user", "ada"]
    server = ServerProcess(database=folder / "torc.db", arguments=[*arguments, "--enforce-access-control"]).start()
    clients = {"anonymous": httpx.Client(base_url=server.url, trust_env=False, timeout=60)}
    for caller, name in NAMES.items():
        clients[caller] = httpx.Client(base_url=server.url, auth=(name, name), trust_env=False, timeout=60)
    yield Scene(server, clients)
    for client in clients.values():
        client.close()
    server.stop()


def test_every_route_is_in_the_table_of_the_policy_and_nothing_else() -> None:
    assert set(served_routes()) == set(RULES)


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_lets_in_whom_the_policy_lets_in(scene: Scene, caller: str) -> None:
    scene.walk(caller)
    wrong = []
    for (method, path), answers in scene.answers.items():
        status = answers[caller]
        let_in = status not in (401, 403)
        if let_in != may(caller, rule_of(method, path)) or (status == 401) != (caller == "anonymous" and not let_in):
            wrong.append(f"{caller}: {method} {path} -> {status}")
        assert status < 500, f"{method} {path}"
    assert wrong == []


def test_the_answers_make_a_table(scene: Scene) -> None:
    """With `pytest -s` it is printed: two users (owner and admin of the group, its member), a viewer, outsiders."""
    for caller in CALLERS:
        scene.walk(caller)
    lines = [f"{'route':<56}" + "".join(f" {caller[:3]}" for caller in CALLERS)]
    for (method, path), answers in sorted(scene.answers.items(), key=lambda each: (each[0][1], each[0][0])):
        lines.append(f"{method + ' ' + path:<56.56}" + "".join(f" {answers[caller]}" for caller in CALLERS))
    sys.stdout.write("\n".join(["", f"from left to right: {', '.join(CALLERS)}", *lines, ""]))
    assert len(lines) == len(RULES) + 1
    assert max(map(len, lines)) == 80


@pytest.mark.parametrize(("scope", "role"), [("viewer", "viewer"), ("operator", "operator"), ("owner", "owner")])
def test_a_token_of_the_owner_allows_no_more_than_its_scope(scene: Scene, scope: str, role: str) -> None:
    scene.set_up()
    token = scene.clients["owner"].post("/tokens", json={"name": "t", "scope": scope}).json()["token"]
    with httpx.Client(
        base_url=scene.server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    ) as http:
        scene.clients["token"] = http
        wrong = []
        for method, path in served_routes():
            rule = rule_of(method, path)
            if rule.subject in (Subject.WORKFLOW, Subject.RECORD, Subject.QUERY, Subject.BODY):
                status = scene.ask("token", method, path)
                if (status != 403) != may(role, rule):
                    wrong.append(f"{scope}: {method} {path} -> {status}")
        assert wrong == []


def test_a_token_of_jobs_opens_what_the_table_says_and_no_other_workflow(scene: Scene) -> None:
    scene.set_up()
    token = scene.clients["owner"].post(f"/compute_nodes/{scene.ids['compute_nodes']}/job_token").json()["token"]
    own = dict(scene.ids)
    scene.set_up()
    with httpx.Client(
        base_url=scene.server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    ) as http:
        scene.clients["job"] = http
        others, scene.ids = scene.ids, own
        wrong = []
        for ids, is_own in ((others, False), (own, True)):
            scene.ids = ids
            for method, path in served_routes():
                rule = rule_of(method, path)
                is_about_one = rule.subject in (Subject.WORKFLOW, Subject.RECORD, Subject.QUERY, Subject.BODY)
                expected = PERMISSIONS[rule.permission].jobs and (is_own or not is_about_one)
                if (scene.ask("job", method, path) != 403) != expected:
                    wrong.append(f"{'own' if is_own else 'other'}: {method} {path}")
        assert wrong == []


def test_the_documentation_holds_the_tables_of_the_policy() -> None:
    text = (DOCS / "security.md").read_text()
    for rows in (permission_rows(), route_rows()):
        assert "\n".join(rows) in text
