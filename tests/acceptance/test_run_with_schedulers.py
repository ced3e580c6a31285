"""`torc run` on a file that describes Slurm allocations: what it does not do is in its remarks."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from torc_process import SpecWriter, Torc

SCHEDULER = {"name": "main", "account": "proj", "walltime": "00:10:00", "nodes": 1}
ACTION = {
    "trigger_type": "on_workflow_start",
    "action_type": "schedule_nodes",
    "scheduler": "main",
    "scheduler_type": "slurm",
}


@pytest.fixture
def away(torc: Torc, tmp_path: Path) -> Torc:
    """A machine without Slurm."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "true"):
        found = next(Path(place, name) for place in os.get_exec_path() if Path(place, name).exists())
        (folder / name).symlink_to(found)
    return replace(torc, environment={"PATH": str(folder)})


def test_schedulers_alone_ask_for_nothing(away: Torc, spec: SpecWriter) -> None:
    file = spec(jobs={"a": "true"}, slurm_schedulers=[SCHEDULER])
    answer = away("run", file)
    assert "nothing is asked of Slurm" in answer.err
    assert f"submit-slurm {file}" in answer.err


def test_without_slurm_the_machine_to_go_to_is_named(away: Torc, spec: SpecWriter) -> None:
    file = spec(jobs={"a": "true"}, slurm_schedulers=[SCHEDULER], actions=[ACTION])
    answer = away("run", file, code=None)
    assert "no allocation is submitted" in answer.err
    assert f"submit {file}" in answer.err


def test_a_file_without_schedulers_and_a_run_in_an_allocation_need_no_remark(away: Torc, spec: SpecWriter) -> None:
    assert "Slurm" not in away("run", spec(jobs={"a": "true"})).err
    inside = replace(away, environment={**away.environment, "SLURM_JOB_ID": "7"})
    file = spec(jobs={"a": "true"}, name="inside", slurm_schedulers=[SCHEDULER])
    assert "nothing is asked of Slurm" not in inside("run", file, code=None).err
