"""A runner beside a watcher: it waits while the watcher recovers, and leaves once it has gone."""

import pytest
from helpers import ServerProcess, wait_until
from recovery_scenes import OOM, fail_all, job, make_scene
from test_recovery_watch import RECOVER, Clock, Script, Watching

from torc_client.http import TorcClient
from torc_client.recovery.await_recovery import await_recovery
from torc_client.recovery.event_listener import EventListener


def test_a_runner_waits_while_a_watcher_recovers(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    listener = EventListener(shared_server.client, workflow_id, recovers=True)
    wait_until(lambda: client.failures.count_recovering(workflow_id) == 1, "the watcher is known")
    watching = Watching(client)
    pauses = 0

    def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        script = Script(lambda: fail_all(client, workflow_id, {hungry: None}))
        if pauses == 3:
            script = Script(lambda: pytest.fail("stop here"))
            with pytest.raises(pytest.fail.Exception):
                watching(workflow_id, script, recover=RECOVER)

    assert await_recovery(client, workflow_id, say=lambda _: None, pause=pause)
    assert pauses == 3
    listener.close()


def test_a_runner_leaves_soon_after_the_watcher_has_gone(
    shared_client: TorcClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    watchers = iter([1, 1])
    monkeypatch.setattr(client.failures, "count_recovering", lambda _: next(watchers, 0))
    clock = Clock()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.forward(seconds)()

    assert not await_recovery(client, workflow_id, say=lambda _: None, pause=pause, clock=clock)
    assert 3 < sum(pauses) < 5
