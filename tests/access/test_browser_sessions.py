"""The login of a browser: its cookie, its forms, one-time codes, and the end of a session."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers import ServerProcess, make_workflow
from starlette.responses import Response

from torc_server.access.browser import CODE_S, IDLE_S, Browsers
from torc_server.pages.rendering import STATIC

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(database=tmp_path_factory.mktemp("site") / "torc.db").start()
    with server.client() as client:
        make_workflow(client)
    yield server
    server.stop()


@pytest.fixture
def browser(site: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.root_url, trust_env=False, headers=HTML, timeout=60) as http:
        yield http


def log_in(browser: httpx.Client, secret: str, **fields: str) -> httpx.Response:
    return browser.post("/login", data={"secret": secret, **fields})


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_browser_without_a_login_gets_the_form_and_the_page_behind_it(
    site: ServerProcess, browser: httpx.Client
) -> None:
    asked = browser.get("/workflows/1/failures?status=all")
    assert asked.status_code == 401
    assert "WWW-Authenticate" not in asked.headers
    assert 'name="next" value="/workflows/1/failures?status=all"' in asked.text
    entered = log_in(browser, site.token, next="/workflows/1/failures?status=all")
    assert entered.status_code == 303
    assert entered.headers["Location"] == "/workflows/1/failures?status=all"
    assert browser.get(entered.headers["Location"]).status_code == 200


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(site: ServerProcess, browser: httpx.Client) -> None:
    cookie = log_in(browser, site.token).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert site.token not in cookie


def test_a_wrong_token_opens_nothing(browser: httpx.Client) -> None:
    refused = log_in(browser, "torc_wrong")
    assert refused.status_code == 401
    assert "wrong" in refused.text
    assert "Set-Cookie" not in refused.headers


def test_no_cookie_opens_the_interface_for_programs(site: ServerProcess, browser: httpx.Client) -> None:
    log_in(browser, site.token)
    assert browser.get("/").status_code == 200
    assert browser.get("/torc-service/v1/workflows").status_code == 401


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"])
def test_a_login_leads_to_no_other_site(site: ServerProcess, browser: httpx.Client, address: str) -> None:
    assert log_in(browser, site.token, next=address).headers["Location"] == "/"


def test_a_form_needs_the_word_of_its_session(site: ServerProcess, browser: httpx.Client) -> None:
    log_in(browser, site.token)
    page = browser.get("/workflows/1/failures").text
    for form in ({}, {"csrf": "x"}, {"csrf": csrf_of(page)[:-1]}):
        refused = browser.post("/workflows/1/failures/summary", data=form)
        assert refused.status_code == 403
    assert browser.post("/workflows/1/failures/summary", data={"csrf": csrf_of(page), "as_of": "0"}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}]
)
def test_a_form_of_another_site_is_refused(site: ServerProcess, browser: httpx.Client, headers: dict[str, str]) -> None:
    log_in(browser, site.token)
    word = csrf_of(browser.get("/").text)
    assert browser.post("/logout", data={"csrf": word}, headers=headers).status_code in (403, 421)
    assert browser.get("/").status_code == 200


def test_a_logout_ends_the_session_for_good(site: ServerProcess, browser: httpx.Client) -> None:
    log_in(browser, site.token)
    cookies = dict(browser.cookies)
    browser.post("/logout", data={"csrf": csrf_of(browser.get("/").text)})
    with httpx.Client(base_url=site.root_url, trust_env=False, headers=HTML, cookies=cookies) as other:
        assert other.get("/").status_code == 401


def test_a_session_ends_with_its_token(site: ServerProcess, browser: httpx.Client) -> None:
    made: dict[str, Any] = httpx.post(f"{site.url}/tokens", json={"name": "t"}, headers=site.headers).json()
    log_in(browser, made["token"])
    assert browser.get("/").status_code == 200
    httpx.delete(f"{site.url}/tokens/{made['id']}", headers=site.headers)
    assert browser.get("/").status_code == 401


def test_a_code_opens_one_session(site: ServerProcess, browser: httpx.Client) -> None:
    code = httpx.post(f"{site.url}/browser_codes", json={"to": "/workflows/1"}, headers=site.headers).json()
    entered = browser.get(code["path"])
    assert entered.status_code == 303
    assert entered.headers["Location"] == "/workflows/1"
    assert browser.get("/workflows/1").status_code == 200
    with httpx.Client(base_url=site.root_url, trust_env=False, headers=HTML) as other:
        other.get(code["path"])
        assert other.get("/").status_code == 401


def test_a_link_in_a_mail_gets_a_page_that_asks_again_with_the_cookie(
    site: ServerProcess, browser: httpx.Client
) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = browser.get("/workflows/1", headers=followed)
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    for change in ({"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Dest": "iframe"}):
        assert browser.get("/workflows/1", headers=followed | change).status_code == 403
    assert browser.get("/torc-service/v1/workflows", headers=followed).status_code == 403
    assert browser.post("/logout", headers=followed).status_code == 403
    code = httpx.post(f"{site.url}/browser_codes", json={"to": "/"}, headers=site.headers).json()
    assert browser.get(code["path"], headers=followed).status_code == 403


def test_sessions_and_codes_end_by_the_clock() -> None:
    now = [0.0]
    browsers = Browsers(clock=lambda: now[0])
    response = Response()
    browsers.open("Bearer x", response, "127.0.0.1:8080")
    cookie = response.headers["set-cookie"].partition(";")[0]
    assert browsers.find(cookie, "127.0.0.1:8080") is not None
    assert browsers.find(cookie, "127.0.0.1:9090") is None
    code = browsers.make_code("Bearer x")
    now[0] += CODE_S + 1
    assert browsers.take_code(code) is None
    now[0] += IDLE_S
    assert browsers.find(cookie, "127.0.0.1:8080") is None


def test_static_files_are_those_of_the_package(browser: httpx.Client) -> None:
    assert browser.get("/static/htmx/htmx.min.js").status_code == 200
    for name in ("../rendering.py", "%2e%2e/rendering.py", "htmx/LICENSE", "..%2frendering.py", ""):
        assert browser.get(f"/static/{name}").status_code in (401, 404)


def test_every_vendored_file_is_the_one_that_its_page_names() -> None:
    named = re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", (STATIC / "README.md").read_text())
    assert {name for name, _ in named} == {
        str(path.relative_to(STATIC)) for path in STATIC.glob("*/*") if path.suffix in (".js", ".css")
    }
    for name, digest in named:
        assert sha256((STATIC / name).read_bytes()).hexdigest() == digest
    assert all((Path(STATIC) / folder / "LICENSE").is_file() for folder in ("htmx", "uplot"))
