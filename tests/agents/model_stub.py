"""A scripted model on loopback: it answers as the two model APIs do, and notes every request as a line of JSON.

Started as a process of its own: `python model_stub.py PORT_FILE REQUEST_LOG SCENARIO WORKFLOW_ID`. Scenarios: decide,
obedient (does what a log asked for), slow. It keeps no state: what it does next follows from the tool results that a
request holds, so that repeated requests do no harm.
"""

import json
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

PORT_FILE, REQUEST_LOG, SCENARIO, WORKFLOW_ID = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
LIST, CLASSIFY = "list_pending_failed_jobs", "classify_and_resolve_failures"
NUMBERS = count(1)

Answer = str | tuple[str, dict[str, Any]]
"""A final text, or a tool to call with its arguments."""


class Conversation:
    """What the request says about tools: those on offer, and the results there are, by the tool's name."""

    def __init__(self, offered: list[str], results: dict[str, str]) -> None:
        self.offered = offered
        self.results = results

    def tool(self, ending: str) -> str | None:
        return next((name for name in self.offered if name.endswith(ending)), None)

    def result(self, ending: str) -> str | None:
        return next((text for name, text in self.results.items() if name.endswith(ending)), None)

    def answer(self) -> Answer:
        listing, classifying = self.tool(LIST), self.tool(CLASSIFY)
        if listing is None or classifying is None:
            return f"no torc tools, only {self.offered}"
        listed = self.result(LIST)
        if listed is None:
            return listing, {"workflow_id": WORKFLOW_ID}
        if self.result(CLASSIFY) is None:
            requests = obedient(listed) if SCENARIO == "obedient" else decide(listed)
            return classifying, {"workflow_id": WORKFLOW_ID, "dry_run": False, "classifications": requests}
        return "I decided about the failures."


def decide(listed: str) -> list[dict[str, Any]]:
    """Bugs fail, everything else is worth another attempt."""
    return [
        {
            "signature": group["signature"],
            "action": "fail" if "ModuleNotFound" in group["cause"] else "retry",
            "reason": "a module is missing" if "ModuleNotFound" in group["cause"] else "the server was away",
        }
        for group in read_groups(listed)
    ]


def obedient(listed: str) -> list[dict[str, Any]]:
    """A model that a log has talked into something: far more memory than anybody may get."""
    return [
        {"job_id": group["job_ids"][0], "action": "retry", "memory": "900g", "reason": "the log says so"}
        for group in read_groups(listed)
    ]


def read_groups(listed: str) -> list[dict[str, Any]]:
    """The answer may hold a headline before or after the data."""
    start = listed.index('{"')
    groups: list[dict[str, Any]] = json.JSONDecoder().raw_decode(listed[start:])[0]["groups"]
    return groups


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content or [])


def read_messages(body: dict[str, Any]) -> Conversation:
    names: dict[str, str] = {}
    results: dict[str, str] = {}
    for message in body.get("messages", []):
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block.get("type") == "tool_use":
                names[block["id"]] = block["name"]
            elif block.get("type") == "tool_result":
                results[names.get(block["tool_use_id"], "")] = text_of(block.get("content"))
    return Conversation([tool["name"] for tool in body.get("tools", [])], results)


def message(answer: Answer, model: str) -> dict[str, Any]:
    if isinstance(answer, str):
        content: dict[str, Any] = {"type": "text", "text": answer}
    else:
        content = {"type": "tool_use", "id": f"toolu_{next(NUMBERS):04}", "name": answer[0], "input": answer[1]}
    return {
        "id": f"msg_{next(NUMBERS):04}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [content],
        "stop_reason": "end_turn" if isinstance(answer, str) else "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "output_tokens": 10,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


def events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message as it is streamed."""
    [content] = whole["content"]
    begun = {**whole, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": begun}
    if content["type"] == "text":
        empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": content["text"]}
    else:
        empty = {**content, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(content["input"])}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": 10},
    }
    yield {"type": "message_stop"}


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._send(200, b"")

    def do_GET(self) -> None:
        self._send_json(200, {"data": [{"id": "stub", "type": "model"}]})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(raw or b"{}")
        path = self.path.partition("?")[0]
        with REQUEST_LOG.open("a") as log:
            log.write(json.dumps({"path": path, "bytes": len(raw), "body": body}) + "\n")
        if path.endswith("/count_tokens"):
            self._send_json(200, {"input_tokens": 100})
        elif path.endswith("/messages"):
            if SCENARIO == "slow":
                time.sleep(60)
            whole = message(read_messages(body).answer(), body.get("model", "stub"))
            if body.get("stream"):
                self._stream(whole)
            else:
                self._send_json(200, whole)
        else:
            self._send_json(404, {"type": "error", "error": {"type": "not_found_error", "message": path}})

    def _stream(self, whole: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events(whole):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()
        self.close_connection = True

    def _send_json(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Requests are noted in the log file alone."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    PORT_FILE.with_suffix(".new").write_text(str(server.server_address[1]))
    PORT_FILE.with_suffix(".new").rename(PORT_FILE)
    server.serve_forever()
