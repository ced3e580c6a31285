"""Every example is checked, and every one that needs no cluster is run from a copy of the project's folder."""

import shutil
from pathlib import Path

import pytest
from torc_process import EXAMPLES, Torc

SPECS = sorted(path.relative_to(EXAMPLES.parent) for path in EXAMPLES.glob("*/*.[yj]*") if path.suffix != ".py")
DECIDED_BY_PEOPLE = {"failure_handler_demo.yaml": 1, "failure_handler_simulation.yaml": 1, "pending_failures.yaml": 1}
"""Their handlers leave failures to people on purpose: the exit code."""
RECOVERED = {"oom_recovery_demo.yaml"}
"""They ask for too little, for recovery to mend."""


@pytest.fixture
def in_a_copy(torc: Torc) -> Torc:
    shutil.copytree(EXAMPLES, torc.folder / EXAMPLES.name)
    return Torc(torc.folder, torc.url, {"FAILURE_DEMO_SEED": "1"})


def needs_slurm(spec: Path) -> bool:
    return "slurm" in (EXAMPLES.parent / spec).read_text()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_example_is_valid(in_a_copy: Torc, spec: Path) -> None:
    report = in_a_copy("create", spec, "--dry-run", "-f", "json").json
    assert report["errors"] == []


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not needs_slurm(spec)], ids=str)
def test_example_runs_to_its_end(in_a_copy: Torc, spec: Path) -> None:
    recover = ["--recover"] if spec.name in RECOVERED else []
    code = DECIDED_BY_PEOPLE.get(spec.name, 0)
    report = in_a_copy("run", spec, *recover, "-f", "json", code=code).json
    counts = report["jobs_by_status"]
    assert report["success"] is (code == 0)
    assert counts["running"] == counts["pending"] == counts["ready"] == 0
    assert bool(report["failures"]) is (code != 0)
