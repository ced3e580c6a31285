"""A cluster seen from a terminal: accounting, logs, the queue in the status, and cancellation, on a real Slurm."""

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from helpers import ServerProcess
from mcp import Client
from slurm_cluster import TestCluster
from slurm_daemons import await_that
from submission_site import SubmissionSite, jobs, requirement
from torc_process import Torc

from torc_client.allocations.standing import with_accounted_states
from torc_client.http import TorcClient
from torc_client.recovery.allocations import allocation_key
from torc_client.settings import load_settings
from torc_client.slurm.cluster import SlurmCluster
from torc_client.slurm.programs import SlurmPrograms
from torc_core.api.drafts import JobDraft, WorkflowDraft
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.workflows import WorkflowModel
from torc_core.slurm.standing import view_allocations
from torc_mcp.server import build_server
from torc_mcp.settings import McpSettings

STATES = ("sacct", "-n", "-P", "-o", "JobID,State", "-j")


@dataclass(frozen=True)
class Looker:
    """A terminal on the test cluster, and a workflow with two jobs whose allocations are submitted by hand."""

    cluster: TestCluster
    client: TorcClient
    torc: Torc
    workflow_id: int
    job_ids: tuple[int, int]

    def submit(self, body: str, *options: str, **names: str) -> int:
        """Submit a script whose output goes where that of the workflow's allocations goes; record it."""
        script = self.torc.folder / "allocation.sh"
        script.write_text(f"#!/bin/sh\n{body}\n")
        output = self.torc.folder / "output"
        output.mkdir(exist_ok=True)
        stem = f"{output}/slurm_output_wf{self.workflow_id}_sl%j"
        chosen = ("--account=proj", "--time=5", "--mem=200M", f"--output={stem}.o", f"--error={stem}.e")
        name = names.get("name", f"torc-wf{self.workflow_id}-test")
        printed = self.cluster.call("sbatch", "--parsable", f"--job-name={name}", *chosen, *options, str(script))
        scheduler_id = int(printed)
        self.record(scheduler_id)
        return scheduler_id

    def record(self, scheduler_id: int, status: str = "pending") -> None:
        self.client.scheduled_compute_nodes.create(
            ScheduledComputeNodeModel(
                workflow_id=self.workflow_id,
                scheduler_id=scheduler_id,
                scheduler_config_id=987654,
                scheduler_type="slurm",
                status=status,
            )
        )

    def record_of(self, scheduler_id: int) -> ScheduledComputeNodeModel:
        found = self.client.scheduled_compute_nodes.list_all(workflow_id=self.workflow_id, scheduler_id=scheduler_id)
        return found[0]

    def state(self, scheduler_id: int) -> str:
        return self.cluster.call("squeue", "-h", "-t", "all", "-o", "%T", "-j", str(scheduler_id)).strip()

    def await_accounted(self, scheduler_id: int, *, steps: int) -> None:
        def is_accounted() -> bool:
            words = ("sacct", "-n", "-P", "-o", "JobID,State", "-j", str(scheduler_id))
            rows = [line.split("|") for line in self.cluster.call(*words).splitlines()]
            return len(rows) == steps + 1 and all(state not in ("RUNNING", "PENDING") for _, state in rows)

        await_that(is_accounted, "accounting has the allocation with all its steps")


@pytest.fixture
def looker(cluster: TestCluster, shared_server: ServerProcess, shared_client: TorcClient, tmp_path: Path) -> Looker:
    jobs = [JobDraft(name="train", command="true"), JobDraft(name="score", command="true")]
    workflow = WorkflowModel(name="seen", user="tester")
    created = shared_client.create_from_draft(WorkflowDraft(workflow=workflow, jobs=jobs))
    workflow_id = created.workflow.id or 0
    ids = [job.id or 0 for job in shared_client.jobs.list_all(workflow_id=workflow_id, sort_by="id")]
    torc = Torc(tmp_path, shared_server.url, environment=cluster.environment)
    return Looker(cluster, shared_client, torc, workflow_id, (ids[0], ids[1]))


async def ask_agent(looker: Looker) -> Any:
    async with Client(build_server(McpSettings(client=load_settings(url=looker.client.url)), looker.client)) as agent:
        answer = await agent.call_tool("get_slurm_sacct", {"workflow_id": looker.workflow_id})
    assert not answer.is_error, answer.content
    return answer.structured_content


def test_what_jobs_used_in_their_steps_is_shown(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (f"wf{looker.workflow_id}_j{job_id}_r1_a1" for job_id in looker.job_ids)
    scheduler_id = looker.submit(
        f"srun -N2 -n2 --job-name={first} sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'\n"
        f"srun -N1 -n1 --job-name={second} python3 -c 'print(len(bytearray(600 << 20)))'\n"
        "srun -N1 -n1 false",
        "--nodes=2",
    )
    looker.await_accounted(scheduler_id, steps=4)
    torc, workflow_id = looker.torc, looker.workflow_id

    sacct = torc("slurm", "sacct", workflow_id, "-f", "json").json
    assert (sacct["workflow_id"], sacct["total_slurm_jobs"], sacct["errors"]) == (workflow_id, 1, [])
    rows = {row["job_step"]: row for row in sacct["summary"]}
    assert set(rows) == {"", "batch", "0", "1", "2"}
    assert (rows["0"]["job_name"], rows["0"]["state"], rows["2"]["exit_code"]) == ("train", "COMPLETED", "1:0")
    assert {"slurm_job_id", "state", "exit_code", "elapsed", "max_rss", "cpu_time", "nodes"} <= set(rows["0"])
    if looker.cluster.limits_memory:
        assert (rows["1"]["state"], rows["1"]["max_rss_is_low"]) == ("OUT_OF_MEMORY", True)
        assert "too low" in sacct["note"]
    table = torc("slurm", "sacct", workflow_id)
    assert f"{scheduler_id}.batch" in table.out
    assert "Never size by it" in table.err
    assert max(map(len, table.out.splitlines())) <= 80

    stats = torc("slurm", "stats", workflow_id, "-f", "json").json
    assert [(each["job_name"], each["run_id"], each["attempt_id"]) for each in stats] == [
        ("train", 1, 1),
        ("score", 1, 1),
    ]
    assert stats[0]["node_count"] == 2
    assert stats[0]["cpu_time_s"] > 0
    assert [
        each["job_id"] for each in torc("slurm", "stats", workflow_id, "-j", looker.job_ids[1], "-f", "json").json
    ] == [looker.job_ids[1]]

    usage = torc("slurm", "usage", workflow_id, "-f", "json").json
    [allocation] = usage["allocations"]
    assert (allocation["nodes"], usage["total_nodes"]) == (2, 2)
    assert usage["total_node_time_seconds"] == 2 * allocation["elapsed_s"]
    assert "core-hours used" in torc("slurm", "usage", workflow_id).out

    torc("slurm", "sacct", workflow_id, "--save-json")
    assert (torc.folder / "output" / f"sacct_{scheduler_id}.json").read_text().lstrip().startswith("{")

    for name, value in looker.cluster.environment.items():
        monkeypatch.setenv(name, value)
    answer = anyio.run(ask_agent, looker)
    assert (answer["total_slurm_jobs"], answer["rows_total"]) == (1, 5)
    assert answer["summary"][0]["state"] not in ("COMPLETED", "RUNNING"), "what went wrong stands first"
    assert "score" in {row.get("job_name") for row in answer["summary"]}

    issues = torc("slurm", "parse-logs", workflow_id, "-f", "json").json
    assert (issues["slurm_jobs_count"], issues["files_scanned"]) == (1, 2)
    assert {(issue["slurm_job_id"], issue["file"]) for issue in issues["issues"]} == {
        (str(scheduler_id), f"slurm_output_wf{workflow_id}_sl{scheduler_id}.e")
    }
    assert issues["errors"] == issues["total_issues"] == len(issues["issues"])
    assert "srun: error: " in torc("slurm", "parse-logs", workflow_id).out
    analysis = torc("logs", "analyze", workflow_id, "-f", "json").json
    assert (analysis["workflow_id"], analysis["error_count"]) == (workflow_id, issues["errors"])


def test_an_allocation_that_accounting_does_not_know_is_named(looker: Looker) -> None:
    looker.record(987_654)
    printed = looker.torc("slurm", "sacct", looker.workflow_id)
    assert "accounting knows no allocation 987654" in printed.err
    assert "No rows found" in printed.err


def test_an_ended_allocation_that_the_queue_has_forgotten_has_its_accounted_state(looker: Looker) -> None:
    scheduler_id = looker.submit("exit 3")
    looker.await_accounted(scheduler_id, steps=1)
    forgotten = view_allocations([looker.record_of(scheduler_id)], [], now=datetime.now(UTC).replace(tzinfo=None))
    assert [(view.standing, view.state) for view in forgotten] == [("ended", None)]
    cluster = SlurmCluster(SlurmPrograms(looker.cluster.environment))
    assert [view.state for view in with_accounted_states(cluster, forgotten)] == ["FAILED"]


def test_an_interruption_while_the_controller_is_stopped_is_reported(looker: Looker) -> None:
    controller = looker.cluster.daemon("slurmctld")
    controller.pause()
    try:
        asking = looker.torc.start("slurm", "usage", looker.workflow_id)
        children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children")
        await_that(lambda: bool(children.read_text().split()), "a program of Slurm waits for the controller")
        asking.send_signal(signal.SIGINT)
        _, err = asking.communicate(timeout=120)
    finally:
        controller.resume()
    assert asking.returncode == 130
    assert "Interrupted while scontrol waited for an answer of Slurm" in err


def test_a_queued_allocation_has_used_nothing_yet(looker: Looker) -> None:
    scheduler_id = looker.submit("true", "--hold")
    await_that(lambda: "PENDING" in looker.cluster.call(*STATES, str(scheduler_id)), "it is accounted as queued")
    printed = looker.torc("slurm", "usage", looker.workflow_id).out
    assert "1 allocation still queued: nothing is used before the start." in printed
    [row] = [line for line in printed.splitlines() if line.startswith(str(scheduler_id))]
    assert row.split()[1:] == ["PENDING", *"------"]
    looker.cluster.call("scancel", str(scheduler_id))


def test_without_a_cluster_the_machine_to_go_to_is_named(looker: Looker) -> None:
    away = Torc(looker.torc.folder, looker.torc.url, environment={"PATH": str(looker.torc.folder)})
    for name in ("sacct", "stats", "usage"):
        assert "there is no cluster to ask" in away("slurm", name, looker.workflow_id, code=2).err


def test_the_status_shows_the_queue_and_a_cancellation_ends_what_is_ours(looker: Looker) -> None:
    torc, workflow_id = looker.torc, looker.workflow_id
    workflow = looker.client.workflows.get(workflow_id)
    names = [allocation_key(workflow, ScheduledComputeNodeModel.model_construct(id=number)) for number in (1, 2, 3)]
    running = looker.submit("sleep 600", name=names[0])
    held = looker.submit("sleep 600", "--hold", name=names[1])
    array = looker.submit("sleep 600", "--array=0-3%1", name=names[2])
    foreign = looker.submit("sleep 600", "--hold", name="somebody-elses")
    looker.client.scheduled_compute_nodes.update(
        looker.record_of(array).id or 0, looker.record_of(array).model_copy(update={"array": "0-3%1"})
    )
    await_that(lambda: looker.state(running) == "RUNNING", "the allocation runs")

    status = torc("status", workflow_id, "-f", "json").json
    seen = {view["scheduler_id"]: view for view in status["allocations"]}
    assert status["allocations_note"] is None
    assert (seen[running]["standing"], seen[running]["state"]) == ("active", "RUNNING")
    assert seen[running]["nodes"] in looker.cluster.nodes
    assert 0 < seen[running]["time_left_s"] <= 300
    assert (seen[held]["standing"], seen[held]["will_not_start"], seen[held]["reason"]) == (
        "pending",
        True,
        "JobHeldUser",
    )
    assert seen[array]["queued_tasks"] in (3, 4)
    text = torc("status", workflow_id).out
    assert "will not start: it is held; release it with scontrol release (JobHeldUser)" in text
    listed = torc("scheduled-compute-nodes", "list", workflow_id, "-f", "json").json
    assert {each["scheduler_id"]: each["state"] for each in listed}[held] == "PENDING"
    table = torc("scheduled-compute-nodes", "list", workflow_id).out
    assert max(map(len, table.splitlines())) <= 80

    canceled = torc("cancel", workflow_id, "-f", "json", code=1).json
    assert (canceled["status"], canceled["canceled_slurm_jobs"]) == ("partial_success", sorted([running, held, array]))
    assert len(canceled["errors"]) == 1
    assert "somebody-elses" in canceled["errors"][0]
    for scheduler_id in (running, held):
        await_that(lambda each=scheduler_id: looker.state(each) == "CANCELLED", "it is canceled")
    assert looker.state(foreign) == "PENDING"
    assert looker.record_of(running).status == "canceled"
    ended = {view["scheduler_id"]: view for view in torc("status", workflow_id, "-f", "json").json["allocations"]}
    assert (ended[running]["standing"], ended[running]["state"]) == ("ended", "CANCELLED")


def test_a_controller_that_does_not_answer_delays_no_status(looker: Looker) -> None:
    held = looker.submit("sleep 600", "--hold")
    controller = looker.cluster.daemon("slurmctld")
    controller.pause()
    try:
        status = looker.torc("status", looker.workflow_id, "-f", "json").json
        canceled = looker.torc("cancel", looker.workflow_id, "-f", "json", code=1).json
    finally:
        controller.resume()
    assert status["allocations_note"] == "Slurm does not answer: shown is what the server has recorded"
    assert [(view["standing"], view["state"]) for view in status["allocations"]] == [("pending", None)]
    assert (canceled["status"], canceled["canceled_slurm_jobs"]) == ("partial_success", [])
    assert f"scancel {held}" in canceled["errors"][0]


def test_on_a_machine_without_slurm_the_record_is_shown(looker: Looker) -> None:
    looker.record(4711, "active")
    away = Torc(looker.torc.folder, looker.torc.url, environment={"PATH": str(looker.torc.folder)})
    text = away("status", looker.workflow_id).out
    assert "Allocations: 0 pending, 1 active, 0 ended" in text
    assert "Slurm's programs are not on this machine" in text
    assert "scancel 4711" in away("cancel", looker.workflow_id, code=1).err


def test_allocations_that_torc_submitted_are_seen_from_their_queue_to_their_accounting(login: SubmissionSite) -> None:
    torc = login.torc
    file = login.file(
        jobs=[jobs(3, "small", "test $TORC_JOB_NAME != small_2")], resource_requirements=[requirement("small")]
    )
    workflow_id = int(torc("submit-slurm", "-a", "proj", "-p", "1", file).out.split()[2])
    # A task that still waits for a node when the others have done all jobs is canceled, and has no record of its own.
    over = {"complete", "canceled"}
    login.await_that(lambda: set(login.statuses(workflow_id)) <= over, workflow_id, "all allocations ended")
    array, *tasks = login.records(workflow_id)
    for task in tasks:
        await_that(lambda each=task: login.cluster.call(*STATES, str(each.scheduler_id)).count("|") >= 2, "accounted")
    sacct = torc("slurm", "sacct", workflow_id, "-f", "json").json
    assert sacct["total_slurm_jobs"] >= len(tasks) >= 1
    assert sacct["errors"] == []
    assert {row["slurm_job_id"] for row in sacct["summary"]} >= {str(task.scheduler_id) for task in tasks}
    assert torc("slurm", "usage", workflow_id, "-f", "json").json["total_nodes"] >= len(tasks)
    views = torc("status", workflow_id, "-f", "json").json["allocations"]
    assert {view["standing"] for view in views} == {"ended"}
    assert {view["state"] for view in views if view["scheduler_id"] != array.scheduler_id} == {"COMPLETED"}
    found = torc("slurm", "parse-logs", workflow_id, "-f", "json")
    assert found.json["files_scanned"] == 2 * len(tasks)
    assert "knows no allocation" not in found.err


def test_a_cancellation_ends_tasks_that_run_and_tasks_that_wait(login: SubmissionSite) -> None:
    torc = login.torc
    file = login.file(jobs=[jobs(8, "small", "sleep 600")], resource_requirements=[requirement("small")])
    workflow_id = int(torc("submit-slurm", "-a", "proj", "-p", "1", file).out.split()[2])
    login.await_that(lambda: "active" in login.statuses(workflow_id), workflow_id, "a task has begun")
    canceled = torc("cancel", workflow_id, "-f", "json").json
    assert (canceled["status"], canceled["errors"]) == ("success", [])
    assert login.records(workflow_id)[0].scheduler_id in canceled["canceled_slurm_jobs"]

    def are_gone() -> bool:
        rows = login.cluster.call("squeue", "-h", "-r", "-t", "all", "-o", "%j %T").splitlines()
        states = {row.split()[1] for row in rows if row.startswith(f"torc-wf{workflow_id}-")}
        return not states & {"PENDING", "RUNNING", "CONFIGURING", "COMPLETING"}

    login.await_that(are_gone, workflow_id, "no allocation is left")
    assert set(login.statuses(workflow_id)) <= {"canceled", "complete"}


def test_each_job_of_the_mode_slurm_is_a_step_with_figures_of_its_own(login: SubmissionSite) -> None:
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    file = login.file(
        jobs=[
            {"name": "wide", "command": f"srun --overlap sh -c '{busy}'", "resource_requirements": "wide"},
            {"name": "narrow", "command": busy, "resource_requirements": "narrow"},
        ],
        resource_requirements=[requirement("wide", cpus=2, num_nodes=2), requirement("narrow", cpus=1)],
        execution_config={"mode": "slurm"},
    )
    workflow_id = int(login.torc("submit-slurm", "-a", "proj", "-p", "1", file).out.split()[2])
    login.await_success(workflow_id)
    login.await_that(lambda: set(login.statuses(workflow_id)) == {"complete"}, workflow_id, "all allocations ended")

    def stats() -> dict[str, dict[str, Any]]:
        rows = login.torc("slurm", "stats", workflow_id, "-f", "json").json
        return {row["job_name"]: row for row in rows if row["state"] == "COMPLETED"}

    login.await_that(lambda: set(stats()) == {"wide", "narrow"}, workflow_id, "both steps are accounted for")
    found = stats()
    assert (found["wide"]["node_count"], found["narrow"]["node_count"]) == (2, 1)
    assert all(row["cpu_time_s"] > 0 and row["elapsed_s"] is not None for row in found.values())
    table = login.torc("slurm", "stats", workflow_id)
    assert "narrow" in table.out
    assert max(map(len, table.out.splitlines())) <= 80
