"""Watching with foresight: what waits gets more before it fails, too, and only where that is wanted."""

import pytest
from recovery_scenes import OOM, claim_all, end, job, leave, make_scene, requirement_of
from test_recovery_watch import Script, Watching

from torc_client.http import TorcClient
from torc_core.recovery.plan import RecoverOptions


@pytest.mark.parametrize("foresight", [True, False])
def test_a_watch_raises_what_waits_while_others_run(shared_client: TorcClient, foresight: bool) -> None:
    client, watching = shared_client, Watching(shared_client)
    jobs = [job(f"train_{n}") for n in range(4)] + [job("train_9", depends_on=[3])]
    workflow_id, ids = make_scene(client, *jobs)
    runner_id = claim_all(client, workflow_id)
    found: list[str] = []

    def three_fail() -> None:
        for job_id in ids[:3]:
            end(client, job_id, OOM)

    def the_last_completes() -> None:
        found.append(requirement_of(client, ids[4]))
        end(client, ids[3])
        claim_all(client, workflow_id)
        end(client, ids[4])
        leave(client, runner_id)

    script = Script(three_fail, the_last_completes)
    watching(workflow_id, script, recover=RecoverOptions(foresight=foresight), max_retries=0)
    assert found == ["large_mem13g 13g PT1H" if foresight else "large 8g PT1H"]
    assert any("raising memory to 13g" in line for line in watching.lines) is foresight
