"""What only clients older than 0.24 send is served too."""

import json
from collections.abc import Iterator

import httpx
import pytest
from helpers import ServerProcess

CPUS = {"num_cpus": 2, "num_gpus": 0, "num_nodes": 1, "memory_gb": 4.0}


@pytest.fixture
def http(shared_server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared_server.url, headers=shared_server.headers, trust_env=False) as http:
        yield http


@pytest.fixture
def workflow_id(http: httpx.Client) -> int:
    created: int = http.post("/workflows", json={"name": "old", "user": "u"}).json()["id"]
    return created


def test_the_state_of_a_workflow_is_read_and_written_whole(http: httpx.Client, workflow_id: int) -> None:
    status = http.get(f"/workflows/{workflow_id}/status").json()
    assert (status["run_id"], status["is_canceled"], status["is_archived"]) == (1, False, False)
    written = http.put(f"/workflows/{workflow_id}/status", json={"run_id": 2, "is_archived": True})
    assert written.status_code == 200
    workflow = http.get(f"/workflows/{workflow_id}").json()
    assert (workflow["run_id"], workflow["is_canceled"], workflow["is_archived"]) == (2, False, True)


def test_a_run_cannot_go_back_or_skip_one(http: httpx.Client, workflow_id: int) -> None:
    for run_id in (0, 3):
        assert http.put(f"/workflows/{workflow_id}/status", json={"run_id": run_id}).status_code == 422
    assert http.get(f"/workflows/{workflow_id}").json()["run_id"] == 1


def test_canceling_by_writing_the_state_cancels_the_jobs(http: httpx.Client, workflow_id: int) -> None:
    job = http.post("/jobs", json={"workflow_id": workflow_id, "name": "a", "command": "true"}).json()
    http.post(f"/workflows/{workflow_id}/initialize_jobs")
    http.post(f"/workflows/{workflow_id}/claim_next_jobs")
    http.put(f"/workflows/{workflow_id}/status", json={"run_id": 1, "is_canceled": True})
    assert http.get(f"/jobs/{job['id']}").json()["status"] == "canceled"
    assert http.get(f"/workflows/{workflow_id}/is_complete").json()["is_complete"]


def test_parameters_and_fields_of_other_versions_are_ignored(http: httpx.Client, workflow_id: int) -> None:
    http.post("/jobs", json={"workflow_id": workflow_id, "name": "a", "command": "true", "new_field": {"x": 1}})
    http.post(f"/workflows/{workflow_id}/initialize_jobs")
    claimed = http.post(
        f"/workflows/{workflow_id}/claim_jobs_based_on_resources/5",
        params={"sort_method": "gpus_runtime_memory"},
        json=CPUS,
    )
    assert [job["name"] for job in claimed.json()["jobs"]] == ["a"]


def test_an_action_is_claimed_without_a_body(http: httpx.Client, workflow_id: int) -> None:
    action = http.post(
        f"/workflows/{workflow_id}/actions",
        json={
            "workflow_id": workflow_id,
            "trigger_type": "on_workflow_start",
            "action_type": "run_commands",
            "action_config": {"commands": ["true"]},
        },
    ).json()
    answer = http.post(f"/workflows/{workflow_id}/actions/{action['id']}/claim").json()
    assert (answer["success"], answer["claimed"]) == (True, True)


def test_an_empty_sort_by_means_the_default(http: httpx.Client, workflow_id: int) -> None:
    for path in ("jobs", "files", "results", "compute_nodes"):
        listed = http.get(f"/{path}", params={"workflow_id": workflow_id, "sort_by": ""})
        assert listed.status_code == 200, path
    assert http.get("/workflows", params={"sort_by": ""}).status_code == 200


def test_a_modification_time_is_cleared_by_null_and_kept_when_left_out(http: httpx.Client, workflow_id: int) -> None:
    file = {"workflow_id": workflow_id, "name": "f", "path": "f", "st_mtime": 5.0}
    url = f"/files/{http.post('/files', json=file).json()['id']}"
    http.put(url, json={"workflow_id": workflow_id, "name": "g", "path": "f"})
    assert http.get(url).json()["st_mtime"] == 5.0
    assert http.put(url, json=file | {"st_mtime": None}).json()["st_mtime"] is None
    assert http.get(url).json()["st_mtime"] is None


TEXTS = {
    "metadata": '{"study":7}',
    "resource_monitor_config": '{"enabled":true,"granularity":"time_series","sample_interval_seconds":2}',
    "slurm_defaults": '{"qos":"high"}',
    "execution_config": '{"termination_signal":"SIGINT"}',
}


def test_settings_written_as_json_text_are_answered_as_text(http: httpx.Client) -> None:
    created = http.post("/workflows", json={"name": "old", "user": "u", **TEXTS})
    assert created.status_code == 200, created.text
    url = f"/workflows/{created.json()['id']}"
    for answer in (
        created.json(),
        http.get(url).json(),
        http.get("/workflows", params={"name": "old"}).json()["items"][-1],
    ):
        assert {name: json.loads(answer[name]) for name in TEXTS} == {
            name: json.loads(text) for name, text in TEXTS.items()
        }
    changed = http.put(url, json={"name": "old", "user": "u", "metadata": {"study": 8}}).json()
    assert changed["metadata"] == {"study": 8}
    assert isinstance(changed["slurm_defaults"], str)


@pytest.mark.parametrize("text", ["{", "[1]", '"a"', "nothing"])
def test_a_setting_whose_text_is_no_json_object_is_refused(http: httpx.Client, text: str) -> None:
    refused = http.post("/workflows", json={"name": "old", "user": "u", "metadata": text})
    assert (refused.status_code, "metadata" in refused.text) == (422, True)


def test_metadata_of_provenance_written_as_text_are_answered_as_text(http: httpx.Client, workflow_id: int) -> None:
    entity = {"workflow_id": workflow_id, "entity_id": "./", "entity_type": "Dataset"}
    for metadata in ('{"name": "x"}', {"name": "x"}):
        created = http.post("/ro_crate_entities", json=entity | {"metadata": metadata})
        assert created.status_code == 200, created.text
        assert http.get(f"/ro_crate_entities/{created.json()['id']}").json()["metadata"] == metadata
    for wrong in ("{", "[1]"):
        assert http.post("/ro_crate_entities", json=entity | {"metadata": wrong}).status_code == 422
