"""The share of an allocation that a process has, by the environment that two releases give it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.base.deadline import AllocationTimes, Deadline
from runner.base.settings import RunnerOptions, detect_machine
from torc_core.api.workflows import WorkflowModel
from torc_core.slurm.environment import AllocationShare, read_allocation
from torc_core.slurm.hostlist import expand_counts, expand_hostlist
from torc_core.slurm.partitions import parse_kill_wait

CAPTURES = Path(__file__).parent / "captures"
MIB = 1 << 20


def captured_environments(release: str) -> tuple[dict[str, str], dict[str, str]]:
    """The environment in the batch script, and that of a step on the second node."""
    batch, step = (CAPTURES / release / "env_in_job.txt").read_text().split("--- step on the second node\n")
    return _environment(batch), _environment(step)


def _environment(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize("release", ["22.05", "24.11"])
def test_the_batch_script_of_two_nodes_has_its_own_node(release: str) -> None:
    share = read_allocation(captured_environments(release)[0])
    assert share is not None
    assert (share.node, share.node_rank, share.step, share.is_head) == ("n1", 0, None, True)
    assert (share.nodes, share.cpus_per_node) == (("n1", "n2"), (1, 1))
    assert (share.cpus, share.memory_bytes, share.gpus) == (1, 300 * MIB, ())
    assert share.partition == "short"
    assert share.as_facts() | {"cluster": "any"} == {
        "type": "slurm",
        "scheduler_id": share.scheduler_id,
        "slurm_job_id": str(share.scheduler_id),
        "cluster": "any",
        "partition": "short",
        "node": "n1",
        "slurm_node_id": 0,
    }


@pytest.mark.parametrize("release", ["22.05", "24.11"])
def test_a_step_on_the_second_node_is_known_as_one(release: str) -> None:
    share = read_allocation(captured_environments(release)[1])
    assert share is not None
    assert (share.node, share.step, share.step_tasks, share.nodes) == ("n2", "0", 1, ("n1", "n2"))


def test_only_the_newer_release_tells_the_end() -> None:
    old, new = (read_allocation(captured_environments(release)[0]) for release in ("22.05", "24.11"))
    assert old is not None
    assert new is not None
    assert (old.start_at, old.end_at) == (None, None)
    assert new.end_at == datetime(2026, 11, 27, 8, 4, 48, tzinfo=UTC)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (
            {"SLURM_MEM_PER_CPU": "500"},
            AllocationShare(scheduler_id=7, cpus=4, memory_bytes=2000 * MIB, memory_is_per_cpu=True),
        ),
        ({"SLURM_MEM_PER_NODE": "0"}, AllocationShare(scheduler_id=7, cpus=4)),
        ({"SLURM_GPUS_ON_NODE": "2"}, AllocationShare(scheduler_id=7, cpus=4, gpus=("0", "1"))),
        ({"SLURM_JOB_GPUS": "2,3"}, AllocationShare(scheduler_id=7, cpus=4, gpus=("2", "3"))),
        ({"SLURM_ARRAY_JOB_ID": "5"}, AllocationShare(scheduler_id=7, cpus=4, array_job_id=5)),
        ({"SLURM_STEP_ID": "4294967290"}, AllocationShare(scheduler_id=7, cpus=4)),
    ],
)
def test_amounts_are_read_in_all_their_forms(env: dict[str, str], expected: AllocationShare) -> None:
    assert read_allocation({"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "4", **env}) == expected


def test_outside_of_an_allocation_there_is_no_share() -> None:
    assert read_allocation({"PATH": "/bin"}) is None


def test_jobs_may_use_the_share_of_the_node_and_not_the_machine() -> None:
    env = {"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "3", "SLURM_MEM_PER_NODE": "64", "SLURMD_NODENAME": "n1"}
    machine = detect_machine(RunnerOptions(), env)
    assert (machine.cpus, machine.memory_bytes, machine.gpus) == (3, 64 * MIB, ())
    assert detect_machine(RunnerOptions(num_cpus=2), env).cpus == 2


def test_where_salloc_was_typed_jobs_may_use_the_machine() -> None:
    env = {"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "9999", "SLURM_MEM_PER_NODE": "64"}
    assert detect_machine(RunnerOptions(), env) == detect_machine(RunnerOptions(), {})


@given(st.dictionaries(st.sampled_from(sorted(captured_environments("24.11")[1])), st.text(max_size=30)))
def test_any_environment_is_survived(env: dict[str, str]) -> None:
    read_allocation({"SLURM_JOB_ID": "7", **env})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ["n1"]),
        ("n[1-3,07],m2", ["n1", "n2", "n3", "n07", "m2"]),
        ("gpu-[01-03]", ["gpu-01", "gpu-02", "gpu-03"]),
        ("r[1-2]n[1-2]-ib", ["r1n1-ib", "r1n2-ib", "r2n1-ib", "r2n2-ib"]),
        ("n[3-1]", []),
        ("n[x]", []),
        ("n[1-999999999]", []),
        ("", []),
    ],
)
def test_lists_of_nodes_are_expanded(text: str, names: list[str]) -> None:
    assert expand_hostlist(text) == tuple(names)


@given(st.text(alphabet="n[]-,0123456789", max_size=40))
def test_any_list_of_nodes_is_survived(text: str) -> None:
    expand_hostlist(text)


def test_counts_of_nodes_are_expanded() -> None:
    assert expand_counts("4(x2),2") == (4, 4, 2)
    assert expand_counts("4(x999999),2") == expand_counts("many") == ()


def test_the_wait_before_a_kill_is_read() -> None:
    assert parse_kill_wait("KeepAliveTime = 3\nKillWait                = 30 sec\n") == 30.0
    assert parse_kill_wait("nothing") is None


def deadline(*, left_s: float, began_s_ago: float = 0.0, kill_wait_s: float | None = None) -> Deadline:
    now = datetime.now(UTC).timestamp()
    times = AllocationTimes(
        start_at=datetime.fromtimestamp(now - began_s_ago, UTC),
        end_at=datetime.fromtimestamp(now + left_s, UTC),
        kill_wait_s=kill_wait_s,
    )
    return Deadline.of(RunnerOptions(), WorkflowModel(name="w", user="u"), times)


def test_jobs_are_started_only_if_they_end_before_running_ones_are_stopped() -> None:
    late = deadline(left_s=3600, began_s_ago=3600)
    assert late.end_at is not None
    begin = late.end_at - 3600
    assert not late.leaves(3600, begin)
    assert not late.leaves(3520, begin)
    assert late.leaves(3500, begin)
    assert late.leaves(None, begin)


def test_a_new_allocation_takes_jobs_that_need_all_of_its_time() -> None:
    fresh = deadline(left_s=3590, began_s_ago=10)
    assert fresh.end_at is not None
    assert fresh.leaves(3600, fresh.end_at - 3590)
    assert not fresh.leaves(3601, fresh.end_at - 3590)
    assert not fresh.leaves(3600, fresh.end_at - 3400)


def test_jobs_that_a_signal_stops_are_reported_before_slurm_kills() -> None:
    assert deadline(left_s=3600, kill_wait_s=30).signaled_lead_s == 15
    assert deadline(left_s=3600, kill_wait_s=30).lead_s == 30
    assert deadline(left_s=3600).signaled_lead_s == 30
