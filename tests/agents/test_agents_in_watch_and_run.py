"""Agents in commands that go on: they are asked again, and never without end."""

from agent_scenes import STRANGE, InstallStandIn, IsolatedTorc, failed_scene
from helpers import wait_until

from torc_client.http import TorcClient
from torc_core.api.tokens import TokenRequest


def write_spec(torc: IsolatedTorc, *commands: str) -> None:
    jobs = "\n".join(f"  - name: job{number}\n    command: |\n      {line}" for number, line in enumerate(commands))
    (torc.folder / "flow.yaml").write_text(f"name: flow\njobs:\n{jobs}\n")


def test_an_agent_that_always_retries_is_asked_as_often_as_recovery_may_be_tried(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    torc.link_shell()
    write_spec(torc, "echo the gadget wobbles >&2; exit 3")
    printed = torc("run", "flow.yaml", "--ai-recovery", "--max-retries", 2, code=1)
    assert len(torc.calls()) == 2
    assert "Max retries (2) exceeded" in printed.out


def test_a_job_is_sent_back_by_agents_as_often_as_the_user_allows(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    torc.link_shell()
    write_spec(torc, "echo the gizmo wobbles >&2; exit 3")
    ran = torc("-f", "json", "run", "flow.yaml", "--ai-recovery", "--max-ai-retries", 1, code=1).json
    decisions = shared_client.failures.decisions(ran["workflow_id"])
    assert [decision.action for decision in decisions] == ["retry"]
    assert len(torc.calls()) == 2
    assert ran["jobs_by_status"]["pending_failed"] == 1


def test_a_second_recovery_ends_before_it_pays_for_an_agent(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    scene = failed_scene(shared_client, {"odd": STRANGE})
    call = TokenRequest(name="a call", workflow_id=scene.workflow_id, agent="copilot", mode="decide", is_call=True)
    first = shared_client.access.create_token(call)
    refused = torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "claude", code=1)
    assert f"agent copilot is asked about workflow {scene.workflow_id} by " in refused.err
    assert f"torc tokens revoke {first.id}" in refused.err
    assert torc.calls() == []
    shared_client.access.revoke_token(first.id)
    torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "claude", code=None)
    assert len(torc.calls()) == 1


def test_a_watch_beside_a_run_decides_and_the_run_goes_on(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    torc.link_shell()
    write_spec(
        torc,
        '[ "$TORC_ATTEMPT_ID" -ge 2 ] || { echo "Connection refused to watched.example:443" >&2; exit 1; }',
        "sleep 0.1; echo \"ModuleNotFoundError: No module named 'watched'\" >&2; exit 1",
    )
    workflow_id = torc("-f", "json", "create", "flow.yaml").json["workflow_id"]
    with torc.start("watch", workflow_id, "--ai-recovery", "--ai-agent", "rules") as watching:
        wait_until(lambda: shared_client.failures.count_recovering(workflow_id), "the watch is there")
        with torc.start("run", workflow_id) as running:
            out, err = watching.communicate(timeout=60)
            running.communicate(timeout=60)
    statuses = {job.name: str(job.status) for job in shared_client.jobs.list_all(workflow_id=workflow_id)}
    assert statuses == {"job0": "completed", "job1": "failed"}, out + err
    assert "rules sent 1 job(s) back and gave 1 up" in out
    assert (watching.returncode, running.returncode) == (1, 1)
