"""Reinitialization: exactly what changed runs again, with what depends on it, and the dry run says so before."""

import os
from typing import Any

from torc_process import SpecWriter, Torc

SPEC = """
name: changes
files:
- {{name: raw, path: {0}/raw}}
- {{name: other, path: {0}/other}}
- {{name: made, path: {0}/made}}
user_data:
- {{name: seed, data: 1}}
jobs:
- {{name: make, command: "cat {0}/raw > {0}/made", input_files: [raw], output_files: [made]}}
- {{name: use, command: "cat {0}/made", input_files: [made]}}
- {{name: last, command: "true", depends_on: [use]}}
- {{name: seeded, command: "true", input_user_data: [seed]}}
- {{name: apart, command: "cat {0}/other", input_files: [other]}}
"""


def started(torc: Torc, *options: str) -> int:
    for name in ("raw", "other"):
        (torc.folder / name).write_text(name)
    path = torc.folder / "changes.yaml"
    path.write_text(SPEC.format(torc.folder))
    workflow_id: int = torc("create", path, "-f", "json").json["workflow_id"]
    torc("init", workflow_id, *options)
    torc("run", workflow_id)
    return workflow_id


def planned(torc: Torc, workflow_id: int, *options: str) -> dict[str, str]:
    data = torc("reinit", workflow_id, "--dry-run", *options, "-f", "json").json
    return {row["job_name"]: row["reason"] for row in data["jobs_to_reset"]}


def statuses(torc: Torc, workflow_id: int) -> dict[str, Any]:
    return {job["name"]: job["status"] for job in torc("jobs", "list", workflow_id, "-f", "json").json}


def touch(torc: Torc, name: str) -> None:
    os.utime(torc.folder / name, (1, 1))


def test_the_dry_run_names_what_would_run_again_and_why(torc: Torc) -> None:
    workflow_id = started(torc)
    assert planned(torc, workflow_id) == {}
    assert "no job changed" in torc("reinit", workflow_id, "--dry-run").out
    touch(torc, "raw")
    seed = torc("user-data", "list", workflow_id, "-f", "json").json[0]["id"]
    torc("user-data", "update", seed, "--data", "2")
    expected = {
        "make": f"its input file {torc.folder}/raw changed",
        "use": "it depends on make",
        "last": "it depends on use",
        "seeded": "its command, user data, files or dependencies changed",
    }
    assert planned(torc, workflow_id) == expected
    [make] = [job["id"] for job in torc("jobs", "list", workflow_id, "-f", "json").json if job["name"] == "make"]
    assert f"would run again: make (job {make}): its input file {torc.folder}/raw changed" in " ".join(
        torc("reinit", workflow_id, "--dry-run").out.split()
    )
    assert set(statuses(torc, workflow_id).values()) == {"completed"}
    assert planned(torc, workflow_id) == expected, "a dry run changes nothing"
    done = torc("reinit", workflow_id, "-f", "json").json
    assert {row["job_name"]: row["reason"] for row in done["reset_reasons"]} == {
        name: expected[name] for name in ("make", "seeded")
    }
    again = {"make": "ready", "use": "blocked", "last": "blocked", "seeded": "ready", "apart": "completed"}
    assert statuses(torc, workflow_id) == again
    torc("run", workflow_id)
    assert planned(torc, workflow_id) == {}


def test_an_output_file_that_vanished_is_made_again(torc: Torc) -> None:
    workflow_id = started(torc)
    (torc.folder / "made").unlink()
    assert planned(torc, workflow_id)["make"] == f"its output file {torc.folder}/made is missing"
    torc("reinit", workflow_id)
    torc("run", workflow_id)
    assert (torc.folder / "made").exists()
    assert planned(torc, workflow_id) == {}


def test_by_content_a_file_changed_when_its_content_did(torc: Torc) -> None:
    workflow_id = started(torc, "--content")
    touch(torc, "raw")
    assert planned(torc, workflow_id, "--content") == {}
    assert planned(torc, workflow_id)["make"].endswith("raw changed"), "by time it did"
    (torc.folder / "other").write_text("OTHER")
    expected = {"apart": f"the content of its input file {torc.folder}/other changed"}
    assert planned(torc, workflow_id, "--content") == expected
    torc("reinit", workflow_id, "--content")
    torc("run", workflow_id)
    assert planned(torc, workflow_id, "--content") == {}
    (torc.folder / "raw").write_text("RAW")
    torc("reinit", workflow_id, "--content")
    torc("run", workflow_id)
    assert planned(torc, workflow_id, "--content") == {}, "who reads what was made anew ran after it"


def test_what_was_canceled_or_reset_is_named_too(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("create", spec(jobs={"a": "true", "b": "true"}), "-f", "json").json["workflow_id"]
    torc("init", workflow_id)
    torc("cancel", workflow_id)
    assert set(planned(torc, workflow_id).values()) == {"it was canceled with the workflow"}
    torc("workflows", "reset-status", workflow_id, "--no-prompts")
    assert set(planned(torc, workflow_id).values()) == {"it was reset"}


def test_the_server_initializes_in_the_background_where_asked(torc: Torc, spec: SpecWriter) -> None:
    jobs = {"a": "true", "b": {"command": "true", "depends_on": ["a"]}}
    workflow_id = torc("create", spec(jobs=jobs), "-f", "json").json["workflow_id"]
    task = torc("init", workflow_id, "--async", "-f", "json").json
    assert (task["operation"], task["workflow_id"]) == ("initialize_jobs", workflow_id)
    ended = torc("tasks", "wait", task["id"], "--timeout", "60", "-f", "json").json
    assert ended["status"] == "succeeded"
    assert statuses(torc, workflow_id) == {"a": "ready", "b": "blocked"}
    again = torc("reinit", workflow_id, "--async", "--wait-timeout", "60", "-f", "json").json
    assert again["status"] == "succeeded"
    listed = torc("tasks", "list", workflow_id, "-f", "json").json
    assert [row["status"] for row in listed] == ["succeeded", "succeeded"]
    assert torc("tasks", "get", task["id"], "-f", "json").json == ended
    assert "add --async" in torc("init", workflow_id, "--wait-timeout", "1", code=2).err
    assert "no task 99999999" in torc("tasks", "get", 99999999, code=1).err


def test_a_reset_names_the_run_with_the_output_directory_of_the_last_one(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("run", spec(jobs={"a": "true"}), "-o", "elsewhere", "-f", "json").json["workflow_id"]
    reset = torc("workflows", "reset-status", workflow_id, "--no-prompts")
    assert f"torc run {workflow_id} -o {torc.folder}/elsewhere" in reset.out
    torc("run", workflow_id)
    last = torc("workflows", "reset-status", workflow_id, "--no-prompts").out
    assert " -o " not in last


def test_without_a_server_the_whole_command_is_named_that_starts_one(torc: Torc) -> None:
    refused = torc("reinit", 3, "--dry-run", "--url", "http://127.0.0.1:1/torc-service/v1", code=1)
    assert "`torc -s reinit 3 --dry-run`" in refused.err
