"""The page that describes the API asks nobody but the server itself."""

import re
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess

import torc_server

_LINKS = re.compile(r"""(?:src|href|url)\s*[=:]\s*["']([^"']*)["']""")
_FILES = Path(torc_server.__file__).parent / "static" / "swagger-ui"


@pytest.fixture
def web(shared_server: ServerProcess) -> httpx.Client:
    return httpx.Client(base_url=shared_server.root_url, headers=shared_server.headers, trust_env=False)


def test_every_link_of_the_page_is_local_and_served(web: httpx.Client) -> None:
    page = web.get("/docs").raise_for_status().text
    links = [*_LINKS.findall(page), *_LINKS.findall(web.get("/docs/start.js").text)]
    assert {Path(link).suffix for link in links} == {".js", ".css", ".png", ".json"}
    for link in links:
        assert re.match(r"/(?!/)", link), f"{link} is of another server"
        assert web.get(link).status_code == 200, link
    assert "//" not in page


def test_the_page_sends_the_description_to_nobody(web: httpx.Client) -> None:
    assert "validatorUrl: null" in web.get("/docs/start.js").text


def test_only_the_files_of_the_page_are_served(web: httpx.Client) -> None:
    script = web.get("/docs/swagger-ui-bundle.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for name in ("..%2f..%2fapp.py", "../app.py", "LICENSE", "none"):
        assert web.get(f"/docs/{name}").status_code == 404


def test_the_old_address_leads_to_the_page(web: httpx.Client) -> None:
    moved = web.get("/redoc")
    assert (moved.status_code, moved.headers["location"]) == (307, "/docs")


def test_the_files_are_those_of_the_named_release() -> None:
    recorded = dict(re.findall(r"`([\w.-]+)` \| `(\w{64})`", (_FILES / "README.md").read_text()))
    assert recorded.keys() == {"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}
    for name, digest in recorded.items():
        assert sha256((_FILES / name).read_bytes()).hexdigest() == digest, name
    assert (_FILES / "LICENSE").exists()
