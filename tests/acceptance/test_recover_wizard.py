"""`torc recover` on a terminal: it asks what to do with each kind of failure."""

from pseudo_terminal import PseudoTerminal
from recovery_scenes import BROKEN, OOM, TIMEOUT, fail_all, job, make_scene, statuses
from torc_process import Torc

from torc_client.http import TorcClient


def on_terminal(torc: Torc, *arguments: object) -> PseudoTerminal:
    return PseudoTerminal(torc.argv(*arguments), folder=torc.folder, environment=torc.env())


def test_each_kind_of_failure_is_retried_adjusted_or_skipped(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry, slow, broken) = make_scene(client, job("hungry"), job("slow"), job("broken"))
    fail_all(client, workflow_id, {hungry: OOM, slow: TIMEOUT, broken: BROKEN})
    with on_terminal(torc, "recover", workflow_id) as terminal:
        terminal.expect("Out of memory: 1 job(s)")
        terminal.answer("Out of memory: retry, adjust or skip [retry]", "perhaps")
        terminal.expect("answer with retry, adjust, skip")
        terminal.answer("Out of memory: retry, adjust or skip [retry]", "a")
        terminal.answer("Memory, as a factor (2) or an amount (16g)", "20g")
        terminal.answer("Out of time: retry, adjust or skip [retry]", "")
        terminal.expect("1 x [permanent, fail] ValueError: no such mode")
        terminal.answer("Unknown cause: retry, adjust or skip [skip]", "")
        terminal.expect(f"Job {hungry} (hungry): OOM detected, memory 8g -> 20g")
        terminal.answer("Go ahead? [Y/n]", "y")
        terminal.expect("Reset 2 job(s). Run them with: ")
        assert terminal.await_end() == 0
    assert statuses(client, workflow_id) == {"hungry": "ready", "slow": "ready", "broken": "failed"}
    requirement_id = client.jobs.get(hungry).resource_requirements_id
    assert client.resource_requirements.get(requirement_id or 0).memory == "20g"


def test_a_person_who_declines_or_interrupts_changes_nothing(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (hungry,) = make_scene(client, job("hungry"))
    fail_all(client, workflow_id, {hungry: OOM})
    with on_terminal(torc, "recover", workflow_id) as terminal:
        terminal.answer("retry, adjust or skip", "")
        terminal.answer("Go ahead?", "n")
        terminal.expect("Nothing was retried.")
        assert terminal.await_end() == 1
    with on_terminal(torc, "recover", workflow_id) as terminal:
        terminal.interrupt("retry, adjust or skip")
        terminal.expect("Nothing was retried.")
        assert terminal.await_end() == 1
    assert statuses(client, workflow_id) == {"hungry": "failed"}
    assert client.workflow_status(workflow_id).run_id == 1


def test_nobody_is_asked_with_no_prompts(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry,) = make_scene(shared_client, job("hungry"))
    fail_all(shared_client, workflow_id, {hungry: OOM})
    with on_terminal(torc, "recover", workflow_id, "--no-prompts") as terminal:
        assert terminal.await_end() == 0
    assert "Recovery complete" in terminal.shown
    assert statuses(shared_client, workflow_id) == {"hungry": "ready"}
