"""`torc open`, and the links of commands that ask for a decision."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess, make_workflow
from torc_process import Torc
from triage import REFUSED, fail_over_http

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft

NO_BROWSER = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}


@pytest.fixture(scope="module")
def waiting(shared_client: TorcClient) -> int:
    """A workflow with one failed job that waits for a decision."""
    workflow_id, ids = make_workflow(shared_client, JobDraft(name="a", command="false"))
    fail_over_http(shared_client, workflow_id, {ids[0]: REFUSED})
    return workflow_id


@pytest.fixture
def torc(tmp_path: Path, shared_server: ServerProcess) -> Torc:
    return Torc(tmp_path, shared_server.url, environment=NO_BROWSER)


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, headers={"Accept": "text/html"}, follow_redirects=True, timeout=60) as http:
        yield http


def test_the_link_logs_one_browser_in(torc: Torc, browser: httpx.Client, waiting: int) -> None:
    link = torc("open", waiting, "--failures").out.strip()
    shown = browser.get(link)
    assert shown.status_code == 200
    assert shown.url.path == f"/workflows/{waiting}/failures"
    assert "Connection refused" in shown.text
    with httpx.Client(trust_env=False, headers={"Accept": "text/html"}, follow_redirects=True) as other:
        assert other.get(link).status_code == 401


def test_the_browser_of_the_user_is_opened(torc: Torc, tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text('#!/bin/sh\necho "$1" > "$0.opened"\n')
    program.chmod(0o755)
    with_browser = Torc(torc.folder, torc.url, environment={**NO_BROWSER, "BROWSER": str(program)})
    answer = with_browser("open")
    assert "Opened in your browser" in answer.out
    assert (tmp_path / "browser.opened").read_text().strip() == answer.out.splitlines()[0]
    assert "Opened" not in with_browser("open", "--print").out


def test_programs_get_the_link_as_json(torc: Torc) -> None:
    assert torc("open", "-f", "json").json["url"].startswith("http://127.0.0.1:")


def test_a_workflow_that_is_not_there_has_no_page(torc: Torc) -> None:
    assert "there is no workflow 987654" in torc("open", 987654, code=1).err
    assert "--failures needs a workflow" in torc("open", "--failures", code=2).err


def test_standalone_the_pages_live_as_long_as_the_command(tmp_path: Path, browser: httpx.Client) -> None:
    with Torc(tmp_path, environment=NO_BROWSER).start("-s", "open") as running:
        assert running.stdout is not None
        link = running.stdout.readline().strip()
        assert browser.get(link).status_code == 200
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == 0
    with pytest.raises(httpx.ConnectError):
        browser.get(link)


def test_commands_that_ask_for_a_decision_print_the_link(torc: Torc, waiting: int) -> None:
    address = f"/workflows/{waiting}/failures"
    for command in (("status", waiting), ("failures", "list", waiting), ("recover", waiting, "--no-prompts")):
        printed = torc(*command, code=None)
        assert re.search(rf"in the browser: http://\S+{address}", printed.err), command
        assert f"torc open {waiting} --failures" in printed.err
    assert "in the browser" not in torc("status", waiting, "-f", "json").err
