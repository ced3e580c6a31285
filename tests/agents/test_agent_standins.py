"""`torc recover --ai-recovery` with programs in the place of real agents, against a real server."""

import signal
from pathlib import Path
from typing import Any

import pytest
from agent_scenes import (
    BAD_DATA,
    NO_MODULE,
    OOM,
    REFUSED,
    STRANGE,
    InstallStandIn,
    IsolatedTorc,
    failed_scene,
    kill_leftovers,
)
from helpers import wait_until

from torc_client.agents.files import builtin_folder
from torc_client.http import TorcClient
from torc_mcp.registry import TOOLS


def pids(torc: IsolatedTorc) -> list[int]:
    path = torc.notes / "pids"
    wait_until(path.exists, "the stand-in runs")
    return [int(pid) for pid in path.read_text().split()]


def test_an_agent_decides_through_the_mcp_server_and_recovery_says_how_to_go_on(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    scene = failed_scene(shared_client, {"fetch": STRANGE, "model": NO_MODULE, "data": BAD_DATA}, dependents=["use"])
    printed = torc("recover", scene.workflow_id, "--ai-recovery")
    assert scene.statuses() == {"fetch": "ready", "model": "failed", "data": "failed", "use": "blocked"}
    assert "[claude] I decided about 3 groups." in printed.out
    assert "AI recovery: claude sent 1 job(s) back and gave 2 up" in printed.out
    assert f"torc run {scene.workflow_id}" in printed.out
    decisions = shared_client.failures.decisions(scene.workflow_id)
    assert {(decision.actor.kind, decision.actor.name, decision.actor.user) for decision in decisions} == {
        ("agent", "claude", "tester")
    }


def test_an_agent_sees_nothing_but_what_it_needs(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    credentials = shared_client.transport.credentials
    assert credentials is not None
    secret = str(credentials.token)  # a password for any name, and more than the agent may have
    torc.more |= {"TORC_PASSWORD": secret, "DATABASE_KEY": "another", "ANTHROPIC_MODEL": "tiny", "CI": "true"}
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    torc("recover", scene.workflow_id, "--ai-recovery", "--max-ai-retries", 2, "--max-memory", "9g")
    [call] = torc.calls()
    env, argv, config = (
        dict[str, Any](call[name]) if name != "argv" else call[name] for name in ("env", "argv", "config")
    )
    server = config["mcpServers"]["torc"]
    assert secret not in str(argv) + str(env) + str(config)
    assert "DATABASE_KEY" not in env
    assert "CI" not in env
    assert env["ANTHROPIC_MODEL"] == "tiny"
    assert env["MCP_CONNECTION_NONBLOCKING"] == "0"
    assert "TORC_PASSWORD" not in server["env"]
    assert server["env"]["TORC_API_TOKEN"].startswith("torc_")
    assert shared_client.access.tokens() == []
    assert (server["env"]["TORC_MAX_AI_RETRIES"], server["env"]["TORC_MAX_MEMORY"]) == ("2", "9g")
    assert server["env"]["TORC_API_TOKEN"] not in str(server["args"]) + str(env)
    assert call["config_mode"] == "0o600"
    assert call["in_cwd"] == []
    assert call["stdin"] == ""
    assert call["group"] == call["pid"]
    assert not Path(str(call["cwd"])).exists()


def test_the_server_of_an_agent_is_for_its_workflow_alone_whatever_the_agent(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    install("honest", name="mine")
    own = torc.folder / ".config" / "torc" / "agents"
    own.mkdir(parents=True)
    text = (builtin_folder() / "claude.yaml").read_text().replace("- [claude]", "- [mine]")
    (own / "mine.yaml").write_text(text.replace("name: claude", "name: mine"))
    for name in ("claude", "mine"):
        scene = failed_scene(shared_client, {"fetch": STRANGE})
        torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", name)
        arguments = torc.calls()[-1]["config"]["mcpServers"]["torc"]["args"]
        bound = ["--toolsets", "triage", "--workflow", str(scene.workflow_id)]
        assert arguments[-7:] == [*bound, "--no-asking", "--preview-above", "never"]
        assert set(torc.note("tools").split()) == {entry.name for entry in TOOLS if entry.is_for_triage}


def test_in_a_dry_run_the_agent_can_only_propose(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    scene = failed_scene(shared_client, {"fetch": REFUSED, "model": NO_MODULE})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", "--dry-run")
    assert set(scene.statuses().values()) == {"pending_failed"}
    [proposal] = shared_client.failures.proposals(scene.workflow_id)
    assert (proposal.jobs_to_retry, proposal.jobs_to_fail) == (1, 1)
    assert f"torc failures approve {proposal.id}" in printed.out
    assert "update_job_resources" not in torc.note("tools")


def test_a_dry_run_in_json_is_one_document_that_holds_the_proposal(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest")
    scene = failed_scene(shared_client, {"fetch": REFUSED})
    data = torc("-f", "json", "recover", scene.workflow_id, "--ai-recovery", "--dry-run").json["ai_recovery"]
    assert [job["job_id"] for job in data["proposals"][0]["jobs"]] == [scene.ids["fetch"]]


def test_exit_code_0_and_fine_words_count_for_nothing(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("liar")
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", code=1)
    assert "claude decided nothing" in printed.out
    assert "list_pending_failed_jobs and classify_and_resolve_failures" in printed.out
    assert f"torc workflows reset-status {scene.workflow_id} --failed-only" in printed.out
    assert scene.statuses() == {"fetch": "pending_failed"}


def test_an_agent_that_dies_leaves_recovery_to_go_on_with_the_rest(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("dying")
    scene = failed_scene(shared_client, {"fetch": STRANGE, "big": OOM})
    printed = torc("recover", scene.workflow_id, "--ai-recovery")
    assert "Claude Code ended with exit code 7" in printed.out
    assert "[claude] Invalid API key" in printed.out
    assert scene.statuses() == {"fetch": "pending_failed", "big": "ready"}


def test_a_missing_agent_is_named_with_the_way_to_install_it(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", code=1)
    assert "there is no claude on PATH" in printed.out
    assert "npm install -g @anthropic-ai/claude-code" in printed.out


def test_an_unknown_agent_is_refused_before_anything_happens(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    for command in ("recover", "watch"):
        printed = torc(command, scene.workflow_id, "--ai-recovery", "--ai-agent", "hal", code=2)
        assert "there is no agent 'hal'" in printed.err
        assert "claude, copilot, rules" in printed.err
    assert list(torc.folder.iterdir()) == []


def test_a_flood_of_output_is_cut_and_cleaned(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("flood")
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", code=1)
    assert len(printed.out) < 30_000
    assert "first line red" in printed.out
    assert "\x1b" not in printed.out
    assert "\u202e" not in printed.out
    assert "ghp_" not in printed.out
    assert "lines left out" in printed.out
    assert "[claude] the last line" in printed.out


def test_what_outstays_its_time_is_killed_with_everything_it_started(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    put_short_grace(torc)
    install("stubborn")
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", "--ai-timeout", 3, code=1)
    assert kill_leftovers(pids(torc)) == []
    assert "did not end within 3 seconds (--ai-timeout) and was stopped" in printed.out


def test_what_an_agent_leaves_behind_ends_with_it(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    put_short_grace(torc)
    install("leaving")
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    torc("recover", scene.workflow_id, "--ai-recovery", code=1)
    assert kill_leftovers(pids(torc)) == []


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ending_torc_ends_the_agent_and_everything_it_started(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient, signum: int, code: int
) -> None:
    put_short_grace(torc)
    install("stubborn")
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    with torc.start("recover", scene.workflow_id, "--ai-recovery") as process:
        started = pids(torc)
        process.send_signal(signum)
        _, err = process.communicate(timeout=20)
    assert kill_leftovers(started) == []
    assert process.returncode == code
    assert "Traceback" not in err


def test_a_watch_asks_an_agent_that_decides_nothing_once_and_ends(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("liar")
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    torc("watch", scene.workflow_id, "--ai-recovery", "--poll-interval", 0.1, code=1)
    assert len(torc.calls()) == 1


def put_short_grace(torc: IsolatedTorc) -> None:
    """The user's own description of claude, which kills sooner."""
    from torc_client.agents.files import builtin_folder

    text = (builtin_folder() / "claude.yaml").read_text()
    folder = torc.folder / ".config" / "torc" / "agents"
    folder.mkdir(parents=True)
    (folder / "claude.yaml").write_text(f"{text}\nlimits:\n  grace_s: 0.3\n")
