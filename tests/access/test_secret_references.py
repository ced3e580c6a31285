"""A workflow names its secrets; the runner looks them up, and nobody stores them."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import ServerProcess
from torc_process import Torc

from torc_core.secret_references import SecretReference, read_reference, reference_of

SECRET = "the-secret-word-itself"  # noqa: S105


def write_spec(folder: Path, env: dict[str, Any], job_env: dict[str, Any] | None = None) -> Path:
    path = folder / "w.json"
    job = {"name": "a", "command": 'echo "$PLAIN $ONE $TWO" > seen', "env": job_env or {}}
    path.write_text(json.dumps({"name": "w", "env": env, "jobs": [job]}))
    return path


def test_secrets_reach_the_job_and_stand_nowhere_else(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{SECRET}-2\n")
    env = {"PLAIN": "plain", "ONE": {"from_env": "MY_SECRET"}}
    spec = write_spec(tmp_path, env, {"TWO": {"from_file": str(tmp_path / "word")}})
    torc = Torc(tmp_path, server.url, {"MY_SECRET": SECRET})
    torc("run", spec)
    assert (tmp_path / "seen").read_text() == f"plain {SECRET} {SECRET}-2\n"
    server.stop()
    stored = b"".join(path.read_bytes() for path in server.database.parent.glob("torc.db*"))
    assert SECRET.encode() not in stored
    assert b"MY_SECRET" in stored
    assert SECRET not in "".join(path.read_text() for path in tmp_path.glob("output/*.log"))


def test_a_secret_that_a_failing_job_prints_is_hidden_in_its_evidence(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{SECRET}-2\n")
    job: dict[str, Any] = {"name": "a", "command": 'echo "cannot log in with $ONE, nor with $TWO" >&2; exit 1'}
    job["env"] = {"TWO": {"from_file": str(tmp_path / "word")}}
    spec = tmp_path / "w.json"
    spec.write_text(json.dumps({"name": "w", "env": {"ONE": {"from_env": "MY_SECRET"}}, "jobs": [job]}))
    torc = Torc(tmp_path, server.url, {"MY_SECRET": SECRET})
    torc("run", spec, code=1)
    assert "cannot log in with [redacted], nor with [redacted]" in torc("failures", "list", 1, "-f", "json").out
    server.stop()
    stored = b"".join(path.read_bytes() for path in server.database.parent.glob("torc.db*"))
    assert SECRET.encode() not in stored


def test_a_missing_secret_of_the_workflow_is_named_before_anything_runs(server: ServerProcess, tmp_path: Path) -> None:
    ended = Torc(tmp_path, server.url)("run", write_spec(tmp_path, {"ONE": {"from_env": "NOT_SET"}}), code=1)
    assert "NOT_SET is not set" in ended.err
    assert not (tmp_path / "seen").exists()


def test_a_missing_secret_of_a_job_fails_that_job_and_says_why(server: ServerProcess, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, {}, {"ONE": {"from_file": "/no/such/file"}})
    torc = Torc(tmp_path, server.url)
    torc("run", spec, code=1)
    assert "/no/such/file cannot be read" in torc("failures", "list", 1).out
    assert not (tmp_path / "seen").exists()


@pytest.mark.parametrize("entry", [{"from_env": ""}, {"from_nowhere": "x"}, {"from_env": "A", "from_file": "b"}, {}])
def test_what_names_no_secret_is_refused_with_its_place(tmp_path: Path, entry: dict[str, Any]) -> None:
    ended = Torc(tmp_path)("-s", "create", write_spec(tmp_path, {"ONE": entry}), "--dry-run", code=2)
    assert "env.ONE" in ended.out


def test_a_reference_is_read_as_it_was_written_and_plain_values_are_plain() -> None:
    reference = reference_of({"from_file": "~/a:b"})
    assert read_reference(str(reference)) == reference == SecretReference("from_file", "~/a:b")
    assert [read_reference(value) for value in ("", "plain", "torc-secret:", "from_env:X", "torc-secret:x:Y")] == [
        None
    ] * 5
