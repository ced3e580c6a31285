"""`torc -s`: no server needed, and the next command sees the same workflows."""

import json
from pathlib import Path

from helpers import wait_until
from torc_process import SpecWriter, Torc

from torc_client.processes import process_identity


def test_a_workflow_runs_without_a_server_and_is_there_afterwards(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    report = torc("-s", "run", spec(jobs={"a": "echo $TORC_API_URL > url.txt"}), "-f", "json").json
    assert report["success"] is True
    assert (tmp_path / "output" / "torc.db").exists()
    assert "http://127.0.0.1:" in (tmp_path / "url.txt").read_text()
    assert [row["id"] for row in torc("-s", "workflows", "list", "-f", "json").json] == [report["workflow_id"]]
    elsewhere = Torc(tmp_path, environment={"TORC_DATABASE": "other.db"})
    assert elsewhere("-s", "workflows", "list", "-f", "json").json == []
    assert (tmp_path / "other.db").exists()


def test_other_commands_may_look_while_a_run_goes_on_and_the_server_ends_after_it(
    tmp_path: Path, spec: SpecWriter
) -> None:
    torc = Torc(tmp_path)
    path = spec(jobs={"a": "touch started; until test -e go; do sleep 0.05; done"})
    with torc.start("-s", "run", path, "-f", "json") as run:
        wait_until((tmp_path / "started").exists, "the job runs", timeout_s=30)
        status = torc("status", "--standalone", "-f", "json").json
        assert status["jobs_by_status"]["running"] == 1
        server = json.loads((tmp_path / "output" / "torc.db.server.json").read_text())["pid"]
        assert process_identity(server) is not None
        (tmp_path / "go").touch()
        assert run.wait(60) == 0
    assert process_identity(server) is None


def test_ctrl_c_ends_the_run_first_and_the_server_after_it(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    run = torc.start("-s", "run", spec(jobs={"a": "touch started; sleep 600"}), "-f", "json")
    wait_until((tmp_path / "started").exists, "the job runs", timeout_s=30)
    run.send_signal(2)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1, err
    report = json.loads(out)
    assert report["jobs_by_status"]["running"] == 0
    assert report["runner"]["reason"] == "interrupted"
    assert not (tmp_path / "output" / "torc.db.server.json").exists()


def test_a_database_in_memory_is_in_its_file_after_the_command(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    report = torc("-s", "--in-memory", "run", spec(jobs={"a": "true"}), "-f", "json").json
    assert report["success"] is True
    assert [row["id"] for row in torc("-s", "workflows", "list", "-f", "json").json] == [report["workflow_id"]]


def test_a_database_in_memory_is_written_when_the_command_is_terminated(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    run = torc.start("-s", "--in-memory", "run", spec(jobs={"a": "touch started; sleep 600"}), "-f", "json")
    wait_until((tmp_path / "started").exists, "the job runs", timeout_s=60)
    other = torc("-s", "--in-memory", "--snapshot-interval-seconds", "9", "status", code=1)
    assert "is served by another command" in other.err
    run.terminate()
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1, err
    assert torc("-s", "status", "-f", "json").json["workflow_id"] == json.loads(out)["workflow_id"]


def test_memory_without_an_embedded_server_is_refused(tmp_path: Path) -> None:
    torc = Torc(tmp_path, "http://127.0.0.1:9")
    assert "add -s" in torc("--in-memory", "status", code=2).err
    assert "add --in-memory" in torc("-s", "--snapshot-interval-seconds", "3", "status", code=2).err
