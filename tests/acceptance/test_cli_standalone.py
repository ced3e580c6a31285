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
