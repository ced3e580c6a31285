"""What only clients newer than 0.35 send and read is served too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from helpers import ServerProcess


@pytest.fixture
def http(shared_server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared_server.url, headers=shared_server.headers, trust_env=False) as http:
        yield http


@pytest.fixture
def workflow_id(http: httpx.Client) -> int:
    return create(http, "/workflows", name="new", user="u")["id"]


def create(http: httpx.Client, path: str, **record: Any) -> dict[str, Any]:
    answer = http.post(path, json=record)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def node(http: httpx.Client, workflow_id: int, **fields: Any) -> int:
    facts = {"hostname": "n", "pid": 1, "start_time": "2026-01-01T00:00:00Z", "compute_node_type": "slurm"}
    sizes = {"num_cpus": 4, "num_gpus": 0, "num_nodes": 1, "memory_gb": 8}
    return int(create(http, "/compute_nodes", workflow_id=workflow_id, **facts, **sizes, **fields)["id"])


def test_a_runner_is_given_only_jobs_whose_labels_it_has(http: httpx.Client, workflow_id: int) -> None:
    for name, labels in (("plain", None), ("fast", ["fast"]), ("both", ["gpu", "fast", "gpu"])):
        job = create(http, "/jobs", workflow_id=workflow_id, name=name, command="true", labels=labels)
        assert job["labels"] == (None if labels is None else sorted(set(labels)))
    http.post(f"/workflows/{workflow_id}/initialize_jobs")
    listed = http.get("/jobs", params={"workflow_id": workflow_id, "labels": "fast"}).json()["items"]
    assert [job["name"] for job in listed] == ["fast", "both"]
    status = http.get(f"/workflows/{workflow_id}/status").json()
    assert status["unserved_ready_labels"] == {"fast": 1, "fast,gpu": 1}
    node(http, workflow_id, labels=["fast"])
    assert http.get(f"/workflows/{workflow_id}/status").json()["unserved_ready_labels"] == {"fast,gpu": 1}
    sizes = {"num_cpus": 8, "num_gpus": 0, "num_nodes": 1, "memory_gb": 8}
    claim = f"/workflows/{workflow_id}/claim_jobs_based_on_resources/9"
    assert [job["name"] for job in http.post(claim, json=sizes).json()["jobs"]] == ["plain"]
    answer = http.post(claim, json=sizes).json()
    assert (answer["jobs"], answer["outlook"]["ready_with_other_labels"]) == ([], 2)
    assert [job["name"] for job in http.post(claim, json=sizes | {"labels": ["fast", "x"]}).json()["jobs"]] == ["fast"]
    claim_next = f"/workflows/{workflow_id}/claim_next_jobs"
    assert http.post(claim_next).json()["jobs"] == []
    assert [job["name"] for job in http.post(claim_next, params={"labels": "gpu,fast"}).json()["jobs"]] == ["both"]


def test_labels_are_kept_when_left_out_and_cleared_by_an_empty_list(http: httpx.Client, workflow_id: int) -> None:
    job = create(http, "/jobs", workflow_id=workflow_id, name="a", command="true", labels=["x"])
    same = {"workflow_id": workflow_id, "name": "a", "command": "true"}
    assert http.put(f"/jobs/{job['id']}", json=same).json()["labels"] == ["x"]
    assert http.put(f"/jobs/{job['id']}", json=same | {"labels": []}).json()["labels"] is None


@pytest.mark.parametrize("label", ["", " x", "a,b"])
def test_what_is_no_label_is_refused(http: httpx.Client, workflow_id: int, label: str) -> None:
    record = {"workflow_id": workflow_id, "name": "a", "command": "true", "labels": [label]}
    assert http.post("/jobs", json=record).status_code == 422


def test_the_status_tells_what_the_time_of_the_runners_does_not_reach(http: httpx.Client, workflow_id: int) -> None:
    need = create(
        http, "/resource_requirements", workflow_id=workflow_id, name="long", num_cpus=1, memory="1m", runtime="PT5H"
    )
    create(http, "/jobs", workflow_id=workflow_id, name="a", command="true", resource_requirements_id=need["id"])
    http.post(f"/workflows/{workflow_id}/initialize_jobs")
    end = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    short = node(http, workflow_id, end_time=end)
    assert http.get(f"/compute_nodes/{short}").json()["end_time"] == end
    status = http.get(f"/workflows/{workflow_id}/status").json()
    assert (status["runtime_blocked_ready_jobs"], status["longest_ready_runtime_seconds"]) == (1, 5 * 3600)
    assert 3600 < status["max_allocation_remaining_seconds"] <= 7200
    node(http, workflow_id)
    status = http.get(f"/workflows/{workflow_id}/status").json()
    assert (status["runtime_blocked_ready_jobs"], status["longest_ready_runtime_seconds"]) == (0, None)


def test_serialized_allocations_are_kept(http: httpx.Client, workflow_id: int) -> None:
    record = {"workflow_id": workflow_id, "name": "s", "account": "a", "nodes": 1, "walltime": "01:00:00"}
    scheduler = create(http, "/slurm_schedulers", **record, serialize_allocations=True)
    assert http.get(f"/slurm_schedulers/{scheduler['id']}").json()["serialize_allocations"] is True


def test_workflows_are_listed_by_an_access_group(http: httpx.Client) -> None:
    group = create(http, "/access_groups", name="newer clients")
    shared = create(http, "/workflows", name="shared", user="u", access_groups=["newer clients"])
    create(http, "/workflows", name="own", user="u")
    listed = http.get("/workflows", params={"access_group": group["name"]}).json()["items"]
    assert [workflow["id"] for workflow in listed] == [shared["id"]]


def test_an_action_is_changed_and_deleted(http: httpx.Client, workflow_id: int) -> None:
    body = {
        "workflow_id": workflow_id,
        "trigger_type": "on_workflow_start",
        "action_type": "run_commands",
        "action_config": {"commands": ["true"]},
    }
    action = create(http, f"/workflows/{workflow_id}/actions", **body)
    url = f"/workflows/{workflow_id}/actions/{action['id']}"
    changed = http.put(url, json=body | {"action_config": {"commands": ["false"]}, "persistent": True}).json()
    assert (changed["action_config"], changed["persistent"]) == ({"commands": ["false"]}, True)
    for wrong in ({"trigger_type": "on_worker_start"}, {"action_config": {"commands": []}}):
        assert http.put(url, json=body | wrong).status_code == 422
    assert http.delete(url).json()["id"] == action["id"]
    assert http.delete(url).status_code == 404


def test_a_runner_has_a_persistent_action_once_and_others_have_it_too(http: httpx.Client, workflow_id: int) -> None:
    body = {
        "workflow_id": workflow_id,
        "trigger_type": "on_worker_start",
        "action_type": "run_commands",
        "action_config": {"commands": ["true"]},
        "persistent": True,
    }
    action = create(http, f"/workflows/{workflow_id}/actions", **body)
    create(http, "/jobs", workflow_id=workflow_id, name="a", command="true")
    http.post(f"/workflows/{workflow_id}/initialize_jobs")
    url = f"/workflows/{workflow_id}/actions/{action['id']}/claim"
    first, second = node(http, workflow_id), node(http, workflow_id)
    claims = [(first, "x"), (second, "y"), (first, "x"), (first, "z"), (second, "z")]
    answers = [http.post(url, json={"compute_node_id": each, "claim": name}).status_code for each, name in claims]
    assert answers == [200, 200, 200, 409, 409]


@pytest.mark.parametrize(
    ("user_agent", "version"),
    [
        ("OpenAPI-Generator/0.23.0/rust", "0.23.0"),
        ("OpenAPI-Generator/0.21.0/rust", "0.21.0"),
        ("OpenAPI-Generator/v0.7.0/rust", "0.23.0"),
        ("OpenAPI-Generator/0.21.0/python", "0.35.0"),
        ("curl/8", "0.35.0"),
    ],
)
def test_each_client_gets_the_version_that_it_compares(http: httpx.Client, user_agent: str, version: str) -> None:
    assert http.get("/version", headers={"User-Agent": user_agent}).json()["api_version"] == version
