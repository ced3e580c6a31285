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
