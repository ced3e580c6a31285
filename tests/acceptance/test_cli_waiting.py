"""Commands that wait: persistent runners, tasks, the stream of events; and jobs sent back by what they are."""

import json

from helpers import make_workflow, wait_until
from recovery_scenes import BROKEN, OOM, fail_all
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.workflows import TaskModel
from torc_core.jobs.status import JobStatus


def test_a_persistent_runner_stays_for_what_a_decision_brings(
    torc: Torc, spec: SpecWriter, shared_client: TorcClient
) -> None:
    path = spec(jobs={"a": "test -e go"}, use_pending_failed=True)
    workflow_id = torc("create", path, "-f", "json").json["workflow_id"]
    run = torc.start("run", workflow_id, "--persistent", "-p", "0.2", "-f", "json")

    def waiting() -> bool:
        status = shared_client.workflow_status(workflow_id)
        return status.jobs_by_status[JobStatus.PENDING_FAILED] == 1 and run.poll() is None

    wait_until(waiting, "the job waits for a decision")
    (torc.folder / "go").touch()
    [job] = shared_client.jobs.list_all(workflow_id=workflow_id)
    torc("failures", "classify", workflow_id, "--job", job.id, "--retry", "--reason", "go is there now")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert json.loads(out)["success"] is True


def test_a_task_is_waited_for(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, JobDraft(name="a", command="true"), initialize=False)
    path = f"/workflows/{workflow_id}/initialize_jobs"
    answer = shared_client.transport.request("POST", path, query={"async": True})
    task = TaskModel.model_validate_json(answer)
    assert torc("-f", "json", "tasks", "wait", task.id, "--timeout", "60").json["status"] == "succeeded"
    assert torc("-f", "json", "tasks", "get", task.id).json["operation"] == "initialize_jobs"
    assert "there is no task" in torc("tasks", "wait", 10**6, code=1).err


def test_events_are_written_to_a_file_as_they_happen(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, JobDraft(name="a", command="true"))
    log = torc.folder / "events.jsonl"
    monitor = torc.start("events", "monitor", workflow_id, "--filename", log, "--level", "debug")
    wait_until(log.exists, "the file is open")

    def written() -> bool:
        shared_client.initialize_jobs(workflow_id)
        return log.stat().st_size > 0

    wait_until(written, "an event is written")
    monitor.terminate()
    monitor.communicate(timeout=60)
    assert "event_type" in json.loads(log.read_text().splitlines()[0])


def test_jobs_are_sent_back_by_status_or_return_code(torc: Torc, shared_client: TorcClient) -> None:
    drafts = [JobDraft(name=name, command="true") for name in ("good", "oom", "broken")]
    workflow_id, ids = make_workflow(shared_client, *drafts, use_pending_failed=False)
    fail_all(shared_client, workflow_id, {ids[0]: None, ids[1]: OOM, ids[2]: BROKEN})
    chosen = ("jobs", "reset-status", "--workflow-id", workflow_id)
    by_code = torc("-f", "json", *chosen, "--return-code", 137, "--dry-run").json
    assert [job["id"] for job in by_code] == [ids[1]]
    assert shared_client.jobs.get(ids[1]).status == "failed"
    assert "no job of workflow" in torc(*chosen, "--return-code", 99, code=1).err
    assert "no status" in torc(*chosen, "--status", "faild", code=2).err
    assert "no job was chosen" in torc("jobs", "reset-status", code=2).err
    assert "Reset 2 jobs" in torc(*chosen, "--status", "failed,terminated", "--no-prompts").out
    assert [shared_client.jobs.get(job_id).status for job_id in ids] == ["completed", "uninitialized", "uninitialized"]
