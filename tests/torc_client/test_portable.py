"""An exported workflow becomes another one, with its history where that is asked for."""

import json
from typing import Any

import pytest
from helpers import make_workflow
from recovery_scenes import BROKEN, claim_all, end, leave

from torc_client.export.document import PortableWorkflow, as_draft, export_workflow, left_out, parse_portable
from torc_client.export.history import refuse_missing_history, restore_history
from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.events import EventModel
from torc_core.errors import InvalidInputError

FOREIGN: dict[str, Any] = {
    "export_version": "1.0",
    "exported_at": "2026-05-01T00:00:00Z",
    "workflow": {"id": 9, "name": "w", "user": "them", "resource_monitor_config": '{"enabled": true}', "status_id": 4},
    "files": [{"id": 40, "workflow_id": 9, "name": "f", "path": "f.txt"}],
    "user_data": [],
    "resource_requirements": [
        {
            "id": 7,
            "workflow_id": 9,
            "name": "small",
            "num_cpus": 1,
            "num_gpus": 0,
            "num_nodes": 1,
            "memory": "1g",
            "runtime": "PT1H",
        }
    ],
    "slurm_schedulers": [],
    "local_schedulers": [{"id": 1, "workflow_id": 9}],
    "failure_handlers": [{"id": 3, "workflow_id": 9, "name": "h", "rules": '[{"exit_codes": [4], "max_retries": 2}]'}],
    "ro_crate_entities": [],
    "jobs": [
        {"id": 100, "workflow_id": 9, "name": "a", "command": "true", "status": "completed", "output_file_ids": [40]},
        {
            "id": 101,
            "workflow_id": 9,
            "name": "b",
            "command": "true",
            "status": "failed",
            "depends_on_job_ids": [100],
            "input_file_ids": [40],
            "resource_requirements_id": 7,
            "failure_handler_id": 3,
        },
    ],
    "workflow_actions": [
        {
            "id": 5,
            "workflow_id": 9,
            "trigger_type": "on_jobs_complete",
            "action_type": "run_commands",
            "action_config": {"commands": ["echo"]},
            "job_ids": [101],
        }
    ],
    "results": [
        {
            "id": 1,
            "workflow_id": 9,
            "job_id": 101,
            "run_id": 2,
            "attempt_id": 1,
            "compute_node_id": 77,
            "return_code": 1,
            "exec_time_minutes": 0.5,
            "completion_time": "2026-05-01T00:00:00Z",
            "status": "failed",
        }
    ],
}


def restored(client: TorcClient, portable: PortableWorkflow, **asked: bool) -> int:
    created = client.create_from_draft(as_draft(portable, user="tester"))
    workflow_id = created.workflow.id or 0
    restore_history(
        client, portable, workflow_id, created.first_job_id or 0, **({"results": False, "events": False} | asked)
    )
    return workflow_id


def test_an_export_of_another_program_becomes_a_workflow_with_its_results(shared_client: TorcClient) -> None:
    portable = parse_portable(json.dumps(FOREIGN), source="x")
    assert left_out(portable) == ["1 x local scheduler"]
    workflow_id = restored(shared_client, portable, results=True)
    first, second = shared_client.jobs.list_all(workflow_id=workflow_id, include_relationships=True)
    assert second.depends_on_job_ids == [first.id]
    assert (first.status, second.status) == ("uninitialized", "uninitialized")
    [action] = shared_client.actions(workflow_id)
    assert action.job_ids == [second.id]
    [result] = shared_client.results.list_all(workflow_id=workflow_id, all_runs=True)
    assert (result.job_id, result.run_id, result.return_code) == (second.id, 2, 1)
    assert shared_client.workflows.get(workflow_id).run_id == 3


def test_an_own_export_comes_back_with_results_events_and_runners(shared_client: TorcClient) -> None:
    workflow_id, [job_id] = make_workflow(shared_client, JobDraft(name="a", command="true"))
    runner_id = claim_all(shared_client, workflow_id)
    end(shared_client, job_id, BROKEN)
    leave(shared_client, runner_id)
    shared_client.events.create(
        EventModel(workflow_id=workflow_id, timestamp=1, data={"category": "mine", "job_id": job_id})
    )
    exported = export_workflow(shared_client, workflow_id, with_results=True, with_events=True)
    text = exported.model_dump_json(exclude_none=True, by_alias=True)
    assert "workflow_actions" in json.loads(text)
    again = restored(shared_client, parse_portable(text, source="x"), results=True, events=True)
    [job] = shared_client.jobs.list_all(workflow_id=again)
    [result] = shared_client.results.list_all(workflow_id=again, all_runs=True)
    [runner] = shared_client.compute_nodes.list_all(workflow_id=again)
    assert (result.job_id, result.compute_node_id, runner.num_cpus) == (job.id, runner.id, 1000)
    mine = [event for event in shared_client.events.list_all(workflow_id=again) if event.data.get("category") == "mine"]
    assert [event.data["job_id"] for event in mine] == [job.id]


def test_history_that_is_not_there_is_refused() -> None:
    portable = parse_portable(json.dumps(FOREIGN), source="x")
    with pytest.raises(InvalidInputError, match="--include-events"):
        refuse_missing_history(portable, results=True, events=True)
    portable = parse_portable(json.dumps({**FOREIGN, "jobs": []}), source="x")
    with pytest.raises(InvalidInputError, match="names job 101"):
        refuse_missing_history(portable, results=True, events=False)


def test_an_id_of_an_export_means_one_record() -> None:
    portable = parse_portable(json.dumps({**FOREIGN, "jobs": [*FOREIGN["jobs"], FOREIGN["jobs"][0]]}), source="x")
    with pytest.raises(InvalidInputError, match="holds job 100 twice"):
        as_draft(portable, user="tester")
