"""Claims over HTTP: each job goes to one runner, and who waits is woken."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from helpers import ServerProcess, ended, make_runner, make_workflow

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import ComputeNodesResources, StartJobsRequest
from torc_core.jobs.status import JobStatus

_LONG_S = 30.0
"""A wait that no test could sit out: who answers sooner was woken."""


def _resources(num_cpus: int = 4) -> ComputeNodesResources:
    return ComputeNodesResources(num_cpus=num_cpus, memory_gb=8)


def _status(client: TorcClient, job_id: int) -> JobStatus | None:
    return client.jobs.get(job_id).status


def test_concurrent_claims_give_each_job_to_one_runner(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    jobs = [JobDraft(name=f"job_{i}", command="true") for i in range(60)]
    workflow_id, job_ids = make_workflow(shared_client, *jobs)

    def claim_all(_: int) -> list[int]:
        claimed: list[int] = []
        with shared_server.client() as client:
            while found := client.claim_jobs(workflow_id, _resources(3), limit=3).jobs:
                claimed += [job.id for job in found if job.id is not None]
        return claimed

    with ThreadPoolExecutor(8) as pool:
        claimed = [job_id for part in pool.map(claim_all, range(8)) for job_id in part]
    assert sorted(claimed) == job_ids


def test_a_waiting_claim_gets_the_job_that_a_completion_releases(
    shared_server: ServerProcess, shared_client: TorcClient
) -> None:
    client = shared_client
    workflow_id, [first, second] = make_workflow(
        client, JobDraft(name="a", command="true"), JobDraft(name="b", command="true", depends_on=[0])
    )
    runner_id = make_runner(client, workflow_id)
    client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
    with ThreadPoolExecutor(1) as pool, shared_server.client() as waiting:
        claim = pool.submit(waiting.claim_jobs, workflow_id, _resources(), limit=1, wait_s=_LONG_S)
        client.complete_jobs(workflow_id, [ended(first, workflow_id=workflow_id, runner_id=runner_id)])
        assert [job.id for job in claim.result(timeout=_LONG_S / 2).jobs] == [second]


def test_a_waiting_claim_hears_that_the_workflow_was_canceled(
    shared_server: ServerProcess, shared_client: TorcClient
) -> None:
    client = shared_client
    workflow_id, _ = make_workflow(client, JobDraft(name="a", command="true"))
    client.claim_next_jobs(workflow_id, limit=1)
    with ThreadPoolExecutor(1) as pool, shared_server.client() as waiting:
        claim = pool.submit(waiting.claim_next_jobs, workflow_id, limit=1, wait_s=_LONG_S)
        client.cancel_workflow(workflow_id)
        answer = claim.result(timeout=10)
    assert answer.jobs == []
    assert answer.outlook is not None
    assert answer.outlook.is_canceled


def test_a_waiting_claim_hears_that_another_run_has_begun(
    shared_server: ServerProcess, shared_client: TorcClient
) -> None:
    client = shared_client
    workflow_id, _ = make_workflow(client, JobDraft(name="a", command="true"))
    client.claim_next_jobs(workflow_id, limit=1)
    with ThreadPoolExecutor(1) as pool, shared_server.client() as waiting:
        claim = pool.submit(waiting.claim_next_jobs, workflow_id, limit=1, run_id=1, wait_s=_LONG_S)
        client.reset_workflow_status(workflow_id, force=True)
        answer = claim.result(timeout=_LONG_S / 2)
    assert (answer.jobs, answer.reason) == ([], "Workflow is in run 2, not in run 1")


def test_a_claim_does_not_wait_for_what_can_never_come(shared_client: TorcClient) -> None:
    workflow_id, [job_id] = make_workflow(shared_client, JobDraft(name="a", command="true"))
    runner_id = make_runner(shared_client, workflow_id)
    shared_client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
    shared_client.complete_jobs(workflow_id, [ended(job_id, workflow_id=workflow_id, runner_id=runner_id)])
    with ThreadPoolExecutor(1) as pool:
        claim = pool.submit(shared_client.claim_jobs, workflow_id, _resources(), limit=1, wait_s=_LONG_S)
        answer = claim.result(timeout=_LONG_S / 2)
    assert answer.outlook is not None
    assert answer.outlook.is_complete


def test_an_empty_answer_comes_when_the_time_is_over(shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, JobDraft(name="a", command="true"))
    shared_client.claim_next_jobs(workflow_id, limit=1)
    answer = shared_client.claim_next_jobs(workflow_id, limit=1, wait_s=0.05)
    assert answer.jobs == []
    assert answer.outlook is not None
    assert answer.outlook.active == 1


def test_a_runner_that_hung_up_while_it_waited_gets_no_jobs(
    shared_server: ServerProcess, shared_client: TorcClient
) -> None:
    client = shared_client
    workflow_id, [first, second] = make_workflow(
        client, JobDraft(name="a", command="true"), JobDraft(name="b", command="true", depends_on=[0])
    )
    runner_id = make_runner(client, workflow_id)
    client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
    url = f"{shared_server.url}/workflows/{workflow_id}/claim_next_jobs"
    with httpx.Client(headers=shared_server.headers, trust_env=False) as gone, pytest.raises(httpx.ReadTimeout):
        gone.post(url, params={"wait_seconds": _LONG_S}, timeout=0.2)
    client.complete_jobs(workflow_id, [ended(first, workflow_id=workflow_id, runner_id=runner_id)])
    assert _status(client, second) is JobStatus.READY
    assert [job.id for job in client.claim_next_jobs(workflow_id, limit=5).jobs] == [second]


def test_given_back_claims_can_be_claimed_again_and_started_ones_cannot(shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, [job_id] = make_workflow(client, JobDraft(name="a", command="true"))
    runner_id = make_runner(client, workflow_id)
    client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
    request = StartJobsRequest(run_id=1, compute_node_id=runner_id, job_ids=[job_id])
    assert client.start_jobs(workflow_id, request).started == [job_id]
    assert client.claim_next_jobs(workflow_id, limit=1).jobs == []
    assert _status(client, job_id) is JobStatus.RUNNING
