"""`--ai-agent rules`: what the rules are sure of is decided, the rest is left to people."""

import re
from pathlib import Path

from agent_scenes import BAD_DATA, NO_MODULE, OOM, REFUSED, STRANGE, IsolatedTorc, Scene, failed_scene
from recovery_scenes import fail_all, requirement_of

from torc_client.agents.rules import decide_groups, read_groups
from torc_client.http import TorcClient
from torc_core.evidence.record import Evidence
from torc_core.triage.assess import assess

SPEC = """
name: triage
resource_requirements:
  - {name: small, memory: 64m, runtime: PT10M, num_cpus: 1}
jobs:
  - name: fetch
    command: '[ $TORC_ATTEMPT_ID -ge 2 ] || { echo "ConnectionError: Connection refused to storage:443" >&2; exit 1; }'
  - name: model
    command: 'echo "ModuleNotFoundError: No module named (frobnicator)" >&2; exit 1'
  - name: validate
    command: 'echo "ValueError: Column timestamp has invalid format" >&2; exit 1'
  - name: big
    command: '[ $TORC_RUN_ID$TORC_ATTEMPT_ID -gt 11 ] || { echo "MemoryError: out of memory" >&2; exit 137; }'
    resource_requirements: small
  - {name: use, command: echo ok, depends_on: [fetch, big]}
"""


def test_a_proposal_of_the_rules_is_read_approved_and_runs_to_the_end(torc: IsolatedTorc) -> None:
    torc.link_shell()
    (torc.folder / "triage.yaml").write_text(SPEC)
    created = torc("-f", "json", "run", "triage.yaml", code=1).json
    workflow_id = created["workflow_id"]
    printed = torc("recover", workflow_id, "--ai-recovery", "--ai-agent", "rules", "--dry-run")
    assert "retry" in row(printed.out, "fetch")
    assert "fail" in row(printed.out, "model")
    assert "fail" in row(printed.out, "validate")
    assert "memory 64m -> 96m" in row(printed.out, "big")
    number = re.search(r"torc failures approve (\d+)", printed.out)
    assert number is not None
    torc("failures", "approve", number[1], "--yes")
    ran = torc("-f", "json", "run", workflow_id, code=1).json
    assert ran["is_complete"]
    assert ran["jobs_by_status"]["completed"] == 3
    assert ran["jobs_by_status"]["failed"] == 2


def test_run_recovers_and_runs_again_by_itself(torc: IsolatedTorc) -> None:
    torc.link_shell()
    (torc.folder / "triage.yaml").write_text(SPEC)
    ran = torc("-f", "json", "run", "triage.yaml", "--ai-recovery", "--ai-agent", "rules", code=1).json
    assert (ran["jobs_by_status"]["completed"], ran["jobs_by_status"]["failed"]) == (3, 2)


def test_recover_applies_what_rules_are_sure_of_and_heuristics_what_they_foresee(
    torc: IsolatedTorc, shared_client: TorcClient
) -> None:
    scene = failed_scene(
        shared_client, {"fetch": REFUSED, "model": NO_MODULE, "data": BAD_DATA, "big": OOM, "odd": STRANGE}
    )
    printed = torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", "--memory-multiplier", 2)
    assert scene.statuses() == {
        "fetch": "ready", "model": "failed", "data": "failed", "big": "ready", "odd": "pending_failed"
    }  # fmt: skip
    assert requirement_of(shared_client, scene.ids["big"]).split()[1] == "17g"
    assert "1 job(s) wait for a decision" in printed.out
    assert {decision.actor.kind for decision in shared_client.failures.decisions(scene.workflow_id)} == {"rules"}


def test_what_rules_are_not_sure_enough_of_is_left(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    unsure = Evidence(return_code=1, stderr_tail="ValueError: month must be in 1..12")
    surer = assess(NO_MODULE).suggestion
    assert surer is not None
    scene = failed_scene(shared_client, {"check": unsure, "model": NO_MODULE})
    bound = ("--ai-min-confidence", surer.confidence)
    torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", *bound, code=1)
    assert scene.statuses() == {"check": "pending_failed", "model": "failed"}


def test_the_bound_of_retries_holds_for_rules_too(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"fetch": REFUSED})
    torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", "--max-ai-retries", 0, code=1)
    assert scene.statuses() == {"fetch": "pending_failed"}


def test_rules_say_for_how_many_jobs_they_decided_nothing_and_why(
    torc: IsolatedTorc, shared_client: TorcClient
) -> None:
    scene = failed_scene(shared_client, {"fetch": REFUSED, "odd": STRANGE, "odder": STRANGE})
    printed = torc(
        *("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", "--ai-min-confidence", 0.99), code=1
    )
    assert "left: 2 job(s): no rule has a suggestion for their failure" in printed.out
    assert re.search(r"left: 1 job\(s\): retry is \d+% sure \(.*\), below --ai-min-confidence 99%", printed.out)
    assert "--retry-unknown" not in printed.out
    assert "unknown" not in printed.out
    bounded = torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", "--max-ai-retries", 0, code=1)
    assert "left: 1 job(s): agents and rules may not send it back, the limit is 0" in bounded.out


def test_jobs_that_an_agent_failed_are_no_unknown_failures(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"model": NO_MODULE, "big": OOM})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules")
    assert scene.statuses() == {"model": "failed", "big": "ready"}
    assert "unknown" not in printed.out


def test_a_dry_run_tells_of_the_jobs_that_nothing_is_proposed_for(
    torc: IsolatedTorc, shared_client: TorcClient
) -> None:
    scene = failed_scene(shared_client, {"fetch": REFUSED, "odd": STRANGE, "odder": STRANGE, "big": OOM})
    asked = ("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", "--dry-run")
    assert "2 other job(s) wait for a decision, without a proposal" in torc(*asked).out
    data = torc("-f", "json", *asked).json["ai_recovery"]
    assert data["still_waiting"] == 2
    assert data["left"] == ["2 job(s): no rule has a suggestion for their failure"]


def test_a_dry_run_names_who_can_decide_about_what_it_leaves(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"fetch": REFUSED, "odd": STRANGE, "big": OOM})
    printed = torc("recover", scene.workflow_id, "--dry-run").out
    assert f"2 job(s) wait for a decision: torc failures list {scene.workflow_id}" in printed
    assert f"The rules know 1 of them: torc recover {scene.workflow_id} --ai-recovery --ai-agent rules" in printed
    left = failed_scene(shared_client, {"odd": STRANGE})
    assert "The rules know 0 of them" in torc("recover", left.workflow_id, "--dry-run", code=1).out


def test_a_run_reports_the_state_after_the_decision(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    torc.link_shell()
    (torc.folder / "flow.yaml").write_text(
        "name: flow\njobs:\n"
        "  - name: model\n    command: 'echo \"ModuleNotFoundError: No module named (frobnicator)\" >&2; exit 1'\n"
        "  - {name: use, command: echo ok, depends_on: [model]}\n"
    )
    ran = torc("-f", "json", "run", "flow.yaml", "--ai-recovery", "--ai-agent", "rules", code=1).json
    assert (ran["is_complete"], ran["jobs_by_status"]["failed"], ran["jobs_by_status"]["canceled"]) == (True, 1, 1)
    assert not ran["jobs_by_status"].get("pending_failed")


def test_a_job_that_recovery_mends_is_decided_alone_among_its_like(shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"a": REFUSED, "b": REFUSED})
    groups = read_groups(shared_client, scene.workflow_id)
    decision = decide_groups(groups, {}, min_confidence=0.5)
    assert [request.signature for request in decision.decided] == [groups[0].signature]
    assert decision.planned == []


def test_rules_are_no_less_sure_of_a_retry_that_helped_before(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    first = failed_scene(shared_client, {"fetch": ONCE_MORE})
    sure = confidence(first)
    torc("recover", first.workflow_id, "--ai-recovery", "--ai-agent", "rules")
    fail_all(shared_client, first.workflow_id, {first.ids["fetch"]: None})
    assert confidence(failed_scene(shared_client, {"fetch": ONCE_MORE})) >= sure


ONCE_MORE = Evidence(
    return_code=1, stderr_tail="requests.exceptions.ConnectionError: Connection refused to once.more:443"
)


def confidence(scene: Scene) -> float:
    [group] = read_groups(scene.client, scene.workflow_id)
    assert group.suggestion is not None
    return group.suggestion.confidence


def row(text: str, name: str) -> str:
    [found] = [line for line in text.splitlines() if f" {name} " in line and ("retry" in line or "fail" in line)]
    return found


def test_rules_need_no_agent_file(torc: IsolatedTorc) -> None:
    listed = torc("-f", "json", "agents", "list").json
    assert listed[0]["name"] == "rules"
    assert Path(listed[1]["file"]).name == "claude.yaml"
