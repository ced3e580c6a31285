"""`torc jobs logs`: the newest attempt's output, wherever it can be had."""

import shutil

from torc_process import SpecWriter, Torc

HANDLER = [{"name": "twice", "rules": [{"match_all_exit_codes": True, "max_retries": 2}]}]


def test_logs_are_those_of_the_newest_attempt_unless_another_is_named(torc: Torc, spec: SpecWriter) -> None:
    command = "echo out $TORC_ATTEMPT_ID; seq 1 1000; echo err $TORC_ATTEMPT_ID >&2; exit 1"
    path = spec(jobs={"a": {"command": command, "failure_handler": "twice"}}, failure_handlers=HANDLER)
    workflow_id = torc("run", path, "-f", "json", code=1).json["workflow_id"]
    job_id = torc("jobs", "list", workflow_id, "-f", "json").json[0]["id"]

    both = torc("jobs", "logs", job_id)
    assert both.out.startswith("err 2\nout 2\n")
    assert f"job_wf{workflow_id}_j{job_id}_r1_a2.e" in both.err
    first = torc("jobs", "logs", job_id, "--attempt", 1, "--stdout", "-f", "json").json
    assert first["stdout"].startswith("out 1\n")
    assert "stderr" not in first
    assert torc("jobs", "logs", job_id, "--stdout", "--tail", 2).out == "999\n1000\n"
    assert "no such attempt" in torc("jobs", "logs", job_id, "--attempt", 7, code=1).err

    elsewhere = torc("run", path, "-o", "far/logs", "-f", "json", code=1).json["workflow_id"]
    (other,) = torc("jobs", "list", elsewhere, "-f", "json").json
    assert torc("jobs", "logs", other["id"]).out.startswith("err 2\nout 2\n")
    assert "not below nowhere" in torc("jobs", "logs", other["id"], "-o", "nowhere").err

    shutil.rmtree(torc.folder / "output")
    kept = torc("jobs", "logs", job_id)
    assert "what the server kept" in kept.err
    assert "err 2" in kept.out
