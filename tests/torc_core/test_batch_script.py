"""Batch scripts and the options of sbatch in them."""

from pathlib import Path
from typing import Any

import pytest

from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import InvalidInputError
from torc_core.slurm.allocation import Partition
from torc_core.slurm.plan import AllocationPlan, PlannedJob, PlanOptions, Requirement
from torc_core.slurm.planner import plan_allocations
from torc_core.slurm.scheduler_options import scheduler_of_group, scheduler_options
from torc_core.slurm.script import BatchScript


def script(**fields: Any) -> BatchScript:
    given: dict[str, Any] = {
        "workflow_id": 42,
        "url": "http://login:8080/torc-service/v1",
        "runner": "/venv/bin/torc-slurm-job-runner",
        "output_dir": Path("/data/output"),
        "folder": Path("/work"),
        "options": ("--account=proj",),
    }
    return BatchScript(**(given | fields))


def record(**fields: object) -> SlurmSchedulerModel:
    given = {"workflow_id": 42, "name": "s", "account": "proj", "nodes": 1, "walltime": "01:00:00"}
    return SlurmSchedulerModel.model_validate(given | fields)


def test_a_script_is_short_and_ends_in_the_runner() -> None:
    assert script().render("torc-wf42-7-0123abcd") == (
        "#!/bin/bash\n"
        "#SBATCH --job-name=torc-wf42-7-0123abcd\n"
        "#SBATCH --comment=torc-wf42-7-0123abcd\n"
        "#SBATCH --account=proj\n"
        "#SBATCH --no-requeue\n"
        "#SBATCH --signal=B:USR2@120\n"
        "#SBATCH --chdir=/work\n"
        "#SBATCH --output=/data/output/slurm_output_wf42_sl%j.o\n"
        "#SBATCH --error=/data/output/slurm_output_wf42_sl%j.e\n"
        "# Runs jobs of workflow 42. Torc finds this allocation again by its name.\n"
        "exec /venv/bin/torc-slurm-job-runner http://login:8080/torc-service/v1 42 /data/output\n"
    )


@pytest.mark.parametrize(
    ("time", "warned"), [("00:01:00", False), ("4", False), ("00:04:01", True), ("1-00", True), ("UNLIMITED", True)]
)
def test_the_runner_of_a_short_allocation_is_not_warned_before_it_has_begun(time: str, warned: bool) -> None:
    assert ("--signal=" in script(options=(f"--time={time}",)).render("k")) is warned


def test_a_script_starts_a_runner_on_each_node_as_a_step() -> None:
    text = script(runner_on_each_node=True, environment={"TORC_CREDENTIALS_FILE": "/home/a b/c"}).render("k")
    assert "export TORC_CREDENTIALS_FILE='/home/a b/c'\n" in text
    assert text.splitlines()[-1].startswith(
        "exec srun --ntasks-per-node=1 --wait=0 --kill-on-bad-exit=0 --export=ALL /"
    )


def test_the_srun_that_starts_runners_gets_the_mpi_of_the_workflow() -> None:
    assert "exec srun" in script(runner_on_each_node=True, mpi="none").render("k")
    assert " --export=ALL --mpi=none /" in script(runner_on_each_node=True, mpi="none").render("k")
    assert "--mpi" not in script(mpi="none").render("k")


def test_runners_of_many_allocations_do_not_begin_at_the_same_moment() -> None:
    assert "startup-delay" not in script(starts=9).render("k")
    assert script(starts=40).render("k").endswith("/data/output --startup-delay-seconds=$((RANDOM % 20))\n")


def test_options_and_paths_with_blanks_are_quoted_and_line_breaks_refused() -> None:
    text = script(output_dir=Path('/a b/%o"'), options=("--mail-user=a@b.org", "--constraint=x&y")).render("k")
    assert '#SBATCH "--output=/a b/%%o\\"/slurm_output_wf42_sl%j.o"\n' in text
    assert '#SBATCH "--constraint=x&y"\n' in text
    assert "#SBATCH --mail-user=a@b.org\n" in text
    with pytest.raises(InvalidInputError, match="cannot stand in a batch script"):
        script(options=("--account=a\n#SBATCH --x",)).render("k")


def test_a_scheduler_wins_over_the_defaults_of_its_workflow() -> None:
    defaults = {"account": "other", "mail_type": "END", "contiguous": True, "nice": False, "output": "/tmp/x", "x": [1]}
    words = scheduler_options(record(mem="2g", ntasks_per_node=2, extra="-C fast --tmp 5g"), defaults)
    assert words == [
        *("--account=proj", "--mail-type=END", "--contiguous", "--nodes=1", "--ntasks-per-node=2", "--mem=2g"),
        *("--time=01:00:00", "-Cfast", "--tmp=5g"),
    ]


@pytest.mark.parametrize(
    ("fields", "whole"),
    [
        ({}, ["--exclusive", "--mem=0"]),
        ({"mem": "2g"}, ["--mem=2g", "--exclusive"]),
        ({"ntasks_per_node": 4}, ["--ntasks-per-node=4"]),
        ({"extra": "-c 4"}, ["-c4"]),
        ({"extra": "--cpus-per-task 4 --mem-per-cpu=1g"}, ["--cpus-per-task=4", "--mem-per-cpu=1g"]),
    ],
)
def test_whole_nodes_are_asked_for_where_nothing_says_how_many_cpus(
    fields: dict[str, object], whole: list[str]
) -> None:
    plain = ("--account=proj", "--nodes=1", "--time=01:00:00")
    assert [word for word in scheduler_options(record(**fields)) if word not in plain] == whole


@pytest.mark.parametrize("extra", ["oops", "--x='", "--ok fine oops"])
def test_an_extra_that_is_no_line_of_options_is_refused(extra: str) -> None:
    with pytest.raises(InvalidInputError, match="scheduler s"):
        scheduler_options(record(extra=extra))


def plan(**options: Any) -> AllocationPlan:
    partitions = [
        Partition(name="gpu", is_default=True, max_time_s=3600, node_count=4, cpus_per_node=8, gpus_per_node=4)
    ]
    need = Requirement(name="big", cpus=2, gpus=1, memory_bytes=1 << 30, runtime_s=600)
    jobs = [PlannedJob(name=f"j{number}", requirement=need) for number in range(8)]
    return plan_allocations(jobs, partitions, PlanOptions(**options))


def test_a_planned_group_becomes_a_scheduler_that_asks_for_the_same() -> None:
    planned = plan(account="proj", qos="high", exclude="n[1-2]")
    [group] = planned.groups
    made = scheduler_of_group(planned, group, name="big_scheduler")
    assert (made.account, made.partition, made.gres, made.walltime) == ("proj", "gpu", "gpu:4", "00:18:00")
    asked = {word for word in scheduler_options(made) if not word.startswith("--time=")}
    assert asked == {word for word in planned.sbatch_options(group) if not word.startswith("--time=")}


def test_a_planned_group_without_an_account_is_refused() -> None:
    planned = plan()
    with pytest.raises(InvalidInputError, match="no account"):
        scheduler_of_group(planned, planned.groups[0], name="s")
