"""What the server lets a token of an agent do, and whom it writes down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import ServerProcess
from recovery_scenes import BROKEN, fail_all, job, make_scene

from torc_client.credentials import Credentials
from torc_client.event_stream import stream_events
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.api.failures import Actor, ApproveRequest, Classification, ClassifyRequest, RejectRequest
from torc_core.api.tokens import TokenMode, TokenRequest
from torc_core.errors import ForbiddenError
from torc_server.access.htpasswd import hash_password, write_users

FORGED = Actor(kind="person", name="somebody else", principal="root", address="1.2.3.4")


@pytest.fixture
def anna(tmp_path: Path) -> Iterator[TorcClient]:
    """A user, proven by her password."""
    write_users(tmp_path / "users", {"anna": hash_password("anna", cost=4)})
    arguments = ["--require-auth", "--auth-file", str(tmp_path / "users")]
    server = ServerProcess(database=tmp_path / "torc.db", arguments=arguments).start()
    with TorcClient(Transport(server.url, credentials=Credentials(user="anna", password="anna"))) as client:  # noqa: S106
        yield client
    server.stop()


def failed_workflow(client: TorcClient) -> tuple[int, int]:
    workflow_id, [job_id] = make_scene(client, job("a"), use_pending_failed=True)
    fail_all(client, workflow_id, {job_id: BROKEN})
    return workflow_id, job_id


def agent_of(client: TorcClient, workflow_id: int, mode: TokenMode) -> TorcClient:
    request = TokenRequest(name="agent", scope="operator", workflow_id=workflow_id, agent="claude", mode=mode)
    token = client.access.create_token(request).token
    return TorcClient(Transport(client.url, credentials=Credentials(token=token)))


def decision(job_id: int, actor: Actor = FORGED) -> ClassifyRequest:
    entry: Any = Classification(job_id=job_id, action="fail", reason="no way")
    return ClassifyRequest(classifications=[entry], actor=actor)


def test_an_agent_that_may_propose_neither_decides_nor_approves_whatever_it_claims(anna: TorcClient) -> None:
    workflow_id, job_id = failed_workflow(anna)
    with agent_of(anna, workflow_id, "propose") as agent:
        proposal = agent.failures.propose(workflow_id, decision(job_id))
        assert (proposal.actor.kind, proposal.actor.name, proposal.actor.user) == ("agent", "claude", "anna")
        for refused in (
            lambda: agent.failures.classify(workflow_id, decision(job_id)),
            lambda: agent.failures.approve(proposal.id, ApproveRequest(actor=FORGED)),
            lambda: agent.failures.reject(proposal.id, RejectRequest(actor=FORGED, reason="no")),
            lambda: agent.jobs.delete(job_id),
            lambda: agent.workflows.delete(workflow_id),
            lambda: agent.access.create_token(TokenRequest(name="more", scope="operator")),
            lambda: agent.claim_next_jobs(workflow_id, limit=1),
            lambda: list(stream_events(agent.transport, workflow_id, recovers=True, duration_s=1)),
        ):
            with pytest.raises(ForbiddenError):
                refused()
    anna.failures.approve(proposal.id, ApproveRequest(actor=FORGED))
    [kept] = anna.failures.decisions(workflow_id)
    assert (kept.actor.kind, kept.actor.name, kept.actor.principal) == ("agent", "claude", "anna")
    assert kept.approved_by is not None
    assert (kept.approved_by.kind, kept.approved_by.name) == ("person", "anna")
    assert (kept.approved_by.principal, kept.approved_by.address) == ("anna", "127.0.0.1")


def test_an_agent_that_may_decide_does_so_as_an_agent_and_in_its_workflow_alone(anna: TorcClient) -> None:
    workflow_id, job_id = failed_workflow(anna)
    other_id, other_job = failed_workflow(anna)
    with agent_of(anna, workflow_id, "decide") as agent:
        agent.failures.classify(workflow_id, decision(job_id))
        assert [workflow.id for workflow in agent.workflows.list_all()] == [workflow_id]
        for refused in (
            lambda: agent.failures.classify(other_id, decision(other_job)),
            lambda: agent.workflow_status(other_id),
            lambda: agent.jobs.get(other_job),
            lambda: agent.job_evidence(other_job),
        ):
            with pytest.raises(ForbiddenError):
                refused()
    [kept] = anna.failures.decisions(workflow_id)
    assert (kept.actor.kind, kept.actor.user, kept.approved_by) == ("agent", "anna", None)


def test_a_person_who_is_proven_is_written_down_whatever_the_request_claims(anna: TorcClient) -> None:
    workflow_id, job_id = failed_workflow(anna)
    anna.failures.classify(workflow_id, decision(job_id))
    [kept] = anna.failures.decisions(workflow_id)
    assert (kept.actor.name, kept.actor.principal, kept.actor.address) == ("anna", "anna", "127.0.0.1")


def test_the_token_of_a_server_proves_no_name_and_keeps_no_claimed_proof(client: TorcClient) -> None:
    workflow_id, job_id = failed_workflow(client)
    client.failures.classify(workflow_id, decision(job_id))
    [kept] = client.failures.decisions(workflow_id)
    assert (kept.actor.name, kept.actor.principal, kept.actor.address) == ("somebody else", None, None)
    with agent_of(client, workflow_id, "propose") as agent, pytest.raises(ForbiddenError):
        agent.failures.classify(workflow_id, decision(job_id))
