"""Actions: commands at points of a workflow's life."""

from pathlib import Path

from helpers import ServerProcess, wait_until
from running import create, job, run

from runner.base.progress import Notice
from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel
from torc_core.api.drafts import ActionDraft


def action(trigger: str, *commands: str, **fields: object) -> ActionDraft:
    raw = {"trigger_type": trigger, "action_type": "run_commands", "action_config": {"commands": list(commands)}}
    return ActionDraft.model_validate(raw | fields)


def test_actions_run_at_their_moments_in_the_output_directory(client: TorcClient, tmp_path: Path) -> None:
    out = tmp_path / "out"
    note = f"tee -a {tmp_path}/order <<<"
    actions = [
        action("on_workflow_start", f"{note} start", "pwd > where"),
        action("on_worker_start", f"{note} worker", persistent=True),
        action("on_jobs_complete", f"{note} first-done", jobs=[0]),
        action("on_jobs_ready", f"{note} second-ready", jobs=[1]),
        action("on_workflow_complete", f"{note} complete"),
        action("on_worker_complete", f"{note} bye", persistent=True),
    ]
    jobs = [job("first", f"{note} first"), job("second", f"{note} second", depends_on=[0])]
    ran = run(client, create(client, *jobs, draft={"actions": actions}), out)
    assert ran.summary.completed == 2
    order = (tmp_path / "order").read_text().split()
    assert set(order[:2]) == {"start", "worker"}
    assert order[2] == "first"
    assert set(order[3:5]) == {"first-done", "second-ready"}
    assert order[5] == "second"
    assert set(order[6:]) == {"complete", "bye"}
    assert (out / "where").read_text() == f"{out}\n"


def test_a_failing_command_ends_its_action_and_not_the_workflow(client: TorcClient, tmp_path: Path) -> None:
    actions = [
        action("on_workflow_start", "echo one >> n", "exit 3", "echo two >> n"),
        action("on_worker_start", "touch w"),
    ]
    ran = run(client, create(client, "true", draft={"actions": actions}), tmp_path / "out")
    assert ran.statuses() == {"job1": "completed"}
    assert (tmp_path / "out" / "n").read_text() == "one\n"
    assert (tmp_path / "out" / "w").exists()
    assert any("exited with 3" in str(event.text) for event in ran.events if isinstance(event, Notice))


def test_an_action_that_asks_for_allocations_stays_due_where_none_can_be_submitted(
    client: TorcClient, tmp_path: Path
) -> None:
    raw = {"action_type": "schedule_nodes", "action_config": {"scheduler_type": "slurm", "scheduler_id": 1}}
    actions = [
        ActionDraft.model_validate(raw | {"trigger_type": "on_workflow_start"}),
        ActionDraft.model_validate(raw | {"trigger_type": "on_jobs_complete", "jobs": [0]}),
    ]
    workflow_id = create(client, "true", draft={"actions": actions})
    ran = run(client, workflow_id, tmp_path / "out", submits_allocations=False)
    assert ran.statuses() == {"job1": "completed"}
    assert [each.state for each in client.actions(workflow_id)] == ["pending", "pending"]
    notices = [str(event.text) for event in ran.events if isinstance(event, Notice)]
    assert sum(f"`torc submit {workflow_id}` on a login node" in text for text in notices) == 2


class LateClient(TorcClient):
    """While the first job runs, actions are reported as they were before its end, and after it."""

    def pending_actions(self, workflow_id: int, *, compute_node_id: int | None = None) -> list[WorkflowActionModel]:
        found = super().pending_actions(workflow_id, compute_node_id=compute_node_id)
        if self.jobs.list_all(workflow_id=workflow_id, name="first", status="running"):
            wait_until(
                lambda: self.jobs.list_all(workflow_id=workflow_id, name="first", status="completed"), "first is done"
            )
        return found


def test_an_action_comes_before_the_jobs_that_it_waits_for_whoever_is_asked_when(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    actions = [action("on_jobs_ready", f"echo ready >> {tmp_path}/order", jobs=[1])]
    jobs = [job("first", "sleep 0.3"), job("second", f"echo second >> {tmp_path}/order", depends_on=[0])]
    workflow_id = create(client, *jobs, draft={"actions": actions})
    with LateClient(server.transport()) as late:
        run(late, workflow_id, tmp_path / "out")
    assert (tmp_path / "order").read_text().split() == ["ready", "second"]


def test_a_runner_takes_jobs_whose_labels_it_has(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, job("plain", "true"), job("fast", "true", labels=["fast"]))
    without = run(client, workflow_id, tmp_path / "out")
    assert without.statuses() == {"plain": "completed", "fast": "ready"}
    assert "for a runner with its labels" in str(without.summary.explanation)
    assert run(client, workflow_id, tmp_path / "out", labels=("fast", "gpu")).statuses()["fast"] == "completed"
