"""Triage over HTTP, against a real server process."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from helpers import ServerProcess, make_workflow, wait_until
from triage import AGENT, PERSON, REFUSED, fail_over_http

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.failures import Actor, ApproveRequest, Classification, ClassifyRequest, ProposalModel, RejectRequest
from torc_core.errors import ForbiddenError, InvalidInputError, StateConflictError, TorcError
from torc_core.jobs.status import JobStatus

_LONG_S = 30.0


def _failed_workflow(client: TorcClient, count: int = 2) -> tuple[int, list[int]]:
    """A workflow of jobs that failed alike and wait for a decision."""
    workflow_id, job_ids = make_workflow(client, *(JobDraft(name=f"j{i}", command="false") for i in range(count)))
    fail_over_http(client, workflow_id, dict.fromkeys(job_ids, REFUSED))
    return workflow_id, job_ids


def _request(client: TorcClient, workflow_id: int, action: str, actor: Actor = PERSON) -> ClassifyRequest:
    [group] = client.failures.groups(workflow_id).items
    entry = {"signature": group.signature, "action": action, "reason": "the storage server was down"}
    return ClassifyRequest(classifications=[Classification.model_validate(entry)], actor=actor)


def test_a_group_is_listed_decided_and_remembered(client: TorcClient) -> None:
    workflow_id, job_ids = _failed_workflow(client)
    [group] = client.failures.groups(workflow_id).items
    assert (group.count, group.job_ids, group.cause) == (2, job_ids, REFUSED)
    assert group.suggestion is not None
    assert group.suggestion.class_ == "transient"
    evidence = client.failures.evidence(workflow_id, signature=group.signature)
    assert [item.evidence.stderr_tail for item in evidence.items] == [REFUSED] * 2
    answer = client.failures.classify(workflow_id, _request(client, workflow_id, "retry"))
    assert answer.jobs_to_retry == 2
    assert [decision.outcome for decision in client.failures.decisions(workflow_id)] == ["open", "open"]
    assert len(client.failures.decisions(workflow_id, job_id=job_ids[0])) == 1
    assert client.failures.groups(workflow_id).items == []


def test_a_runner_that_waits_gets_the_retried_job_at_once(
    shared_server: ServerProcess, shared_client: TorcClient
) -> None:
    workflow_id, [first, second] = make_workflow(
        shared_client, JobDraft(name="a", command="false"), JobDraft(name="b", command="true")
    )
    fail_over_http(shared_client, workflow_id, {first: REFUSED})
    shared_client.claim_next_jobs(workflow_id, limit=1)
    request = _request(shared_client, workflow_id, "retry")
    with ThreadPoolExecutor(1) as pool, shared_server.client() as waiting:
        claim = pool.submit(waiting.claim_next_jobs, workflow_id, limit=1, wait_s=_LONG_S)
        wait_until(lambda: claim.running(), "the claim is on its way")
        shared_client.failures.classify(workflow_id, request)
        assert [job.id for job in claim.result(timeout=10).jobs] == [first]
    assert shared_client.jobs.get(second).status is JobStatus.PENDING


def test_of_two_approvals_at_the_same_time_one_wins(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    workflow_id, job_ids = _failed_workflow(shared_client, 20)
    proposal = shared_client.failures.propose(workflow_id, _request(shared_client, workflow_id, "retry", AGENT))
    assert (proposal.status, proposal.jobs_to_retry) == ("open", 20)

    def approve(_: int) -> str:
        with shared_server.client() as client:
            try:
                return f"{client.failures.approve(proposal.id, ApproveRequest(actor=PERSON)).jobs_to_retry} retried"
            except StateConflictError as error:
                return error.code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(approve, range(4)))
    assert answers == ["20 retried", *["state_conflict"] * 3]
    assert {shared_client.jobs.get(job_id).attempt_id for job_id in job_ids} == {2}


def test_an_agents_approval_is_forbidden(shared_client: TorcClient) -> None:
    workflow_id, _ = _failed_workflow(shared_client)
    proposal = shared_client.failures.propose(workflow_id, _request(shared_client, workflow_id, "retry", AGENT))
    with pytest.raises(ForbiddenError, match="an agent cannot approve"):
        shared_client.failures.approve(proposal.id, ApproveRequest(actor=AGENT))
    rejected = shared_client.failures.reject(proposal.id, RejectRequest(actor=PERSON, reason="no"))
    assert rejected.status == "rejected"
    listed = shared_client.failures.proposals(workflow_id, status="rejected")
    assert [(one.id, one.jobs_to_retry, one.jobs) for one in listed] == [(proposal.id, 2, [])]
    assert shared_client.failures.proposal(proposal.id) == ProposalModel.model_validate(rejected)


def test_a_preview_changes_nothing(shared_client: TorcClient) -> None:
    workflow_id, _ = _failed_workflow(shared_client)
    answer = shared_client.failures.preview(workflow_id, _request(shared_client, workflow_id, "fail"))
    assert {item.status for item in answer.jobs} == {"would_apply"}
    assert shared_client.failures.groups(workflow_id).total_jobs == 2
    assert shared_client.failures.decisions(workflow_id) == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"job_id": 1, "signature": "x", "action": "retry", "reason": "r"}, "name either job_id or signature"),
        ({"action": "retry", "reason": "r"}, "name either job_id or signature"),
        ({"job_id": 1, "action": "retry", "reason": ""}, "classifications.0.reason"),
        ({"job_id": 1, "action": "later", "reason": "r"}, "classifications.0.action"),
        ({"job_id": 1, "action": "fail", "reason": "r", "memory": "1g"}, "memory and runtime go with action retry"),
        ({"job_id": 1, "action": "retry", "reason": "r", "memory": "much"}, "'much' is not an amount of memory"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(
    shared_server: ServerProcess, shared_client: TorcClient, entry: dict[str, object], message: str
) -> None:
    workflow_id, _ = _failed_workflow(shared_client)
    body = {"classifications": [entry], "actor": {"kind": "person", "name": "ann"}}
    url = f"{shared_server.url}/workflows/{workflow_id}/decisions"
    answer = httpx.post(url, json=body, headers=shared_server.headers, trust_env=False)
    assert answer.status_code == 422
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["failures", "proposals", "decisions", "failures/abc/evidence"])
def test_an_unknown_workflow_is_not_found(shared_server: ServerProcess, path: str) -> None:
    answer = httpx.get(f"{shared_server.url}/workflows/99999/{path}", headers=shared_server.headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_unknown_status_is_refused(shared_client: TorcClient) -> None:
    workflow_id, _ = _failed_workflow(shared_client)
    with pytest.raises(InvalidInputError, match=r"query\.status"):
        shared_client.failures.groups(workflow_id, status="ready")


def test_decisions_survive_the_server(server: ServerProcess) -> None:
    with server.client() as client:
        workflow_id, _ = _failed_workflow(client)
        proposal = client.failures.propose(workflow_id, _request(client, workflow_id, "retry", AGENT))
    server.kill()
    server.start()
    with server.client() as client:
        assert client.failures.approve(proposal.id, ApproveRequest(actor=PERSON)).jobs_to_retry == 2
        with pytest.raises(TorcError, match="already by ann"):
            client.failures.approve(proposal.id, ApproveRequest(actor=PERSON))
