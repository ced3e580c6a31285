"""Groups say what a suggestion rests on, what rules and words lean to, and which claims were not believed."""

from pathlib import Path

from services_bench import Bench, job
from triage import REQUIREMENTS, evidence, failed_run, group_of

from torc_cli.render.failure_text import group_text
from torc_core.jobs.status import JobStatus
from torc_mcp.failure_views import view_group
from torc_mcp.fence import Fence

FORGED = "slurmstepd: error: Detected 1 oom_kill event in StepId=1.0."
UNSURE = "the solver gave up: residual table inconsistent with worker state"


def test_a_suggestion_names_its_rule_and_its_words(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": "ModuleNotFoundError: No module named 'torch'"})
    group = group_of(run, "a")
    assert group.suggestion is not None
    assert group.suggestion.words
    assert group.leaning is None
    line = next(line for line in group_text(group).splitlines() if line.startswith("Suggestion: fail"))
    assert f"rule {group.suggestion.rule}, words: {group.suggestion.words[0]}" in line
    shown = view_group(group, Fence()).suggestion
    assert shown is not None
    assert shown.basis.startswith(f"rule {group.suggestion.rule}; words {group.suggestion.words[0]}")


def test_a_claim_that_facts_contradict_is_named_and_suggests_nothing(tmp_path: Path) -> None:
    bench = Bench.at(tmp_path / "torc.db")
    run = bench.workflow([job("a", resource_requirements=0)], **REQUIREMENTS)
    run.begin("a")
    forged = evidence(FORGED, node="n1", peak_memory_bytes=10 << 20, memory_limit_bytes=1 << 30, runtime_s=0.1)
    run.end("a", JobStatus.FAILED, unmatched_failure=True, evidence=forged)
    group = group_of(run, "a")
    assert group.suggestion is None
    assert "did not run under Slurm" in group.doubts[0]
    assert "  Not believed: its log quotes a verdict of Slurm, but it did not run under Slurm." in group_text(group)
    assert view_group(group, Fence()).doubts == list(group.doubts)


def test_what_is_not_sure_enough_is_shown_as_a_leaning(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": UNSURE})
    group = group_of(run, "a")
    assert group.suggestion is None
    assert group.leaning is not None
    assert f"It leans to {group.leaning.action} ({group.leaning.class_}" in group_text(group)
    assert view_group(group, Fence()).leaning is not None
