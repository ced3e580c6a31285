"""Runners are heard while they live, and stop when the server has given them up."""

import threading
import time
from pathlib import Path

import pytest
from helpers import ServerProcess, make_runner, make_workflow, wait_until
from running import create, job, processes_with, run, until_running

from runner.base.progress import Notice
from runner.base.settings import RunnerOptions
from runner.main import run_workflow
from runner.server.heartbeat import HeartbeatThread
from torc_client.http import TorcClient
from torc_client.processes import host_facts
from torc_client.recovery.orphans import find_orphans, reclaim
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import ComputeNodesResources, ReclaimRequest, StartJobsRequest
from torc_core.errors import NotFoundError, StateConflictError
from torc_core.recovery.orphans import OrphanPlan


def beat(client: TorcClient, node_id: int) -> tuple[HeartbeatThread, threading.Event]:
    woken = threading.Event()
    return HeartbeatThread(client, node_id, wake=woken.set, interval_s=0.05), woken


def test_a_runner_is_heard_at_once(shared_client: TorcClient, tmp_path: Path) -> None:
    ran = run(shared_client, create(shared_client, "sleep 0.3"), tmp_path / "out")
    node = shared_client.compute_nodes.get(ran.summary.compute_node_id)
    assert node.last_heartbeat is not None
    assert node.heartbeat_age_s is not None
    assert 0 <= node.heartbeat_age_s < 30


def test_a_runner_that_was_given_up_hears_it(shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client)
    node_id = make_runner(shared_client, workflow_id)
    heartbeat, woken = beat(shared_client, node_id)
    wait_until(lambda: shared_client.compute_nodes.get(node_id).last_heartbeat, "it was heard")
    shared_client.reclaim_jobs(workflow_id, ReclaimRequest(compute_node_ids=[node_id], requeue=False, reason="old"))
    assert woken.wait(5)
    assert isinstance(heartbeat.end, StateConflictError)
    assert f"compute node {node_id}" in heartbeat.end.message


def test_a_runner_whose_record_was_deleted_hears_it(shared_client: TorcClient) -> None:
    heartbeat, woken = beat(shared_client, 987654)
    assert woken.wait(5)
    assert isinstance(heartbeat.end, NotFoundError)


def test_heartbeats_survive_an_outage(server: ServerProcess, client: TorcClient) -> None:
    workflow_id, _ = make_workflow(client)
    node_id = make_runner(client, workflow_id)
    heartbeat, _ = beat(client, node_id)
    before = wait_until(lambda: client.compute_nodes.get(node_id).last_heartbeat, "it was heard")
    server.stop()
    started_at = time.monotonic()
    server.start()
    age_s = client.compute_nodes.get(node_id).heartbeat_age_s or 0.0
    assert age_s <= time.monotonic() - started_at, "nobody is blamed for the time the server was away"
    wait_until(lambda: client.compute_nodes.get(node_id).last_heartbeat != before, "it is heard again")
    assert heartbeat.end is None
    heartbeat.close()


@pytest.mark.parametrize("poll_interval_s", [0.5, 30.0])
def test_jobs_that_were_reclaimed_are_killed_at_once_and_not_reported(
    shared_client: TorcClient, tmp_path: Path, poll_interval_s: float
) -> None:
    scripted = job("scripted", "exit 9", failure_handler=0)
    rules = [{"exit_codes": [9], "recovery_script": "trap '' TERM; sleep 60"}]
    stubborn = f"trap '' TERM; sleep 60 && touch {tmp_path}/ended-by-itself"
    lead = {"sigterm_lead_seconds": 3600}
    workflow_id = create(shared_client, stubborn, stubborn, scripted, rules=rules, execution_config=lead)
    notices: list[str] = []

    def reclaim_all() -> None:
        until_running(shared_client, workflow_id, 3)
        (node,) = shared_client.compute_nodes.list_all(workflow_id=workflow_id)
        request = ReclaimRequest(compute_node_ids=[node.id or 0], requeue=True, reason="silent for too long")
        shared_client.reclaim_jobs(workflow_id, request)

    options = RunnerOptions(
        output_dir=tmp_path / "out", num_cpus=4, poll_interval_s=poll_interval_s, heartbeat_interval_s=0.2
    )
    taking = threading.Thread(target=reclaim_all)
    taking.start()
    with pytest.raises(StateConflictError, match="not active any more"):
        run_workflow(
            shared_client,
            workflow_id,
            options,
            progress=lambda event: notices.append(event.text) if isinstance(event, Notice) else None,
        )
    taking.join()
    assert len([text for text in notices if "others may run them now" in text]) == 1
    assert not (tmp_path / "ended-by-itself").exists()
    assert processes_with(f"TORC_OUTPUT_DIR={tmp_path}/out") == []
    jobs = shared_client.jobs.list_all(workflow_id=workflow_id)
    assert {str(found.status) for found in jobs} == {"ready"}
    results = shared_client.results.list_all(workflow_id=workflow_id, all_runs=True)
    assert {result.return_code for result in results} == {-128}


def test_a_runner_elsewhere_that_fell_silent_is_lost(shared_client: TorcClient) -> None:
    workflow_id, job_ids = make_workflow(shared_client, JobDraft(name="a", command="true"))
    silent, never_heard = (_runner_elsewhere(shared_client, workflow_id) for _ in range(2))
    offer = ComputeNodesResources(id=silent, num_cpus=8, num_gpus=0, num_nodes=1, memory_gb=8)
    shared_client.claim_jobs(workflow_id, offer, limit=10)
    shared_client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=silent, job_ids=job_ids))
    shared_client.heartbeat(silent)
    assert find_orphans(shared_client, workflow_id, host=host_facts()).is_empty

    def look() -> OrphanPlan:
        return find_orphans(shared_client, workflow_id, host=host_facts(), heartbeat_timeout_s=0.3)

    wait_until(lambda: not look().is_empty, "it was silent for long enough")
    plan = look()
    assert [runner.compute_node_id for runner in plan.runners] == [silent]
    assert "sent no heartbeat since 20" in plan.runners[0].reason
    assert plan.out_of_sight == 1, f"nobody can assess {never_heard}"
    assert [found.job_id for found in reclaim(shared_client, plan, requeue=False).jobs] == job_ids
    evidence = shared_client.job_evidence(job_ids[0]).evidence
    assert evidence.verdict == "lost"
    assert evidence.scheduler is not None
    assert "no heartbeat" in (evidence.scheduler.reason or "")
    with pytest.raises(StateConflictError, match="not active any more"):
        shared_client.heartbeat(silent)


def _runner_elsewhere(client: TorcClient, workflow_id: int) -> int:
    node = client.compute_nodes.get(make_runner(client, workflow_id))
    found = client.compute_nodes.create(node.model_copy(update={"id": None, "hostname": "elsewhere"}))
    client.compute_nodes.delete(node.id or 0)
    assert found.id is not None
    return found.id
