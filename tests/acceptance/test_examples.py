"""Every example is checked, and every one that needs no cluster is run from a copy of the project's folder."""

import shutil
from pathlib import Path

import pytest
from torc_process import EXAMPLES, Torc

SPECS = sorted(path.relative_to(EXAMPLES.parent) for path in EXAMPLES.glob("*/*.[yj]*") if path.suffix != ".py")
WAIT_FOR_A_DECISION = {"failure_handler_demo.yaml", "failure_handler_simulation.yaml"}
"""Their handlers leave a failure to people on purpose."""


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
    waits = spec.name in WAIT_FOR_A_DECISION
    report = in_a_copy("run", spec, "-f", "json", code=1 if waits else 0).json
    assert report["success"] is not waits
    counts = report["jobs_by_status"]
    assert counts["failed"] == 0
    assert (counts["pending_failed"] > 0) is waits
