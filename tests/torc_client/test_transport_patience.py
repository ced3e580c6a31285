"""A server that answers 503 with Retry-After is waited for as one that is away."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from torc_client.transport import Transport
from torc_core.errors import ServerFaultError, ServerUnavailableError, TorcError

BUSY = (503, {"error": {"code": "server_unavailable", "message": "its disk is full", "hint": "make room"}})
FINE = (200, {"status": "ok"})


class _Server(ThreadingHTTPServer):
    """Gives the answers one after the other, the last one for ever."""

    answers: list[tuple[int, object]]
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = server.answers[min(server.asked, len(server.answers) - 1)]
        server.asked += 1
        body = json.dumps(answer).encode()
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "5")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class _Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def transport(self, server: _Server, *, patience_s: float) -> Transport:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        return Transport(url, patience_s=patience_s, pause=self.pause, clock=lambda: self.now)


def test_the_request_is_sent_again_even_if_its_operation_is_not_idempotent(stand_in: _Server) -> None:
    time = _Time()
    stand_in.answers = [BUSY, BUSY, FINE]
    with time.transport(stand_in, patience_s=60) as transport:
        answer = transport.request("POST", "/jobs", body=b"{}", idempotent=False)
    assert json.loads(answer) == {"status": "ok"}
    assert (stand_in.asked, time.pauses) == (3, [5, 5])


def test_without_patience_the_cause_is_raised_at_once(stand_in: _Server) -> None:
    time = _Time()
    stand_in.answers = [BUSY]
    with time.transport(stand_in, patience_s=0) as transport, pytest.raises(ServerUnavailableError) as raised:
        transport.request("POST", "/jobs", body=b"{}")
    assert (raised.value.message, str(raised.value.hint), time.pauses) == ("its disk is full", "make room", [])


def test_patience_has_an_end(stand_in: _Server) -> None:
    time = _Time()
    stand_in.answers = [BUSY]
    with time.transport(stand_in, patience_s=12) as transport, pytest.raises(ServerUnavailableError):
        transport.request("POST", "/jobs", body=b"{}")
    assert time.pauses == [5, 5]


FAULT = (500, {"error": {"code": "server_fault", "message": "it broke"}})
GATEWAY = (502, "bad gateway")
ELSEWHERE = (404, "no such page")


@pytest.mark.parametrize("fault", [FAULT, GATEWAY])
def test_a_server_that_fails_is_outlasted_where_a_request_may_be_done_twice(
    stand_in: _Server, fault: tuple[int, object]
) -> None:
    time = _Time()
    heard: list[TorcError] = []
    stand_in.answers = [fault, fault, FINE]
    with time.transport(stand_in, patience_s=0) as transport, transport.waiting(60, on_wait=heard.append):
        answer = transport.request("POST", "/jobs", body=b"{}")
    assert json.loads(answer) == {"status": "ok"}
    assert (stand_in.asked, len(time.pauses), len(heard)) == (3, 2, 1)


def test_a_failure_is_raised_at_once_where_the_work_may_have_been_done(stand_in: _Server) -> None:
    time = _Time()
    stand_in.answers = [FAULT, FINE]
    with time.transport(stand_in, patience_s=60) as transport:
        with transport.waiting(60), pytest.raises(ServerFaultError, match="it broke"):
            transport.request("POST", "/jobs", body=b"{}", idempotent=False)
        stand_in.asked = 0
        with pytest.raises(ServerFaultError, match="it broke"):
            transport.request("POST", "/jobs", body=b"{}")
    assert time.pauses == []


def test_another_program_at_the_address_is_not_waited_for(stand_in: _Server) -> None:
    time = _Time()
    stand_in.answers = [ELSEWHERE]
    with (
        time.transport(stand_in, patience_s=0) as transport,
        transport.waiting(60),
        pytest.raises(ServerFaultError, match="is not a Torc server's: 404"),
    ):
        transport.request("POST", "/jobs", body=b"{}")
    assert time.pauses == []


def test_patience_with_a_server_that_fails_has_an_end_and_its_pauses_differ(stand_in: _Server) -> None:
    time = _Time()
    stand_in.answers = [FAULT]
    with (
        time.transport(stand_in, patience_s=0) as transport,
        transport.waiting(10),
        pytest.raises(ServerFaultError, match="it broke"),
    ):
        transport.request("POST", "/jobs", body=b"{}")
    assert 8 <= time.now <= 10
    assert len(set(time.pauses)) == len(time.pauses)
