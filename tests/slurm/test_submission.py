"""From a workflow file to allocations on a real Slurm: submitted once, refused before anything is created."""

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from submission_site import SubmissionSite, action, jobs, requirement, scheduler

from torc_core.slurm.script import WARNING_S


def workflow_of(printed: str) -> int:
    """The id in `Created workflow 42 with …`."""
    return int(printed.split()[2])


def meet(count: int) -> str:
    """The command of a job that waits until so many run at the same time.

    Without it a quick runner does all of them, and cancels what is queued and not needed any more.
    """
    return f"touch begun_{{i}} && until [ $(ls begun_* | wc -l) = {count} ]; do sleep 0.2; done"


def test_a_file_is_submitted_and_completed_in_allocations_of_one_array(login: SubmissionSite) -> None:
    command = f'test -n "$SLURM_JOB_ID" && {meet(3)}'
    file = login.file(jobs=[jobs(3, "small", command)], resource_requirements=[requirement("small", runtime="PT10M")])
    printed = login.torc("submit-slurm", "--account", "proj", "-p", "1", file)
    created, submitted = printed.out.splitlines()
    workflow_id = workflow_of(created)
    assert created == f"Created workflow {workflow_id} with 3 jobs"
    assert submitted == "Submitted to Slurm with 3 allocations"
    assert "Submitted small_scheduler (0-2) with ID=" in printed.err
    assert "this machine alone" in printed.err
    login.await_success(workflow_id)
    login.await_that(
        lambda: set(login.statuses(workflow_id)) == {"complete"}, workflow_id, "every allocation is complete"
    )
    array, *tasks = login.records(workflow_id)
    assert (array.array, len(tasks), {each.array_record_id for each in tasks}) == ("0-2", 3, {array.id})
    assert len(login.keys(workflow_id)) == 3

    [script] = login.output.glob("slurm_script_*.sh")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert f"--signal=B:USR2@{WARNING_S}\n" in script.read_text()
    assert login.site.server.token not in script.read_text()
    assert len(list(login.output.glob(f"slurm_output_wf{workflow_id}_sl*.o"))) == 3
    assert len(list(login.output.glob(f"slurm_output_wf{workflow_id}_sl*.e"))) == 3


def test_allocations_of_later_jobs_are_asked_for_by_the_runner_that_makes_them_ready(login: SubmissionSite) -> None:
    body: dict[str, Any] = {
        "jobs": [
            {"name": "first", "command": "true", "resource_requirements": "small"},
            {"name": "wide", "command": "true", "depends_on": ["first"], "resource_requirements": "wide"},
        ],
        "resource_requirements": [requirement("small", cpus=1, memory="50m"), requirement("wide", cpus=4)],
    }
    printed = login.torc("submit-slurm", "-a", "proj", "-p", "1", login.file(**body))
    workflow_id = workflow_of(printed.out)
    assert printed.out.splitlines()[1:] == [
        "Submitted to Slurm with 1 allocation",
        "1 allocation more will be asked for when their jobs are ready",
    ]
    login.await_success(workflow_id)
    assert len(login.keys(workflow_id)) == 2
    assert {each.state for each in login.site.client.actions(workflow_id)} == {"executed"}


def test_two_processes_that_fire_the_same_action_submit_once(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[{"name": "only", "command": "sleep 600"}],
        slurm_schedulers=[scheduler()],
        actions=[action(count=2, serialize_allocations=True)],
    )
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    with ThreadPoolExecutor() as pool:
        printed = list(pool.map(lambda _: login.torc("-f", "json", "submit", workflow_id), range(2)))
    assert sorted(each.json["allocation_count"] for each in printed) == [0, 2]
    assert len(login.keys(workflow_id)) == 2
    first, second = login.records(workflow_id)
    shown = login.cluster.call("scontrol", "show", "job", str(second.scheduler_id))
    assert f"Dependency=afterany:{first.scheduler_id}" in shown
    assert {f"with ID={each.scheduler_id}" in "".join(p.err for p in printed) for each in (first, second)} == {True}


def test_a_process_that_is_killed_between_sbatch_and_record_has_submitted_once(login: SubmissionSite) -> None:
    folder = login.site.folder
    programs = folder / "programs"
    programs.mkdir()
    where = subprocess.run(["which", "sbatch"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper = programs / "sbatch"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *--test-only*) exec {where} "$@";; esac\n'
        f'{where} "$@" > {folder}/accepted\nkill -9 $PPID\n'
    )
    wrapper.chmod(0o755)
    path = login.torc.environment["PATH"]
    killed = SubmissionSite.at(login.site, PATH=f"{programs}:{path}")
    file = login.file(
        jobs=[{"name": "only", "command": "sleep 600"}], slurm_schedulers=[scheduler()], actions=[action(count=2)]
    )
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    killed.torc("submit", workflow_id, code=-9)
    assert (folder / "accepted").read_text().strip()
    again = login.torc("-f", "json", "submit", workflow_id).json
    assert again["allocation_count"] == 2
    assert [each["scheduler_id"] for each in again["allocations"]] == [int((folder / "accepted").read_text())]
    assert len(login.keys(workflow_id)) == 2
    assert login.torc("-f", "json", "submit", workflow_id).json["allocation_count"] == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"account": "nosuch"}, "nvalid account"),
        ({"partition": "nosuch"}, "there is no partition nosuch"),
        ({"qos": "nosuch"}, "nvalid qos"),
        ({"mem": "900g"}, "its nodes have 3.91 GB"),
        ({"walltime": "03:00:00"}, "is over its limit of 1h"),
        ({"nodes": 7}, "7 nodes are over its limit of 3"),
        ({"gres": "gpu:1"}, "its nodes do not have the GPUs of gpu:1"),
        ({"extra": "--nodelist=nosuch"}, "nvalid node name"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_slurm_refuses_or_never_starts_is_refused_before_anything_is_created(
    login: SubmissionSite, changed: dict[str, Any], message: str
) -> None:
    def count() -> int:
        return login.site.client.workflows.page(limit=1).total_count

    before = count()
    file = login.file(
        jobs=[{"name": "only", "command": "true"}], slurm_schedulers=[scheduler(**changed)], actions=[action()]
    )
    printed = login.torc("submit", file, code=2)
    assert message in printed.err
    assert "nothing was created or submitted" in printed.err
    assert count() == before


def test_a_refusal_fails_the_action_and_is_tried_again_only_when_somebody_asks(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[{"name": "only", "command": "true"}],
        slurm_schedulers=[scheduler(account="nosuch")],
        actions=[action()],
    )
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    refused = login.torc("submit", workflow_id, code=1)
    assert "Slurm refuses the allocation" in refused.err
    assert f"torc slurm list {workflow_id}" in refused.err
    [failed] = login.site.client.actions(workflow_id)
    assert failed.state == "failed"
    assert "nvalid account" in (failed.failure or "")
    assert login.records(workflow_id) == []
    [record] = login.torc("-f", "json", "slurm", "list", workflow_id).json
    login.torc("slurm", "update", record["id"], "--account", "proj")
    assert login.torc("-f", "json", "submit", workflow_id).json["allocation_count"] == 1
    assert [each.state for each in login.site.client.actions(workflow_id)] == ["executed"]


def test_a_controller_that_is_stopped_during_the_submission_gets_it_once(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[{"name": "only", "command": "sleep 600"}], slurm_schedulers=[scheduler()], actions=[action()]
    )
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    login.torc("init", workflow_id)
    controller = login.cluster.daemon("slurmctld")
    controller.pause()
    process = login.torc.start("submit", workflow_id)
    try:
        login.await_that(lambda: login.statuses(workflow_id) in ([], ["submitting"]), workflow_id, "it has begun")
        login.await_that(lambda: _asks_slurm(process.pid), workflow_id, "it waits for the controller")
    finally:
        controller.resume()
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out == "Submitted to Slurm with 1 allocation\n"
    assert len(login.keys(workflow_id)) == 1


def _asks_slurm(pid: int) -> bool:
    """Whether a program of Slurm is a child of the process."""
    names = []
    for stat_file in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat_file.read_text().rpartition(")")
        except OSError:
            continue
        if rest.split()[1] == str(pid):
            names.append(name.partition("(")[2])
    return any(name in ("sbatch", "squeue", "scontrol", "sinfo") for name in names)


def test_a_generated_file_can_be_submitted_as_it_stands(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[
            jobs(4, "small"),
            {"name": "last", "command": "true", "depends_on_regexes": [".*_1"], "resource_requirements": "wide"},
        ],
        resource_requirements=[requirement("small", cpus=2), requirement("wide")],
    )
    generated = login.site.folder / "generated.yaml"
    printed = login.torc("slurm", "generate", file, "-a", "proj", "-o", generated)
    assert printed.out.startswith(f"Wrote {generated}: 5 jobs in 3 allocations\nNext: ")
    body = yaml.safe_load(generated.read_text())
    assert [each["scheduler"] for each in body["jobs"]] == ["small_scheduler", "wide_stage2_scheduler"]
    assert body["jobs"][0]["parameters"] == {"i": "1:4"}
    assert login.torc("-f", "json", "submit", "--dry-run", generated).json == {
        "dry_run": True,
        "job_count": 5,
        "allocation_count": 2,
    }
    assert login.torc("slurm", "generate", generated, "-a", "proj", code=2).err.startswith("Error: ")
    assert yaml.safe_load(login.torc("slurm", "generate", file, "-a", "proj").out)["actions"] == body["actions"]
    assert "would be submitted" in login.torc("submit-slurm", "-a", "proj", "--dry-run", file).out


def test_nodes_are_scheduled_by_hand_for_a_workflow_that_exists(login: SubmissionSite) -> None:
    file = login.file(jobs=[jobs(2, "small", "sleep 600")], resource_requirements=[requirement("small", cpus=2)])
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    login.torc("init", workflow_id)
    assert "--auto" in login.torc("slurm", "schedule-nodes", workflow_id, code=1).err
    planned = login.torc("-f", "json", "slurm", "schedule-nodes", workflow_id, "--auto", "-a", "proj").json
    assert (planned["allocation_count"], planned["job_count"]) == (1, 2)
    more = login.torc("-f", "json", "slurm", "schedule-nodes", workflow_id, "-n", "2").json
    assert more["allocation_count"] == 2
    assert len(login.keys(workflow_id)) == 3


def test_nothing_is_submitted_for_a_workflow_whose_jobs_have_ended(login: SubmissionSite) -> None:
    file = login.file(jobs=[{"name": "only", "command": "true"}], slurm_schedulers=[scheduler()])
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    login.torc("run", workflow_id)
    refused = login.torc("slurm", "schedule-nodes", workflow_id, code=1)
    assert f"no job of workflow {workflow_id} can run, as all of its jobs have ended" in refused.err
    assert f"torc reinit {workflow_id}" in refused.err
    assert login.records(workflow_id) == []
    forced = login.torc("-f", "json", "slurm", "schedule-nodes", workflow_id, "--force").json
    assert forced["allocation_count"] == 1


def test_a_workflow_is_created_with_its_allocations_and_submitted_later(login: SubmissionSite) -> None:
    file = login.file(jobs=[jobs(2, "small", "sleep 600")], resource_requirements=[requirement("small")])
    assert (
        "2 jobs would be created in 2 allocations"
        in login.torc("workflows", "create-slurm", "-a", "proj", "--dry-run", file).out
    )
    printed = login.torc("workflows", "create-slurm", "-a", "proj", file).out
    workflow_id = workflow_of(printed)
    assert printed.splitlines() == [
        f"Created workflow {workflow_id} with 2 jobs; 2 allocations planned, none submitted yet",
        f"Next: torc submit {workflow_id}",
    ]
    assert login.records(workflow_id) == []
    assert login.torc("-f", "json", "submit", workflow_id).json["allocation_count"] == 2


def test_a_recovery_asks_for_the_allocations_that_were_typed(login: SubmissionSite) -> None:
    file = login.file(jobs=[{"name": "bad", "command": "exit 3"}], slurm_schedulers=[scheduler()])
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    login.torc("run", workflow_id, code=1)
    recover = ("-f", "json", "recover", workflow_id, "--dry-run", "--retry-unknown")
    wanted = ("--partition", "long", "--walltime", "00:20:00")
    [planned] = login.torc(*recover, *wanted).json["result"]["slurm_dry_run"]["planned_schedulers"]
    assert (planned["partition"], planned["walltime"]) == ("long", "00:20:00")
    refused = login.torc(*recover, "--walltime", "soon", code=2).json
    assert "--walltime 'soon' is no time" in refused["error"]
    local = login.file(jobs=[{"name": "only", "command": "true"}])
    local_id = login.torc("-f", "json", "create", local).json["workflow_id"]
    nothing = login.torc("recover", local_id, "--dry-run", "--partition", "long", code=2).err
    assert f"--partition would do nothing: workflow {local_id} gets no nodes from a scheduler here" in nothing
    assert "do nothing without --recover" in login.torc("watch", workflow_id, "--partition", "long", code=2).err


def test_a_dry_recovery_before_anything_ran_names_the_watch(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[{"name": "only", "command": "sleep 600"}],
        slurm_schedulers=[scheduler(extra="--begin=now+1hour")],
        actions=[action()],
    )
    workflow_id = login.torc("-f", "json", "submit", file).json["workflow_id"]
    previewed = login.torc("recover", workflow_id, "--dry-run", code=None).out
    assert f"1 job(s) run when their allocations begin; follow them with: torc watch {workflow_id}" in previewed


def test_a_watcher_fires_what_is_due(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[{"name": "only", "command": "true"}],
        slurm_schedulers=[scheduler()],
        actions=[action(start_one_worker_per_node=True)],
    )
    workflow_id = login.torc("-f", "json", "create", file).json["workflow_id"]
    login.torc("init", workflow_id)
    printed = login.torc("watch", workflow_id, "-p", "1")
    assert "submitted 1 allocation(s): " in printed.out
    assert "completed successfully" in printed.out
    assert len(login.keys(workflow_id)) == 1
    [text] = [path.read_text() for path in login.output.glob("slurm_script_*.sh")]
    assert "\nexec srun --ntasks-per-node=1 --wait=0 --kill-on-bad-exit=0 --export=ALL " in text


def test_a_file_on_stdin_is_submitted_and_json_has_the_ids(login: SubmissionSite) -> None:
    file = login.file(
        jobs=[{"name": "only", "command": "sleep 600"}], slurm_schedulers=[scheduler()], actions=[action()]
    )
    printed = login.torc("-f", "json", "submit", "-", stdin=file.read_text())
    answer = printed.json
    [record] = login.records(answer["workflow_id"])
    assert [each["scheduler_id"] for each in answer["allocations"]] == [record.scheduler_id]
    assert f"Submitted s with ID={record.scheduler_id}" in printed.err
    again = login.torc("submit", answer["workflow_id"])
    assert again.out == f"Nothing was submitted: no schedule_nodes action of workflow {answer['workflow_id']} is due\n"


def test_nothing_is_submitted_with_a_server_of_the_command_alone_or_without_slurm(login: SubmissionSite) -> None:
    file = login.file(jobs=[{"name": "only", "command": "true"}], slurm_schedulers=[scheduler()], actions=[action()])
    alone = login.torc("-s", "submit", file, code=2)
    assert "when it is gone" in alone.err
    empty = login.site.folder / "empty"
    empty.mkdir()
    elsewhere = SubmissionSite.at(login.site, PATH=str(empty))
    assert "not on PATH" in elsewhere.torc("submit-slurm", "-a", "proj", file, code=2).err


def test_whole_nodes_with_a_runner_on_each_and_arrays_with_a_cap(login: SubmissionSite) -> None:
    whole = {"name": "s", "account": "proj", "walltime": "00:10:00"}
    file = login.file(
        jobs=[jobs(2, "wide", meet(2))],
        resource_requirements=[requirement("wide", runtime="PT5M")],
        slurm_schedulers=[{**whole, "nodes": 2}, scheduler("later")],
        actions=[
            action(start_one_worker_per_node=True),
            action("on_workflow_complete", of="later", count=3, max_at_once=1),
        ],
    )
    workflow_id = login.torc("-f", "json", "submit", "-p", "1", file).json["workflow_id"]
    login.await_success(workflow_id)
    runners = login.site.runners(workflow_id)
    assert {(each.hostname, each.num_cpus) for each in runners} == {(node, 4) for node in login.cluster.nodes[:2]}

    def has_fired() -> bool:
        return "0-2%1" in [record.array for record in login.records(workflow_id)]

    login.await_that(has_fired, workflow_id, "the action of the end is carried out by a runner")
