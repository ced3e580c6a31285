"""Actions with several runners at once, and with a runner that is killed in the middle of one."""

from collections import Counter

from helpers import wait_until
from torc_process import Torc

TRIGGERS = ("on_workflow_start", "on_jobs_ready", "on_jobs_complete", "on_workflow_complete")
WORKERS = ("on_worker_start", "on_worker_complete")


def test_four_runners_at_once_carry_out_each_action_once_and_persistent_ones_once_each(torc: Torc) -> None:
    ran = torc.folder / "ran"
    lines = ["name: four", "jobs:"]
    # each job waits until four runners have begun, so that none of them leaves before the others came
    gate = f"until [ $(grep -c on_worker_start {ran}) -ge 4 ]; do sleep 0.05; done"
    lines += [f"- {{name: j{number}, command: '{gate}'}}" for number in range(4)]
    lines += ["- {name: last, command: 'true', depends_on: [j0, j1, j2, j3]}", "actions:"]
    for trigger in (*TRIGGERS, *WORKERS):
        jobs = ", jobs: [j0, j1, j2, j3]" if "jobs" in trigger else ""
        lines.append(
            f"- {{trigger_type: {trigger}, action_type: run_commands, commands: ['echo {trigger} >> {ran}']{jobs}}}"
        )
    path = torc.folder / "four.yaml"
    path.write_text("\n".join(lines))
    workflow_id = torc("create", path, "-f", "json").json["workflow_id"]
    torc("init", workflow_id)
    runners = [torc.start("run", workflow_id, "--num-cpus", "1", "-o", torc.folder / f"out{n}") for n in range(4)]
    printed = [runner.communicate(timeout=300) for runner in runners]
    assert [runner.returncode for runner in runners] == [0] * 4, printed
    counts = Counter(ran.read_text().split())
    assert counts == Counter(dict.fromkeys(TRIGGERS, 1) | dict.fromkeys(WORKERS, 4))


def test_an_action_whose_runner_was_killed_is_shown_and_carried_out_again(torc: Torc) -> None:
    begun, go_on, ended = (torc.folder / name for name in ("begun", "go_on", "ended"))
    command = f"echo >> {begun}; while [ ! -e {go_on} ]; do sleep 0.05; done; echo >> {ended}"
    path = torc.folder / "killed.yaml"
    path.write_text(
        "name: killed\njobs:\n- {name: a, command: 'true'}\nactions:\n"
        f"- {{trigger_type: on_workflow_complete, action_type: run_commands, commands: ['{command}']}}\n"
    )
    workflow_id = torc("create", path, "-f", "json").json["workflow_id"]
    runner = torc.start("run", workflow_id)
    wait_until(begun.exists, "the action has begun")
    action_id = torc("actions", "list", workflow_id, "-f", "json").json[0]["id"]
    assert torc("actions", "rerun", workflow_id, action_id, code=1).err.count("is being carried out") == 1
    runner.kill()
    runner.communicate()
    (seen,) = torc("actions", "list", workflow_id, "-f", "json").json
    assert seen["state"] == "claimed"
    assert "Claimed by runner" in torc("actions", "list", workflow_id).out
    go_on.touch()
    again = torc("actions", "rerun", workflow_id, action_id)
    assert f"torc run {workflow_id}" in again.out + again.err
    assert torc("actions", "list", workflow_id, "-f", "json").json[0]["state"] == "pending"
    torc("run", workflow_id)
    (done,) = torc("actions", "list", workflow_id, "-f", "json").json
    assert (done["state"], len(begun.read_text())) == ("executed", 2)
    torc("run", workflow_id)
    assert len(begun.read_text()) == 2
