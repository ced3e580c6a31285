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
    assert f"would run again: make (job 1): its input file {torc.folder}/raw changed" in " ".join(
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
