"""What users get wrong is answered in a sentence, with an exit code, and without a traceback."""

from pathlib import Path

import pytest
from helpers import ServerProcess
from torc_process import Torc

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


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained(torc: Torc, mistake: str) -> None:
    (torc.folder / "folder.yaml").mkdir()
    (torc.folder / "binary.yaml").write_bytes(bytes(range(256)))
    (torc.folder / "broken.yaml").write_text("jobs:\n  - nmae: a\n    command: 'true'\n")
    if "config" in mistake:
        (torc.folder / "torc.toml").write_text("[client\n")
    arguments, code, words = MISTAKES[mistake]
    said = torc(*arguments, code=code)
    assert words in said.err
    assert said.out == ""


def test_nothing_is_created_from_a_file_with_a_mistake(torc: Torc) -> None:
    (torc.folder / "bad.yaml").write_text(
        "name: bad\njobs:\n  - name: a\n    command: 'true'\n    depends_on: [nobody]\n"
    )
    before = torc("workflows", "list", "-f", "json").json
    said = torc("run", "bad.yaml", "-f", "json", code=2)
    assert "bad.yaml:5" in said.err
    assert "nobody" in said.err
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


def test_a_server_that_is_not_there_is_named_with_both_ways_out(tmp_path: Path) -> None:
    said = Torc(tmp_path, "http://127.0.0.1:9/torc-service/v1")("workflows", "list", code=1)
    assert "127.0.0.1:9" in said.err
    assert "torc-server run" in said.err
    assert "torc -s" in said.err


def test_a_reader_that_leaves_early_is_no_error(torc: Torc, shared_server: ServerProcess) -> None:
    torc("workflows", "new", "-n", "x" * 100)
    with torc.start("workflows", "list", "-f", "json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
