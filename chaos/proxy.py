"""A proxy between runner and server that refuses, delays, doubles or breaks requests, or loses their answers."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

_TIMEOUT_S: Final = 60.0
_LONGEST_DELAY_S: Final = 0.5


class Fault(StrEnum):
    """What may happen to one request."""

    NONE = "none"
    REFUSED = "refused"
    """The connection is closed before the request reaches the server."""
    DELAYED = "delayed"
    DOUBLED = "doubled"
    """The server gets it twice, as after a retry by something in between."""
    SERVER_ERROR = "500"
    ANSWER_LOST = "answer lost"
    """The server does it, and the connection is closed before the answer."""


Chooser = Callable[[str, str], Fault]
"""Method and path of a request to its fault."""


class FaultyProxy:
    """Listens on loopback and forwards to the server, each request with the fault that is chosen for it."""

    def __init__(self, target: str, choose: Chooser) -> None:
        """Forward to `target`, the server's URL."""
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        address = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = choose(self.command, self.path)
                with proxy._lock:
                    proxy.counts[fault] += 1
                if fault is Fault.REFUSED:
                    self.close_connection = True
                    return
                if fault is Fault.SERVER_ERROR:
                    self._answer(500, {"Content-Type": "application/json"}, b'{"error": {"code": "server_fault"}}')
                    return
                if fault is Fault.DELAYED:
                    time.sleep(random.uniform(0.0, _LONGEST_DELAY_S))
                try:
                    status, headers, answer = self._forward(body)
                    if fault is Fault.DOUBLED:
                        status, headers, answer = self._forward(body)
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                    return
                if fault is Fault.ANSWER_LOST:
                    self.close_connection = True
                    return
                self._answer(status, headers, answer)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the base class

            def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
                try:
                    kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                    # the server checks the Host it is called by
                    kept["Host"] = address.netloc
                    connection.request(self.command, self.path, body=body or None, headers=kept)
                    answer = connection.getresponse()
                    headers = {
                        name: value
                        for name, value in answer.getheaders()
                        if name.lower() not in {"transfer-encoding", "connection", "content-length"}
                    }
                    return answer.status, headers, answer.read()
                finally:
                    connection.close()

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
                """Write no log: the campaign counts the requests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{address.path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
