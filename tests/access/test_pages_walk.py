"""Every page, asked by an anonymous caller, another user, a viewer, an operator, an owner and an administrator."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers import ServerProcess

from torc_server.access.htpasswd import hash_password, write_users
from torc_server.access.page_policy import PAGE_RULES, page_rule_of
from torc_server.access.permission_table import CALLERS, may, page_rows
from torc_server.pages.lazy_routes import page_routes

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {"other user": "otto", "viewer": "vera", "operator": "olga", "owner": "annie", "admin": "ada"}
HTML = {"Accept": "text/html"}


def served_pages() -> list[tuple[str, str]]:
    routes: Any = page_routes()
    return sorted((method, route.path) for route in routes for method in route.methods)


class Site:
    """A workflow of annie's with one job, shared with a group of which olga is a member and vera a viewer."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.clients = {"anonymous": httpx.Client(base_url=server.root_url, trust_env=False, timeout=60, headers=HTML)}
        for caller, name in NAMES.items():
            self.clients[caller] = httpx.Client(
                base_url=server.root_url, auth=(name, name), trust_env=False, timeout=60, headers=HTML
            )
        self.workflow_id = self._made("owner", "/workflows", {"name": "w", "user": "annie"})
        self.job_id = self._made(
            "owner", "/jobs", {"workflow_id": self.workflow_id, "name": "j", "command": "secret-command"}
        )
        group_id = self._made("admin", "/access_groups", {"name": "g"})
        for name, role in (("annie", "admin"), ("olga", "member"), ("vera", "viewer")):
            self._made("admin", f"/access_groups/{group_id}/members", {"user_name": name, "role": role})
        link = f"/torc-service/v1/workflows/{self.workflow_id}/access_groups/{group_id}"
        assert self.clients["owner"].post(link).status_code == 200

    def _made(self, caller: str, path: str, body: dict[str, Any]) -> int:
        answer = self.clients[caller].post(f"/torc-service/v1{path}", json=body)
        assert answer.status_code == 200, answer.text
        found: int = answer.json()["id"]
        return found

    def ask(self, caller: str, method: str, path: str) -> httpx.Response:
        values = {"id": self.workflow_id, "job_id": self.job_id, "name:path": "torc.css"}
        address = re.sub(r"{([\w:]+)}", lambda found: str(values.get(found[1], 987654)), path)
        with self.clients[caller].stream(method, address) as answer:
            if not path.endswith("/live"):
                answer.read()
            return answer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("users")
    write_users(folder / "users", {name: hash_password(name, cost=4) for name in NAMES.values()})
    arguments = ["--require-auth", "--auth-file", str(folder / "users"), "--admin-user", "ada"]
    server = ServerProcess(database=folder / "torc.db", arguments=[*arguments, "--enforce-access-control"]).start()
    found = Site(server)
    yield found
    for client in found.clients.values():
        client.close()
    server.stop()


def test_every_page_is_in_the_table_of_the_policy_and_nothing_else() -> None:
    assert set(served_pages()) == set(PAGE_RULES)


@pytest.mark.parametrize("caller", CALLERS)
def test_every_page_lets_in_whom_the_policy_lets_in(site: Site, caller: str) -> None:
    wrong = []
    for method, path in served_pages():
        status = site.ask(caller, method, path).status_code
        let_in = status not in (401, 403) or path == "/login"
        if let_in != may(caller, page_rule_of(method, path)):
            wrong.append(f"{caller}: {method} {path} -> {status}")
        assert status < 500, f"{method} {path}"
    assert wrong == []


@pytest.mark.parametrize("caller", CALLERS)
def test_pages_hold_no_script_or_style_and_load_nothing_from_elsewhere(site: Site, caller: str) -> None:
    for method, path in served_pages():
        answer = site.ask(caller, method, path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        if answer.headers.get("content-type", "").startswith("text/html") and not path.endswith("/live"):
            text = answer.text
            assert re.findall(r"<script(?![^>]* src=\"/static/)", text) == []
            assert re.findall(r"<style| style=| on\w+=|javascript:|https?://", text) == []


def test_who_may_not_see_a_workflow_learns_nothing_of_its_jobs(site: Site) -> None:
    for method, path in served_pages():
        for caller in ("anonymous", "other user"):
            answer = site.ask(caller, method, path)
            if not path.endswith("/live"):
                assert "secret-command" not in answer.text


def test_a_job_of_another_workflow_is_not_shown_under_ones_own(site: Site) -> None:
    own = site._made("other user", "/workflows", {"name": "o", "user": "otto"})
    answer = site.clients["other user"].get(f"/workflows/{own}/jobs/{site.job_id}")
    assert answer.status_code == 404
    assert "secret-command" not in answer.text


def test_a_user_logs_in_with_name_and_password_and_sees_what_is_shared(site: Site) -> None:
    with httpx.Client(base_url=site.server.root_url, trust_env=False, timeout=60, headers=HTML) as browser:
        assert browser.post("/login", data={"user": "vera", "secret": "wrong"}).status_code == 401
        entered = browser.post("/login", data={"user": "vera", "secret": "vera", "next": "/"})
        assert entered.status_code == 303
        assert f'/workflows/{site.workflow_id}"' in browser.get("/").text
        assert "vera" in browser.get("/settings").text
        page = browser.get(f"/workflows/{site.workflow_id}/failures").text
        word = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
        refused = browser.post(f"/workflows/{site.workflow_id}/failures/apply", data={"csrf": word})
        assert refused.status_code == 403
        assert "may not approve" in refused.text


def test_the_documentation_holds_the_table_of_pages() -> None:
    assert "\n".join(page_rows()) in (DOCS / "security.md").read_text()
