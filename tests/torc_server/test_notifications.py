"""People are notified by mail and over HTTP, once an hour for each cause, without secrets in the log."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from helpers import ServerProcess, wait_until
from recovery_scenes import fail_all, job, make_scene
from triage import BUG, REFUSED

from torc_client.http import TorcClient
from torc_core.api.drafts import WorkflowDraft
from torc_core.api.events import EventModel
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError
from torc_core.evidence.record import Evidence
from torc_server.notify.notifier import check_targets
from torc_server.notify.targets import read_targets

HIDDEN = "Tr0ub4dor"


class Mailbox:
    """A real SMTP server on loopback, and the mails that it got."""

    def __init__(self) -> None:
        self.mails: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content.decode())
        return "250 OK"


@contextmanager
def smtp() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


@contextmanager
def receiver() -> Iterator[tuple[list[dict[str, Any]], int]]:
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield got, server.server_port
        server.shutdown()


def targets_file(folder: Path, *lines: str) -> Path:
    path = folder / "targets"
    path.write_text("\n".join(("# who is notified", *lines)) + "\n")
    path.chmod(0o600)
    return path


@contextmanager
def telling(folder: Path, *lines: str) -> Iterator[tuple[ServerProcess, TorcClient]]:
    arguments = ("--notify-file", str(targets_file(folder, *lines)), "--public-url", "https://torc.example")
    server = ServerProcess(database=folder / "torc.db", arguments=arguments).start()
    try:
        with server.client() as client:
            yield server, client
    finally:
        server.stop()


def _fail(client: TorcClient, texts: dict[str, str]) -> int:
    workflow_id, job_ids = make_scene(client, *(job(name) for name in texts), use_pending_failed=True)
    ends = {
        job_id: Evidence(return_code=1, stderr_tail=text) for job_id, text in zip(job_ids, texts.values(), strict=True)
    }
    fail_all(client, workflow_id, ends)
    return workflow_id


def test_jobs_that_wait_are_reported_by_mail_and_over_http_with_counts_and_a_link(tmp_path: Path) -> None:
    with (
        smtp() as (box, mail_port),
        receiver() as (got, port),
        telling(
            tmp_path,
            f"default = json://torc:{HIDDEN}@127.0.0.1:{port}/hook",
            f"ops = mailto://127.0.0.1:{mail_port}?from=torc@example.com&to=ops@example.com&mode=insecure",
        ) as (server, client),
    ):
        workflow_id = _fail(client, {"a": REFUSED, "b": REFUSED, "c": BUG})
        wait_until(lambda: got, "the hook was called")
        assert got[0]["title"] == f"Torc: 3 job(s) of workflow {workflow_id} wait for a decision"
        message = got[0]["message"]
        assert "- 2 job(s): ConnectionError" in message
        assert "(suggested: retry, 0." in message
        assert f"https://torc.example/workflows/{workflow_id}/failures" in message
        assert f"torc failures review {workflow_id}" in message
        assert box.mails == []  # this workflow names no other target
        draft = WorkflowDraft(
            workflow=WorkflowModel(
                name="named", user="tester", metadata={"notifications": [{"to": "ops", "on": ["gave_up"]}]}
            ),
            jobs=[],
        )
        named = client.create_from_draft(draft).workflow.id or 0
        event = {"event_type": "recovery_gave_up", "reason": f"it was tried 3 times\x1b[31m\ntoken=ghp_{'a1' * 18}"}
        client.events.create(EventModel(workflow_id=named, timestamp=1, data=event))
        wait_until(lambda: box.mails, "the mail came")
        assert f"workflow {named}: recovery gave up" in box.mails[0]
        assert "ghp_" not in box.mails[0]
        assert "\x1b" not in box.mails[0]
        assert HIDDEN not in server.log()


def test_one_cause_is_reported_once_and_the_end_of_a_workflow_once(tmp_path: Path) -> None:
    with receiver() as (got, port), telling(tmp_path, f"default = json://127.0.0.1:{port}/") as (_, client):
        workflow_id, job_ids = make_scene(client, job("a"), job("b"), use_pending_failed=True)
        fail_all(client, workflow_id, {job_ids[0]: Evidence(return_code=1, stderr_tail=REFUSED), job_ids[1]: None})
        wait_until(lambda: len(got) == 1, "the first was sent")

        def decide(action: Any) -> None:
            entry = Classification(job_id=job_ids[0], action=action, reason="so it is")
            client.failures.classify(
                workflow_id, ClassifyRequest(classifications=[entry], actor=Actor(kind="person", name="ann"))
            )

        decide("retry")
        fail_all(client, workflow_id, {job_ids[0]: Evidence(return_code=1, stderr_tail=REFUSED)})
        decide("fail")
        wait_until(lambda: len(got) == 2, "the end was sent")
        assert f"Workflow {workflow_id} (scene) ended with failures: 1 completed, 1 failed." in got[1]["message"]
    assert [each["title"].rpartition(" ")[2] for each in got] == ["decision", "failures"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["default json://x"], ":2: it is no target"),
        (["a = json://x", "a = json://y"], ":3: the target a is named twice"),
        ([], "names no target"),
    ],
)
def test_wrong_targets_are_refused_with_their_line(tmp_path: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        read_targets(targets_file(tmp_path, *lines))


def test_a_file_that_others_can_read_and_an_unknown_kind_of_address_are_refused(tmp_path: Path) -> None:
    path = targets_file(tmp_path, f"default = json://torc:{HIDDEN}@host/")
    path.chmod(0o644)
    with pytest.raises(InvalidInputError, match="can be read by others") as refused:
        read_targets(path)
    assert HIDDEN not in str(refused.value)
    with pytest.raises(InvalidInputError, match="the address of the target ops is none") as unknown:
        check_targets({"ops": f"nonsense://torc:{HIDDEN}@host/"})
    assert HIDDEN not in str(unknown.value)
