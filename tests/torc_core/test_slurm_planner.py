"""Plans of allocations: every job fits, all jobs fit together, and the same input gives the same plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_core.errors import InvalidInputError
from torc_core.slurm.allocation import ClusterLimits, NodeClass, Partition
from torc_core.slurm.plan import (
    AllocationGroup,
    AllocationPlan,
    GroupBy,
    PlannedJob,
    PlanOptions,
    Requirement,
    WalltimeStrategy,
)
from torc_core.slurm.planner import RUNNER_BYTES, plan_allocations

GIB = 1 << 30
HOUR = 3600.0
PLAIN = PlanOptions(margin=1.0, drain_s=0)


def partition(
    name: str = "cpu",
    *,
    cpus: int = 4,
    memory: int = 16 * GIB,
    hours: float = 24,
    nodes: int = 10,
    gpus: int = 0,
    **more: object,
) -> Partition:
    values: dict[str, object] = {
        "max_time_s": hours * HOUR,
        "node_count": nodes,
        "cpus_per_node": cpus,
        "memory_bytes_per_node": memory,
        "gpus_per_node": gpus,
    }
    return Partition(name=name, **(values | more))


def jobs(count: int, *, stage: int = 0, name: str = "small", **needs: object) -> list[PlannedJob]:
    values: dict[str, object] = {"memory_bytes": GIB, "runtime_s": HOUR}
    requirement = Requirement(name=name, **(values | needs))
    return [PlannedJob(name=f"{name}{number}", requirement=requirement, stage=stage) for number in range(count)]


def only(plan: AllocationPlan) -> AllocationGroup:
    [group] = plan.groups
    return group


@pytest.mark.parametrize(
    ("needs", "side_by_side"),
    [({"cpus": 1}, 4), ({"cpus": 3}, 1), ({"memory_bytes": 6 * GIB}, 2), ({"gpus": 1}, 2), ({"gpus": 2}, 1)],
)
def test_the_tightest_of_cpus_memory_and_gpus_decides_how_many_run_side_by_side(
    needs: dict[str, object], side_by_side: int
) -> None:
    group = only(plan_allocations(jobs(100, **needs), [partition(gpus=2)], PLAIN))
    assert group.concurrency == side_by_side
    assert group.allocations == 100 // side_by_side


def test_walltime_is_slots_times_runtime_times_margin_and_the_time_to_end() -> None:
    options = PlanOptions(margin=1.5, drain_s=90, max_allocations=5)
    group = only(plan_allocations(jobs(60, runtime_s=600), [partition()], options))
    assert (group.allocations, group.concurrency, group.slots) == (5, 4, 3)
    assert group.walltime_minutes == 47  # 3 x 10 x 1.5 minutes and 90 seconds
    assert group.min_walltime_minutes == 32
    assert group.arrays == ["0-4"]
    assert group.node_hours == round(5 * 47 / 60, 3)


def test_without_other_wishes_an_allocation_takes_one_job_after_the_other_only_as_far_as_it_must() -> None:
    group = only(plan_allocations(jobs(5), [partition()], PLAIN))
    assert (group.allocations, group.slots, group.concurrency) == (2, 1, 3)
    assert (group.cpus, group.memory_bytes) == (3, 3 * GIB + RUNNER_BYTES)


def test_the_longest_allocations_take_as_many_jobs_as_the_partition_has_time_for() -> None:
    options = PlanOptions(margin=1.0, drain_s=60, walltime_strategy=WalltimeStrategy.MAX_PARTITION_TIME)
    group = only(plan_allocations(jobs(92), [partition()], options))
    assert (group.slots, group.allocations) == (23, 1)


def test_slots_come_from_the_walltime_that_is_asked_for_and_not_from_the_partition() -> None:
    options = PlanOptions(margin=1.0, drain_s=60, walltime_s=2.5 * HOUR)
    group = only(plan_allocations(jobs(16), [partition()], options))
    assert (group.slots, group.allocations, group.walltime_minutes) == (2, 2, 150)


def test_a_walltime_too_short_for_a_job_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match=r"job small0 needs an allocation of 1h 3m.*--walltime is 1h"):
        plan_allocations(jobs(1), [partition()], PlanOptions(walltime_s=HOUR))


def test_the_margin_gives_way_where_the_partition_is_too_short_for_it() -> None:
    group = only(plan_allocations(jobs(1), [partition(hours=1.25)], PlanOptions()))
    assert (group.slots, group.walltime_minutes, group.min_walltime_minutes) == (1, 75, 63)


def test_more_allocations_than_may_run_at_a_time_wait_for_each_other() -> None:
    options = PlanOptions(margin=1.0, drain_s=0, max_allocations=3)
    group = only(plan_allocations(jobs(40), [partition(hours=2)], options))
    assert (group.slots, group.allocations, group.max_at_once) == (2, 5, 3)
    assert group.arrays == ["0-4%3"]


def test_arrays_stay_within_the_cluster_s_limit() -> None:
    group = only(plan_allocations(jobs(100), [partition(hours=1)], PLAIN, ClusterLimits(max_array_tasks=10)))
    assert group.arrays == ["0-9", "0-9", "0-4"]


def test_a_limit_of_submissions_makes_allocations_longer_and_then_is_reported() -> None:
    limits = ClusterLimits(max_submitted=5)
    longer = plan_allocations(jobs(100), [partition()], PLAIN, limits)
    assert (only(longer).allocations, only(longer).slots, longer.warnings) == (5, 5, [])
    short = plan_allocations(jobs(100), [partition(hours=1)], PLAIN, limits)
    assert (only(short).allocations, only(short).arrays) == (25, ["0-4"] * 5)
    assert "takes 5 at once" in short.warnings[0]


def test_nodes_of_one_user_bound_what_runs_at_a_time() -> None:
    group = only(plan_allocations(jobs(40), [partition(max_nodes_per_user=4)], PLAIN))
    assert group.arrays == ["0-9%4"]


def test_a_job_on_several_nodes_gets_allocations_of_that_many_nodes() -> None:
    group = only(plan_allocations(jobs(3, nodes=2, cpus=4), [partition()], PLAIN))
    assert (group.nodes, group.allocations, group.concurrency, group.cpus) == (2, 3, 1, 4)
    assert group.node_hours == 6


def test_a_partition_of_at_least_two_nodes_gets_both_filled() -> None:
    group = only(plan_allocations(jobs(16), [partition(min_nodes=2)], PLAIN))
    assert (group.nodes, group.allocations, group.concurrency) == (2, 2, 8)


def test_a_single_allocation_has_the_nodes_of_all() -> None:
    options = PlanOptions(margin=1.0, drain_s=0, single_allocation=True)
    group = only(plan_allocations(jobs(20), [partition()], options))
    assert (group.allocations, group.nodes, group.concurrency, group.slots) == (1, 5, 20, 1)
    narrow = only(plan_allocations(jobs(20), [partition(nodes=2)], options))
    assert (narrow.allocations, narrow.nodes, narrow.slots) == (1, 2, 3)
    with pytest.raises(InvalidInputError, match="do not fit into a single allocation of cpu"):
        plan_allocations(jobs(20), [partition(nodes=1, hours=2)], options)


def test_stages_and_requirements_are_groups_of_their_own() -> None:
    mixed = [*jobs(2), *jobs(2, name="big", cpus=4), *jobs(1, stage=1)]
    plan = plan_allocations(mixed, [partition()], PLAIN)
    assert [(group.name, group.stage, group.jobs) for group in plan.groups] == [
        ("small", 0, (0, 1)),
        ("big", 0, (2, 3)),
        ("small_stage2", 1, (4,)),
    ]


def test_jobs_that_go_to_one_partition_may_share_allocations() -> None:
    mixed = [*jobs(2), *jobs(2, name="big", cpus=2, memory_bytes=2 * GIB, runtime_s=2 * HOUR)]
    options = PlanOptions(margin=1.0, drain_s=0, group_by=GroupBy.PARTITION)
    group = only(plan_allocations(mixed, [partition()], options))
    assert (group.name, group.job_count, group.concurrency, group.walltime_minutes) == ("cpu", 4, 2, 120)


def test_jobs_without_a_runtime_share_with_none_that_states_one() -> None:
    mixed = [*jobs(1, runtime_s=None), *jobs(1, name="long", runtime_s=24 * HOUR)]
    options = PlanOptions(margin=1.0, drain_s=60, group_by=GroupBy.PARTITION)
    unstated, stated = plan_allocations(mixed, [partition(max_time_s=None)], options).groups
    assert (unstated.walltime_minutes, stated.walltime_minutes) == (1440, 1441)


def test_nodes_with_gpus_are_left_to_jobs_that_want_them() -> None:
    classes = (
        NodeClass(partition="mixed", count=4, cpus=64, memory_bytes=64 * GIB, gpus=4, gpu_type="a100"),
        NodeClass(partition="mixed", count=4, cpus=32, memory_bytes=32 * GIB),
    )
    mixed = [*jobs(1, cpus=32), *jobs(4, name="gpu", gpus=2)]
    plain, gpu = plan_allocations(mixed, [partition("mixed", node_classes=classes)], PLAIN).groups
    assert (plain.gpus, plain.gpu_type) == (0, None)
    assert (gpu.gpus, gpu.gpu_type, gpu.concurrency, gpu.allocations) == (4, "a100", 2, 2)


def test_the_default_partition_wins_and_one_that_has_to_be_named_never_does() -> None:
    found = [partition("named", is_explicit=True), partition("debug-cpu"), partition("b"), partition("a", hours=1)]
    assert only(plan_allocations(jobs(1), found, PLAIN)).partition == "a"
    found.append(partition("std", is_default=True, memory=64 * GIB))
    assert only(plan_allocations(jobs(1), found, PLAIN)).partition == "std"
    named = PlanOptions(margin=1.0, drain_s=0, partition="named")
    assert only(plan_allocations(jobs(1), found, named)).partition == "named"


def test_a_partition_is_passed_over_that_is_down_or_not_open_to_the_account() -> None:
    found = [partition("down", is_up=False), partition("theirs", accounts=("other",)), partition("ours", hours=100)]
    options = PlanOptions(margin=1.0, drain_s=0, account="proj")
    assert only(plan_allocations(jobs(1), found, options)).partition == "ours"
    with pytest.raises(InvalidInputError, match="theirs is not open to the account proj"):
        plan_allocations(jobs(1), found, PlanOptions(account="proj", partition="theirs"))
    with pytest.raises(InvalidInputError, match="the partition down is down"):
        plan_allocations(jobs(1), found, PlanOptions(partition="down"))
    with pytest.raises(InvalidInputError, match="no partition 'our'"):
        plan_allocations(jobs(1), found, PlanOptions(partition="our"))


def test_every_requirement_that_fits_nowhere_is_named_with_the_nearest_partition() -> None:
    wrong = [*jobs(3, name="wide", cpus=8), *jobs(1, name="long", runtime_s=30 * HOUR), *jobs(1)]
    with pytest.raises(InvalidInputError) as caught:
        plan_allocations(wrong, [partition("small", memory=8 * GIB, cpus=2), partition("big")], PLAIN)
    assert caught.value.message.splitlines() == [
        "wide (3 jobs, the first is wide0) fits no partition; the nearest, big, has 4 CPUs a node (8 needed)",
        "long (job long0) fits no partition; the nearest, small, has at most 1d (1d 6h needed)",
    ]


def test_jobs_that_state_nothing_are_planned_and_named_in_a_warning() -> None:
    plan = plan_allocations(jobs(8, memory_bytes=None, runtime_s=None), [partition(hours=2)], PLAIN)
    group = only(plan)
    assert (group.concurrency, group.slots, group.walltime_minutes, group.memory_bytes) == (4, 1, 120, None)
    assert [text.split(":")[0] for text in plan.warnings] == ["8 jobs state no runtime", "8 jobs state no memory"]


def test_no_jobs_need_no_allocations() -> None:
    assert plan_allocations([], [partition()], PLAIN).groups == []


requirements = st.builds(
    Requirement,
    name=st.sampled_from(["a", "b", "c"]),
    cpus=st.integers(1, 6),
    memory_bytes=st.none() | st.integers(1, 20).map(lambda gib: gib * GIB),
    gpus=st.sampled_from([0, 0, 0, 1, 2]),
    nodes=st.sampled_from([1, 1, 1, 2]),
    runtime_s=st.none() | st.floats(1, 20_000),
)
planned_jobs = st.builds(
    PlannedJob, name=st.sampled_from(["x", "y"]), requirement=requirements, stage=st.integers(0, 2)
)
partitions = st.builds(
    Partition,
    name=st.sampled_from(["p", "q", "debug"]),
    is_default=st.booleans(),
    max_time_s=st.none() | st.floats(10_000, 200_000),
    min_nodes=st.integers(1, 2),
    max_nodes=st.none() | st.integers(2, 9),
    max_nodes_per_user=st.none() | st.integers(2, 9),
    node_count=st.integers(2, 20),
    cpus_per_node=st.integers(4, 16),
    memory_bytes_per_node=st.none() | st.integers(16, 128).map(lambda gib: gib * GIB),
    gpus_per_node=st.sampled_from([0, 2, 4]),
)
all_options = st.builds(
    PlanOptions,
    group_by=st.sampled_from(GroupBy),
    single_allocation=st.booleans(),
    max_allocations=st.none() | st.integers(1, 5),
    walltime_s=st.none() | st.floats(10_000, 200_000),
    walltime_strategy=st.sampled_from(WalltimeStrategy),
    margin=st.floats(1, 3),
    drain_s=st.floats(0, 600),
)
all_limits = st.builds(ClusterLimits, max_array_tasks=st.integers(1, 50), max_submitted=st.none() | st.integers(1, 50))


@given(
    st.lists(planned_jobs, max_size=60),
    st.lists(partitions, min_size=1, max_size=3, unique_by=lambda one: one.name),
    all_options,
    all_limits,
)
def test_every_job_has_its_place_and_all_places_together_are_enough(
    todo: list[PlannedJob], found: list[Partition], options: PlanOptions, limits: ClusterLimits
) -> None:
    try:
        plan = plan_allocations(todo, found, options, limits)
    except InvalidInputError as error:
        assert error.hint is not None
        return
    assert plan == plan_allocations(todo, found, options, limits)
    assert sorted(position for group in plan.groups for position in group.jobs) == list(range(len(todo)))
    assert len({group.name for group in plan.groups}) == len(plan.groups)
    for group in plan.groups:
        [there] = [each for each in found if each.name == group.partition]
        members = [todo[position] for position in group.jobs]
        assert {job.stage for job in members} == {group.stage}
        assert len(members) == group.job_count <= group.allocations * group.concurrency * group.slots
        _check_nodes(group, there, members)
        _check_time(group, there, members, options)
        sizes = [int(text.partition("%")[0].removeprefix("0-")) + 1 for text in group.arrays]
        assert sum(sizes) == group.allocations
        assert max(sizes) <= limits.max_array_tasks
        assert group.allocations == 1 or not options.single_allocation


def _check_nodes(group: AllocationGroup, there: Partition, members: list[PlannedJob]) -> None:
    """Side by side on one node the jobs need no more than the allocation has there, and that no more than the node."""
    assert there.cpus_per_node is not None
    assert (
        there.min_nodes <= group.nodes <= min(there.node_count, there.max_nodes or 99, there.max_nodes_per_user or 99)
    )
    assert group.cpus <= there.cpus_per_node
    assert group.gpus <= there.gpus_per_node
    for job in members:
        needs = job.requirement
        assert needs.nodes <= group.nodes
        on_a_node = -(-group.concurrency // group.nodes) if needs.nodes == 1 else group.concurrency
        assert on_a_node * needs.cpus <= group.cpus
        assert on_a_node * needs.gpus <= group.gpus
        if needs.memory_bytes is not None:
            assert group.memory_bytes is not None
            assert on_a_node * needs.memory_bytes <= group.memory_bytes
            assert group.memory_bytes <= (there.memory_bytes_per_node or group.memory_bytes)


def _check_time(group: AllocationGroup, there: Partition, members: list[PlannedJob], options: PlanOptions) -> None:
    longest_s = max(job.requirement.runtime_s or 0.0 for job in members)
    needed_s = group.slots * longest_s + options.drain_s
    assert there.max_time_s is None or group.walltime_minutes * 60 <= there.max_time_s
    assert options.walltime_s is None or group.walltime_minutes * 60 <= options.walltime_s
    assert needed_s <= group.walltime_minutes * 60 + 1e-6
    if group.min_walltime_minutes is not None:
        assert needed_s <= group.min_walltime_minutes * 60 + 1e-6
        assert group.min_walltime_minutes < group.walltime_minutes
