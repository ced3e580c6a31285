"""News of a workflow, and waiting for whoever recovers it."""

from helpers import ServerProcess, wait_until
from recovery_scenes import OOM, claim_all, fail_all, job, leave, make_scene

from torc_client.http import TorcClient
from torc_client.recovery.await_recovery import await_recovery
from torc_client.recovery.bounded_recovery import BoundedRecovery
from torc_client.recovery.event_listener import EventListener
from torc_client.recovery.recover import RecoveryTools
from torc_core.api.jobs import ReleaseClaimsRequest
from torc_core.recovery.plan import RecoverOptions


def test_the_end_of_a_runner_is_news(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("only"))
    listener = EventListener(shared_server.client, workflow_id, recovers=True)
    failures = shared_client.failures
    wait_until(lambda: failures.count_recovering(workflow_id) == 1, "the watcher is known")
    runner_id = claim_all(shared_client, workflow_id)
    assert listener.wait(10)
    shared_client.release_claims(workflow_id, ReleaseClaimsRequest(job_ids=[]))
    leave(shared_client, runner_id)
    assert listener.wait(10)
    listener.close()


def test_news_go_on_after_the_server_was_started_anew(server: ServerProcess, client: TorcClient) -> None:
    workflow_id, _ = make_scene(client, job("only"))
    listener = EventListener(server.client, workflow_id, recovers=True)
    wait_until(lambda: client.failures.count_recovering(workflow_id) == 1, "the watcher is known")
    server.kill()
    server.start()
    wait_until(lambda: client.failures.count_recovering(workflow_id) == 1, "the watcher is back")
    assert listener.wait(10)
    listener.close()


def test_nobody_waits_for_a_recovery_that_nobody_does(shared_client: TorcClient) -> None:
    workflow_id, (hungry,) = make_scene(shared_client, job("hungry"))
    fail_all(shared_client, workflow_id, {hungry: OOM})
    lines: list[str] = []
    assert not await_recovery(shared_client, workflow_id, say=lambda line: lines.append(str(line)))
    assert lines == []


def test_a_runner_goes_on_where_somebody_has_recovered_before_it_asked(shared_client: TorcClient) -> None:
    workflow_id, (hungry,) = make_scene(shared_client, job("hungry"))
    fail_all(shared_client, workflow_id, {hungry: OOM})
    assert not await_recovery(shared_client, workflow_id, run_id=1, say=lambda _: None)
    tools = RecoveryTools(user="tester", say=lambda _: None)
    assert BoundedRecovery(client=shared_client, options=RecoverOptions(runtime_multiplier=1.5), tools=tools).attempt(
        workflow_id
    )
    assert await_recovery(shared_client, workflow_id, run_id=1, say=lambda _: None)
    assert not await_recovery(shared_client, workflow_id, run_id=2, say=lambda _: None)
