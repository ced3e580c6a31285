"""Every example is checked, and every one that needs no cluster is run from a copy of the project's folder."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from torc_process import EXAMPLES, Torc

from torc_client.execution_plan import plan_draft
from torc_client.specs import load_draft
from torc_core.api.drafts import WorkflowDraft

LANGUAGES = {".yaml", ".json", ".json5", ".kdl"}
SPECS = sorted(
    path.relative_to(EXAMPLES.parent)
    for folder in ("yaml", "json", "kdl")
    for path in (EXAMPLES / folder).iterdir()
    if path.suffix in LANGUAGES and path.name != "torc.schema.json"
)
DECIDED_BY_PEOPLE = {"failure_handler_demo.yaml": 1, "failure_handler_simulation.yaml": 1, "pending_failures.yaml": 1}
"""Their handlers leave failures to people on purpose: the exit code."""
OPTIONS = {"oom_recovery_demo.yaml": ["--recover"], "labeled_jobs.yaml": ["--label", "windows,gpu"]}
"""What they need beside a runner: one asks for too little, for recovery to mend, one for a runner with labels."""
JOBS_AT_THE_END = {"dynamic_orchestrator_local.yaml": 7, "simple_retry.yaml": 1, "labeled_jobs.yaml": 5}


@pytest.fixture
def in_a_copy(torc: Torc) -> Torc:
    shutil.copytree(EXAMPLES, torc.folder / EXAMPLES.name)
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # jobs of the examples call torc
    return Torc(torc.folder, torc.url, {"FAILURE_DEMO_SEED": "1", "PATH": programs})


def needs_slurm(spec: Path) -> bool:
    return "slurm_schedulers:" in (EXAMPLES.parent / spec).read_text()


def draft_of(spec: Path) -> WorkflowDraft:
    draft, report = load_draft(EXAMPLES.parent / spec, user="ann", folder=EXAMPLES.parent)
    equal_names = [] if "failure_handler_simulation" not in spec.name else report.warnings
    assert report.warnings == equal_names
    return draft


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_example_is_valid_and_has_a_plan(spec: Path) -> None:
    draft = draft_of(spec)
    plan = plan_draft(draft)
    assert sum(len(stage.jobs) for stage in plan.stages) == len(draft.jobs)
    assert all(action.stage < len(plan.stages) for action in plan.actions)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.suffix != ".yaml"], ids=str)
def test_an_example_in_another_language_is_the_same_workflow(spec: Path) -> None:
    in_yaml = draft_of(EXAMPLES.relative_to(EXAMPLES.parent) / "yaml" / f"{spec.stem}.yaml")
    assert draft_of(spec).model_copy(update={"workflow": in_yaml.workflow}) == in_yaml


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.suffix == ".yaml"], ids=str)
def test_editors_find_the_schema_of_an_example(spec: Path) -> None:
    first = (EXAMPLES.parent / spec).read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=torc.schema.json"


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.suffix == ".yaml" and not needs_slurm(spec)], ids=str)
def test_example_runs_to_its_end(in_a_copy: Torc, spec: Path) -> None:
    code = DECIDED_BY_PEOPLE.get(spec.name, 0)
    report = in_a_copy("run", spec, *OPTIONS.get(spec.name, []), "-f", "json", code=code).json
    counts = report["jobs_by_status"]
    assert report["success"] is (code == 0)
    assert counts["running"] == counts["pending"] == counts["ready"] == 0
    assert bool(report["failures"]) is (code != 0)
    assert sum(counts.values()) == JOBS_AT_THE_END.get(spec.name, sum(counts.values()))
