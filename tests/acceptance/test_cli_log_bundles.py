"""Logs of a workflow, packed and analyzed; jobs that run, and where."""

import json
import tarfile
from socket import gethostname

from helpers import wait_until
from torc_process import SpecWriter, Torc


def test_logs_are_packed_and_found_to_hold_the_failure(torc: Torc, spec: SpecWriter) -> None:
    file = spec(jobs={"good": "true", "full": "echo 'write error: No space left on device' >&2; exit 1"})
    created = torc("create", file, "-f", "json").json["workflow_id"]
    torc("run", created, code=1)
    (torc.folder / "output" / "job_stdio" / f"job_wf{created}9_j1_r1_a1.o").write_text("of another workflow")

    packed = torc("logs", "bundle", created, "-f", "json").json
    assert packed["path"] == f"wf{created}.tar.gz"
    with tarfile.open(torc.folder / packed["path"]) as bundle:
        names = bundle.getnames()
        metadata = bundle.extractfile("bundle_metadata.json")
        assert metadata is not None
        facts = json.load(metadata)
    assert (facts["workflow_id"], facts["workflow_name"], facts["file_count"]) == (created, "test", len(names) - 1)
    assert packed["file_count"] == len(names) - 1
    assert not [name for name in names if f"wf{created}9" in name]

    of_bundle = torc("logs", "analyze", packed["path"], "-f", "json").json
    of_folder = torc("logs", "analyze", created, "-f", "json").json
    assert (of_bundle["workflow_id"], of_bundle["issues"]) == (created, of_folder["issues"])
    [issue] = [each for each in of_folder["issues"] if each["file"].endswith(".e")]
    assert (issue["line_number"], issue["severity"]) == (1, "error")
    assert issue["file"].startswith(f"job_stdio/job_wf{created}_j")
    assert "No space left" in torc("logs", "analyze", created).out
    assert [path.name for path in torc.folder.glob(".wf*")] == []


def test_a_folder_without_logs_of_the_workflow_is_refused(torc: Torc, spec: SpecWriter) -> None:
    created = torc("create", spec(jobs={"a": "true"}), "-f", "json").json["workflow_id"]
    (torc.folder / "output").mkdir()
    assert f"holds no logs of workflow {created}" in torc("logs", "bundle", created, code=2).err


def test_what_runs_is_listed_with_its_node(torc: Torc, spec: SpecWriter) -> None:
    go_on = torc.folder / "go_on"
    created = torc("create", spec(jobs={"slow": f"until [ -e {go_on} ]; do sleep 0.1; done"}), "-f", "json").json
    runner = torc.start("run", created["workflow_id"])
    try:
        listed = wait_until(lambda: torc("jobs", "running", created["workflow_id"], "-f", "json").json, "it runs")
        assert [(job["job_name"], job["compute_node_name"]) for job in listed] == [("slow", gethostname())]
        assert "slow" in torc("jobs", "running", created["workflow_id"]).out
    finally:
        go_on.touch()
        runner.communicate(timeout=120)
    assert "No running jobs found" in torc("jobs", "running", created["workflow_id"]).err
