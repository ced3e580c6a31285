"""Actions on the command line: carried out although a runner died or nobody ran, and shown as they ended."""

from pathlib import Path
from typing import Any

import pytest
from helpers import wait_until
from torc_process import SpecWriter, Torc


def command(trigger: str, *commands: str, **fields: Any) -> dict[str, Any]:
    return {"trigger_type": trigger, "action_type": "run_commands", "commands": list(commands)} | fields


def test_actions_that_became_due_by_a_decision_are_carried_out_by_the_next_run(torc: Torc, spec: SpecWriter) -> None:
    actions = [
        command("on_workflow_complete", f"touch {torc.folder}/complete"),
        command("on_jobs_complete", f"touch {torc.folder}/jobs", jobs=["bad"]),
    ]
    workflow_id = torc("run", spec(jobs={"bad": "exit 3"}, actions=actions), "-f", "json", code=1).json["workflow_id"]
    job_id = torc("jobs", "list", workflow_id, "-f", "json").json[0]["id"]
    decided = torc("failures", "classify", workflow_id, "--job", job_id, "--fail", "--reason", "known")
    assert f"else: torc run {workflow_id}" in decided.err
    assert "(on_workflow_complete)" in decided.err
    assert not (torc.folder / "complete").exists()
    ran = torc("run", workflow_id, code=1)
    assert "not all its actions were carried out" in ran.err
    assert (torc.folder / "complete").exists()
    assert (torc.folder / "jobs").exists()
    assert "complete already" in torc("run", workflow_id, code=1).err


def test_a_failed_action_is_shown_as_failed_with_exit_code_and_log(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"a": "true"}, actions=[command("on_workflow_start", "true", "echo oh no; exit 3")])
    workflow_id = torc("run", path, "-f", "json").json["workflow_id"]
    (action,) = torc("workflows", "list-actions", workflow_id, "-f", "json").json
    assert (action["state"], action["return_code"]) == ("failed", 3)
    assert Path(action["log"]).read_text() == "oh no\n"
    table = torc("workflows", "list-actions", workflow_id).out
    assert "Failed" in table


@pytest.mark.parametrize(("retry", "times"), [(True, 2), (False, 1)])
def test_the_action_of_a_killed_runner_is_carried_out_again_unless_it_must_not_be(
    torc: Torc, spec: SpecWriter, retry: bool, times: int
) -> None:
    begun, go_on = torc.folder / "begun", torc.folder / "go_on"
    line = f"echo >> {begun}; while [ ! -e {go_on} ]; do sleep 0.05; done"
    actions = [command("on_workflow_start", line, retry=retry)]
    workflow_id = torc("create", spec(jobs={"a": "true"}, actions=actions), "-f", "json").json["workflow_id"]
    runner = torc.start("run", workflow_id)
    wait_until(begun.exists, "the action has begun")
    runner.kill()
    runner.communicate()
    go_on.touch()
    again = torc("run", workflow_id, code=0 if retry else 1)
    assert len(begun.read_text()) == times
    assert ("it is unknown whether" in again.err) is not retry
    (action,) = torc("workflows", "list-actions", workflow_id, "-f", "json").json
    assert action["state"] == ("executed" if retry else "unknown")
    if not retry:
        assert torc("actions", "rerun", workflow_id, action["id"], "-f", "json").json["state"] == "pending"
        torc("run", workflow_id)
        assert len(begun.read_text()) == 2


def test_what_failed_actions_printed_is_shown_and_an_event_and_the_status_tell_of_them(
    torc: Torc, spec: SpecWriter
) -> None:
    actions = [
        command("on_workflow_start", "echo fine"),
        command("on_workflow_complete", "echo one", "echo oh no >&2; exit 3", "echo never"),
    ]
    ran = torc("run", spec(jobs={"a": "true"}, actions=actions), "-f", "json")
    workflow_id = ran.json["workflow_id"]
    assert f"torc actions logs {workflow_id}" in ran.err
    shown = torc("actions", "logs", workflow_id)
    assert ("oh no" in shown.out, "fine" in shown.out, "never" in shown.out) == (True, False, False)
    first = torc("workflows", "list-actions", workflow_id, "-f", "json").json[0]["id"]
    logs = torc("actions", "logs", workflow_id, "--action", first, "-f", "json").json["logs"]
    assert [(log["command"], log["text"]) for log in logs] == [(1, "fine\n")]
    events = torc("events", "list", workflow_id, "--category", "action_failed", "-f", "json").json
    assert ["command 2 exited with 3" in event["data"]["message"] for event in events] == [True]
    status = torc("status", workflow_id)
    assert "Actions: 1 failed" in status.out
    assert torc("status", workflow_id, "-f", "json").json["failed_actions"] == 1


def test_a_cancellation_leaves_nothing_ready_and_its_actions_to_the_next_run(torc: Torc, spec: SpecWriter) -> None:
    ended = torc.folder / "ended"
    actions = [command("on_workflow_start", "true"), command("on_workflow_complete", f"echo >> {ended}")]
    workflow_id = torc("create", spec(jobs={"a": "true", "b": "true"}, actions=actions), "-f", "json").json[
        "workflow_id"
    ]
    torc("init", workflow_id)
    torc("cancel", workflow_id)
    status = torc("status", workflow_id)
    assert "Actions: 1 due, and wait for a runner" in status.out
    assert f"torc run {workflow_id}" in status.out
    counts = torc("status", workflow_id, "-f", "json").json["jobs_by_status"]
    assert (counts["ready"], counts["canceled"]) == (0, 2)
    assert "was canceled, but not all its actions" in torc("run", workflow_id, code=1).err
    assert len(ended.read_text()) == 1
    start, _ = torc("workflows", "list-actions", workflow_id, "-f", "json").json
    assert start["state"] == "pending"
    assert "was canceled" in torc("run", workflow_id, code=1).err
    torc("reinit", workflow_id)
    torc("run", workflow_id)
    assert len(ended.read_text()) == 2


def test_a_watch_carries_out_what_is_due_when_a_decision_ends_the_workflow(torc: Torc, spec: SpecWriter) -> None:
    done = torc.folder / "done"
    actions = [command("on_workflow_complete", f"echo >> {done}")]
    workflow_id = torc("run", spec(jobs={"bad": "exit 3"}, actions=actions), "-f", "json", code=1).json["workflow_id"]
    job_id = torc("jobs", "list", workflow_id, "-f", "json").json[0]["id"]
    torc("failures", "classify", workflow_id, "--job", job_id, "--fail", "--reason", "known")
    watched = torc("watch", workflow_id, "-p", "1", code=1)
    assert "No runner is there for what is due" in watched.out + watched.err
    assert len(done.read_text()) == 1
    torc("watch", workflow_id, "-p", "1", code=1)
    assert len(done.read_text()) == 1


def test_the_scenario_of_a_reinitialization_step_by_step(torc: Torc, spec: SpecWriter) -> None:
    notes, mended = torc.folder / "notes", torc.folder / "mended"
    path = torc.folder / "scenario.yaml"
    path.write_text(
        f"""
use_pending_failed: false
jobs:
- {{name: job1, command: "test -e {mended}"}}
- {{name: job2, command: "true"}}
- {{name: postprocess_job, command: "true", depends_on: [job1, job2]}}
actions:
- {{trigger_type: on_workflow_start, action_type: run_commands, commands: ["echo start >> {notes}"]}}
- trigger_type: on_jobs_ready
  action_type: run_commands
  jobs: [postprocess_job]
  commands: ["echo ready >> {notes}"]
"""
    )
    workflow_id = torc("run", path, "-f", "json", code=1).json["workflow_id"]
    assert notes.read_text().split() == ["start"]
    mended.touch()
    torc("workflows", "reset-status", workflow_id, "--failed-only", "--no-prompts")
    torc("reinit", workflow_id)
    torc("run", workflow_id)
    assert notes.read_text().split() == ["start", "start", "ready"]


def test_an_action_is_changed_and_deleted(torc: Torc, spec: SpecWriter) -> None:
    actions = [command("on_workflow_complete", "true"), command("on_workflow_start", "true")]
    workflow_id = torc("create", spec(jobs={"a": "true"}, actions=actions), "-f", "json").json["workflow_id"]
    end, start = (action["id"] for action in torc("actions", "list", workflow_id, "-f", "json").json)
    config = '{"commands": ["echo changed"]}'
    changed = torc("workflows", "update-action", workflow_id, end, "--json", config, "-f", "json").json
    assert changed["action_config"] == {"commands": ["echo changed"]}
    refused = torc("workflows", "update-action", workflow_id, end, "--num-allocations", "3", code=2)
    assert "action_config.num_allocations" in refused.err
    torc("workflows", "delete-action", workflow_id, start, "--no-prompts")
    assert [action["id"] for action in torc("actions", "list", workflow_id, "-f", "json").json] == [end]
    assert f"has no action {start}" in torc("workflows", "delete-action", workflow_id, start, code=1).err
