"""What users get wrong is answered in a sentence, with an exit code, and without a traceback."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from helpers import ServerProcess, make_workflow
from torc_process import Torc

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft

MISTAKES = {
    "an unknown command": (("jbos", "list"), 2, "No such command"),
    "an unknown status": (("jobs", "list", "1", "--status", "broken"), 2, "broken"),
    "an id that is no number": (("jobs", "get", "seven"), 2, "integer"),
    "an unknown workflow": (("status", "987654"), 1, "987654"),
    "an unknown job": (("jobs", "logs", "987654"), 1, "987654"),
    "a file that is not there": (("create", "nowhere.yaml"), 2, "nowhere.yaml"),
    "a folder for a file": (("create", "folder.yaml"), 2, "folder.yaml"),
    "a binary file": (("create", "binary.yaml"), 2, "not a text file"),
    "a file that is no workflow": (("create", "broken.yaml"), 2, "broken.yaml:2"),
    "neither a file nor an id": (("run", "my-workflow"), 2, "neither a workflow file nor a workflow id"),
    "an amount that is none": (("resource-requirements", "create", "1", "-n", "x", "-m", "5gb"), 2, "5gb"),
    "a time limit that is none": (("run", "1", "--time-limit", "4h"), 2, "4h"),
    "an end that is no time": (("run", "1", "--end-time", "tomorrow"), 2, "tomorrow"),
    "nothing to change": (("files", "update", "1"), 2, "nothing to update"),
    "two servers": (("-s", "--url", "localhost:1", "ping"), 2, "two servers"),
    "a database of no embedded server": (("--database", "x.db", "ping"), 2, "embedded server"),
    "a config file that is none": (("ping",), 2, "torc.toml"),
}


CONFIG_FILES = {
    "no table": ("client = 5", "client"),
    "a number for a text": ("[client]\ndatabase = 5", "database"),
    "a list for a text": ("[client]\napi_url = ['a']", "api_url"),
    "an unknown key": ("[client]\napi_ulr = 'http://localhost:1'", "'api_url'"),
}


@pytest.mark.parametrize("mistake", CONFIG_FILES)
def test_a_config_file_with_a_wrong_type_is_explained(torc: Torc, mistake: str) -> None:
    text, key = CONFIG_FILES[mistake]
    (torc.folder / "torc.toml").write_text(text)
    printed = torc("ping", code=2)
    assert "torc.toml" in printed.err
    assert key in printed.err


_ACTION = {"workflow_id": 1, "trigger_type": "on_workflow_start", "action_type": "run_commands"}
_HANDLER = {"workflow_id": 1, "name": "mend"}
EXPORTS: dict[str, tuple[dict[str, object], str]] = {
    "a list as the settings of an action": ({"actions": [_ACTION | {"action_config": [1]}]}, "actions[0]"),
    "a list as the id of a scheduler": ({"actions": [_ACTION | {"action_config": {"scheduler_id": [1]}}]}, "[1]"),
    "an unknown trigger": ({"actions": [_ACTION | {"trigger_type": "x", "action_config": {}}]}, "trigger_type"),
    "rules that are no JSON": ({"failure_handlers": [_HANDLER | {"rules": "{"}]}, "mend"),
    "rules that are none": ({"failure_handlers": [_HANDLER | {"rules": '[{"max_retries": "often"}]'}]}, "mend"),
    "a job without a name": ({"jobs": [{"workflow_id": 1, "command": "true"}]}, "jobs[0].name"),
}


@pytest.mark.parametrize("mistake", EXPORTS)
def test_an_exported_workflow_with_a_mistake_is_explained(torc: Torc, mistake: str) -> None:
    records, words = EXPORTS[mistake]
    document = {"workflow": {"name": "w", "user": "u"}, **records}
    printed = torc("workflows", "import", "-", code=2, stdin=json.dumps(document))
    assert words in printed.err


def test_json_that_is_nested_too_deeply_is_refused(torc: Torc) -> None:
    deep = "[" * 50_000 + "]" * 50_000
    assert "no exported workflow" in torc("workflows", "import", "-", code=2, stdin=deep).err
    foreign = torc("workflows", "import", "-", code=2, stdin='{"jobs": 5}').err
    assert "no exported workflow" in foreign
    assert "Portable" not in foreign
    assert "no JSON" in torc("events", "create", "1", "--data", deep, code=2).err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained(torc: Torc, mistake: str) -> None:
    (torc.folder / "folder.yaml").mkdir()
    (torc.folder / "binary.yaml").write_bytes(bytes(range(256)))
    (torc.folder / "broken.yaml").write_text("jobs:\n  - nmae: a\n    command: 'true'\n")
    if "config" in mistake:
        (torc.folder / "torc.toml").write_text("[client\n")
    arguments, code, words = MISTAKES[mistake]
    printed = torc(*arguments, code=code)
    assert words in printed.err
    assert printed.out == ""


def test_nothing_is_created_from_a_file_with_a_mistake(torc: Torc) -> None:
    (torc.folder / "bad.yaml").write_text(
        "name: bad\njobs:\n  - name: a\n    command: 'true'\n    depends_on: [nobody]\n"
    )
    before = torc("workflows", "list", "-f", "json").json
    printed = torc("run", "bad.yaml", "-f", "json", code=2)
    assert "bad.yaml:5" in printed.err
    assert "nobody" in printed.err
    assert torc("workflows", "list", "-f", "json").json == before


def test_a_dry_run_reports_all_and_creates_nothing(torc: Torc) -> None:
    (torc.folder / "bad.yaml").write_text(
        "name: bad\njobs:\n  - name: a\n    command: 'true'\n    depends_on: [b, c]\n"
    )
    report = torc("create", "bad.yaml", "--dry-run", "-f", "json", code=2).json
    assert report["valid"] is False
    assert len(report["errors"]) == 2
    (torc.folder / "good.yaml").write_text(
        "name: good\njobs:\n  - name: a{i}\n    command: 'true'\n    parameters: {i: '1:3'}\n"
    )
    good = torc("create", "good.yaml", "--dry-run")
    assert "Job count: 3" in good.out
    assert "Validation: PASSED" in good.out
    assert torc("create", "good.yaml", "--dry-run", "-f", "json").json["summary"]["job_names"] == ["a1", "a2", "a3"]


@pytest.mark.parametrize(
    "command",
    [
        "workflows list",
        "status",
        "status 1",
        "reports summary 1",
        "reports check-resource-utilization",
        "reports results 1",
    ],
)
def test_a_server_that_is_not_there_is_named_with_both_ways_out(tmp_path: Path, command: str) -> None:
    printed = Torc(tmp_path, "http://127.0.0.1:9/torc-service/v1")(*command.split(), code=1)
    assert "127.0.0.1:9" in printed.err
    assert "`torc-server run`" in printed.err
    assert f"`torc -s {command}`" in printed.err


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:80 80/", "http://127.0.0.1:99999", "http://"])
def test_an_address_that_is_none_is_named(tmp_path: Path, url: str) -> None:
    by_flag = Torc(tmp_path)("--url", url, "status", 1, code=None)
    assert by_flag.code in (1, 2)
    assert url.rstrip("/") in by_flag.err
    by_environment = Torc(tmp_path, url)("status", 1, code=None)
    assert "TORC_API_URL" in by_environment.err


ANSWERS = {
    "an error page": (404, "text/html", "<!DOCTYPE html>\n<html>\n<body>\n<h1>Not Found</h1>\n</body></html>"),
    "a page": (200, "text/html", "<html>\n<body>welcome</body></html>"),
    "a foreign error": (400, "application/json", '{"fault": [1,\n 2]}'),
    "foreign JSON": (200, "application/json", '{"hello": "world"}'),
    "words": (500, "text/plain", "out of\norder"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_of_another_server_is_reported_in_one_line(tmp_path: Path, kind: str) -> None:
    with foreign_server(*ANSWERS[kind]) as url:
        printed = Torc(tmp_path)("--url", url, "status", 1, code=1)
    problem, hint = printed.err.splitlines()
    assert f"the answer at {url}" in problem
    assert "is not a Torc server's" in problem
    assert "--url" in hint


@contextmanager
def foreign_server(status: int, content_type: str, body: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_names_that_are_no_utf_8_are_refused_or_shown_in_parts(torc: Torc) -> None:
    folder = torc.folder / os.fsdecode(b"bad\xff")
    folder.mkdir()
    (folder / "w.json").write_text(json.dumps({"name": "w", "jobs": [{"name": "a", "command": "true"}]}))
    there = Torc(folder, torc.url)
    refused = there("run", "w.json", code=2).err
    assert "UTF-8" in refused
    name = os.fsdecode(b"\xff")
    assert "UTF-8" in torc("workflows", "new", "-n", name, code=2).err
    assert "UTF-8" in torc("workflows", "list", "--name", name, code=2).err
    printed = torc("create", os.fsdecode(b"nowhere\xff.yaml"), code=2).err
    assert "nowhere" in printed
    assert ".yaml: No such file" in printed


def test_a_terminal_without_unicode_gets_escapes(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, JobDraft(name="größe 😀", command="true"))
    plain = Torc(torc.folder, torc.url, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert "gr\\xf6\\xdfe" in plain("jobs", "list", workflow_id).out
    assert plain("jobs", "list", workflow_id, "-f", "json").json[0]["name"] == "größe 😀"


def test_a_name_of_several_lines_stays_in_one(torc: Torc) -> None:
    job = {"name": "two\nlines", "command": "exit 3"}
    (torc.folder / "w.json").write_text(json.dumps({"name": "two\nlines", "jobs": [job]}))
    printed = torc("run", "w.json", code=1)
    workflow_id = printed.out.split()[2]
    for text in (printed.out, printed.err, torc("status", workflow_id).out):
        assert "two\n" not in text
    assert "two lines" in printed.out


def test_a_reader_that_leaves_early_is_no_error(torc: Torc, shared_server: ServerProcess) -> None:
    torc("workflows", "new", "-n", "x" * 100)
    with torc.start("workflows", "list", "-f", "json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
