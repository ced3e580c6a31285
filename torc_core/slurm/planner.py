"""From jobs and partitions to allocations: the same input always gives the same plan."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import describe_duration
from torc_core.slurm.allocation import ClusterLimits, Partition
from torc_core.slurm.placement import Place, choose_place, list_places, nearest_place
from torc_core.slurm.plan import (
    AllocationGroup,
    AllocationPlan,
    GroupBy,
    PlannedJob,
    PlanOptions,
    Requirement,
    WalltimeStrategy,
)

RUNNER_BYTES: Final = 256 << 20
"""Memory of the runner, beside that of its jobs, where the node has it."""
UNSTATED_S: Final = 86_400.0
"""The walltime for jobs without a runtime, where the partition has no limit."""
_SHOWN: Final = 20


@dataclass(frozen=True)
class _Group:
    """Jobs (by position) of one stage that share allocations at one place."""

    name: str
    stage: int
    requirement: Requirement
    place: Place
    jobs: tuple[int, ...]


@dataclass(frozen=True)
class _Shape:
    """Allocations of one group: how many, how long, and how many jobs each takes."""

    allocations: int
    nodes: int
    concurrency: int
    slots: int


def plan_allocations(
    jobs: Sequence[PlannedJob],
    partitions: Sequence[Partition],
    options: PlanOptions = PlanOptions(),
    limits: ClusterLimits = ClusterLimits(),
) -> AllocationPlan:
    """Return the allocations in which all jobs can run, if none takes longer than it states.

    Raises InvalidInputError that names every requirement that fits no partition, with the nearest one.
    """
    places = list_places(partitions, options)
    _check_walltime(jobs, options)
    placed = _place_jobs(jobs, places, options)
    merged = _merge_by_place(placed) if options.group_by is GroupBy.PARTITION else placed
    names = _unique_names(merged)
    groups = [_plan_group(group, name, jobs, options, limits) for group, name in zip(merged, names, strict=True)]
    return AllocationPlan(
        account=options.account,
        qos=options.qos,
        exclude=options.exclude,
        job_count=len(jobs),
        allocations=sum(group.allocations for group in groups),
        node_hours=round(sum(group.node_hours for group in groups), 3),
        groups=groups,
        warnings=list(_warnings(jobs, groups, limits)),
    )


def _check_walltime(jobs: Sequence[PlannedJob], options: PlanOptions) -> None:
    """Raise InvalidInputError when a job does not end within the walltime that was asked for."""
    if options.walltime_s is None or not jobs:
        return
    longest = max(jobs, key=lambda job: job.requirement.runtime_s or 0.0)
    minutes = _whole_minutes(_need_s(longest.requirement, options))
    if minutes * 60 > options.walltime_s:
        raise InvalidInputError(
            f"job {longest.name} needs an allocation of {describe_duration(minutes * 60)}, its runtime and the time to "
            f"start and end, and --walltime is {describe_duration(options.walltime_s)}",
            hint="ask for a longer walltime, or leave it out",
        )


def _place_jobs(jobs: Sequence[PlannedJob], places: Sequence[Place], options: PlanOptions) -> list[_Group]:
    members: dict[tuple[int, Requirement], list[int]] = {}
    for position, job in enumerate(jobs):
        members.setdefault((job.stage, job.requirement), []).append(position)
    whose: dict[Requirement, list[int]] = {}
    for (_, requirement), positions in members.items():
        # the first job and how many: looking for them among all jobs costs minutes where many kinds fit nowhere
        first, count = whose.get(requirement, (positions[0], 0))
        whose[requirement] = [min(first, positions[0]), count + len(positions)]
    found: dict[Requirement, Place] = {}
    errors: dict[Requirement, str] = {}
    for _, requirement in members:
        if requirement in found or requirement in errors:
            continue
        place = choose_place(places, requirement, least_s=_least_s(requirement, options))
        if place is not None:
            found[requirement] = place
        else:
            errors[requirement] = _no_place(requirement, places, options, whose[requirement], jobs)
    if errors:
        lines = list(errors.values())
        more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        raise InvalidInputError(
            "\n".join([*lines[:_SHOWN], *more]),
            hint="nothing was submitted; lower what the jobs require, or name another partition with --partition",
        )
    ordered = sorted(members.items(), key=lambda item: (item[0][0], item[1][0]))
    return [
        _Group(requirement.name, stage, requirement, found[requirement], tuple(positions))
        for (stage, requirement), positions in ordered
    ]


def _no_place(
    requirement: Requirement,
    places: Sequence[Place],
    options: PlanOptions,
    whose: Sequence[int],
    jobs: Sequence[PlannedJob],
) -> str:
    first, count = whose
    name = jobs[first].name
    owners = f"job {name}" if count == 1 else f"{count} jobs, the first is {name}"
    place, lacks = nearest_place(places, requirement, least_s=_least_s(requirement, options))
    return f"{requirement.name} ({owners}) fits no partition; the nearest, {place.partition}, has {lacks}"


def _least_s(requirement: Requirement, options: PlanOptions) -> float:
    """Return the seconds that an allocation for one job of this requirement lasts at least."""
    return options.walltime_s if options.walltime_s is not None else _whole_minutes(_need_s(requirement, options)) * 60


def _need_s(requirement: Requirement, options: PlanOptions) -> float:
    return (requirement.runtime_s or 0.0) + options.drain_s


def _merge_by_place(groups: Sequence[_Group]) -> list[_Group]:
    """Return one group for each stage and place; jobs share with those of as many nodes.

    Jobs without a runtime stay apart: no walltime that is made for them is surely enough for the others.
    """
    alike: dict[tuple[int, Place, int, bool], list[_Group]] = {}
    for group in groups:
        requirement = group.requirement
        key = (group.stage, group.place, requirement.nodes, requirement.runtime_s is None)
        alike.setdefault(key, []).append(group)
    return [
        _Group(
            place.partition,
            stage,
            _largest([group.requirement for group in members], name=place.partition),
            place,
            tuple(sorted(position for group in members for position in group.jobs)),
        )
        for (stage, place, _, _), members in alike.items()
    ]


def _largest(requirements: Sequence[Requirement], *, name: str) -> Requirement:
    """Return a requirement that holds all of them; either all state a runtime or none does."""
    memories = [each.memory_bytes for each in requirements if each.memory_bytes is not None]
    runtimes = [each.runtime_s for each in requirements if each.runtime_s is not None]
    return Requirement(
        name=name,
        cpus=max(each.cpus for each in requirements),
        memory_bytes=max(memories, default=None),
        gpus=max(each.gpus for each in requirements),
        nodes=max(each.nodes for each in requirements),
        runtime_s=max(runtimes, default=None),
    )


def _unique_names(groups: Sequence[_Group]) -> list[str]:
    names: dict[str, int] = {}
    for group in groups:
        plain = group.name if group.stage == 0 else f"{group.name}_stage{group.stage + 1}"
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain}_{number}"
        names[name] = 1
    return list(names)


def _plan_group(
    group: _Group, name: str, jobs: Sequence[PlannedJob], options: PlanOptions, limits: ClusterLimits
) -> AllocationGroup:
    requirement, place = group.requirement, group.place
    shape = _shape(group, options, limits)
    minutes, least = _walltime(group, shape.slots, options)
    at_once = _at_once(shape, place, options)
    per_node = -(-shape.concurrency // shape.nodes) if requirement.nodes == 1 else 1
    memory = None if requirement.memory_bytes is None else per_node * requirement.memory_bytes + RUNNER_BYTES
    if memory is not None and place.memory_bytes is not None:
        memory = min(memory, place.memory_bytes)
    return AllocationGroup(
        name=name,
        stage=group.stage,
        partition=place.partition,
        job_count=len(group.jobs),
        allocations=shape.allocations,
        max_at_once=at_once,
        arrays=list(_arrays(shape.allocations, at_once, limits)),
        nodes=shape.nodes,
        cpus=per_node * requirement.cpus,
        memory_bytes=memory,
        gpus=per_node * requirement.gpus,
        gpu_type=place.gpu_type if requirement.gpus else None,
        concurrency=shape.concurrency,
        slots=shape.slots,
        walltime_minutes=minutes,
        min_walltime_minutes=least,
        node_hours=round(shape.allocations * shape.nodes * minutes / 60, 3),
        job_names=[jobs[position].name for position in group.jobs],
        jobs=group.jobs,
    )


def _shape(group: _Group, options: PlanOptions, limits: ClusterLimits) -> _Shape:
    """Return how many allocations of which size the group gets: all jobs fit, and no place in them stays empty."""
    requirement, place, count = group.requirement, group.place, len(group.jobs)
    per_node = _concurrency(requirement, place) if requirement.nodes == 1 else 1
    nodes = max(requirement.nodes, place.min_nodes)
    concurrency = per_node * nodes if requirement.nodes == 1 else 1
    most = _most_slots(requirement, place, options)
    wants_all = options.walltime_s is not None or options.walltime_strategy is WalltimeStrategy.MAX_PARTITION_TIME
    slots = most if wants_all else 1
    if options.single_allocation:
        nodes, concurrency, slots = _single(group, per_node, most, slots)
    else:
        # Fewer allocations take more jobs one after the other, as far as the partition's time allows.
        for bound in (options.max_allocations, limits.max_submitted):
            if bound is not None:
                slots = min(max(slots, -(-count // (concurrency * bound))), most)
    allocations = -(-count // (concurrency * slots))
    # What is left over is spread evenly, so that no allocation asks for more than its share.
    slots = -(-count // (allocations * concurrency))
    concurrency = -(-count // (allocations * slots))
    if requirement.nodes == 1:
        nodes = max(place.min_nodes, min(nodes, -(-concurrency // per_node)))
    return _Shape(allocations, nodes, concurrency, slots)


def _single(group: _Group, per_node: int, most: int, slots: int) -> tuple[int, int, int]:
    """Return nodes, concurrency and slots of the one allocation that takes the whole group.

    Raises InvalidInputError where the partition has neither the nodes nor the time.
    """
    requirement, place, count = group.requirement, group.place, len(group.jobs)
    if requirement.nodes > 1:
        nodes, concurrency = max(requirement.nodes, place.min_nodes), 1
    else:
        wanted = max(-(-count // (per_node * slots)), place.min_nodes)
        nodes = wanted if place.max_nodes is None else min(wanted, max(place.max_nodes, place.min_nodes))
        concurrency = per_node * nodes
    needed = -(-count // concurrency)
    if needed > most:
        raise InvalidInputError(
            f"the {count} jobs of {group.name} do not fit into a single allocation of {place.partition}: on {nodes} "
            f"nodes {needed} jobs would run one after the other, and the time is enough for {most}",
            hint="leave out --single-allocation",
        )
    return nodes, concurrency, max(needed, 1)


def _concurrency(requirement: Requirement, place: Place) -> int:
    """Return how many jobs run side by side on one node: what is tightest of CPUs, memory and GPUs decides."""
    pairs = (
        (place.cpus, requirement.cpus),
        (place.memory_bytes, requirement.memory_bytes),
        (place.gpus, requirement.gpus),
    )
    return max(1, min((has // needs for has, needs in pairs if has is not None and needs), default=1))


def _most_slots(requirement: Requirement, place: Place, options: PlanOptions) -> int:
    """Return how many jobs can follow each other in an allocation's usable time, with the margin."""
    longest_s = options.walltime_s if options.walltime_s is not None else place.max_time_s
    if not requirement.runtime_s:
        return 1
    if longest_s is None:
        longest_s = max(UNSTATED_S, requirement.runtime_s * options.margin + options.drain_s)
    # whole minutes: a partition of 90 seconds takes allocations of one minute
    usable_s = longest_s // 60 * 60 - options.drain_s
    return max(1, int(usable_s // (requirement.runtime_s * options.margin)))


def _walltime(group: _Group, slots: int, options: PlanOptions) -> tuple[int, int | None]:
    """Return the walltime in minutes, and the least one that is enough; None where that is no less."""
    runtime_s, longest_s = group.requirement.runtime_s, group.place.max_time_s
    most = None if longest_s is None else int(longest_s // 60)
    if not runtime_s:
        chosen = options.walltime_s if options.walltime_s is not None else longest_s
        minutes = int((UNSTATED_S if chosen is None else chosen) // 60)
        return (minutes if most is None else min(minutes, most)), None
    least = _whole_minutes(slots * runtime_s + options.drain_s)
    minutes = _whole_minutes(slots * runtime_s * options.margin + options.drain_s)
    if options.walltime_s is not None:
        minutes = int(options.walltime_s // 60)
    if most is not None:
        minutes = min(minutes, most)
    return minutes, least if least < minutes else None


def _at_once(shape: _Shape, place: Place, options: PlanOptions) -> int | None:
    """Return how many of the allocations may run at a time, None for all."""
    per_user = None if place.max_nodes_per_user is None else max(place.max_nodes_per_user // shape.nodes, 1)
    bounds = [bound for bound in (options.max_allocations, per_user) if bound is not None and bound < shape.allocations]
    return min(bounds, default=None)


def _arrays(allocations: int, at_once: int | None, limits: ClusterLimits) -> Iterator[str]:
    size = min(limits.max_array_tasks, limits.max_submitted or limits.max_array_tasks)
    for first in range(0, allocations, size):
        tasks = min(size, allocations - first)
        cap = f"%{at_once}" if at_once is not None and at_once < tasks else ""
        yield f"0-{tasks - 1}{cap}"


def _warnings(jobs: Sequence[PlannedJob], groups: Sequence[AllocationGroup], limits: ClusterLimits) -> Iterator[str]:
    without: Mapping[str, int] = {
        "runtime": sum(job.requirement.runtime_s is None for job in jobs),
        "memory": sum(job.requirement.memory_bytes is None for job in jobs),
    }
    if without["runtime"]:
        yield f"{without['runtime']} jobs state no runtime: their allocations are as long as the partition allows"
    if without["memory"]:
        yield f"{without['memory']} jobs state no memory: they are planned by CPUs and GPUs alone"
    total = sum(group.allocations for group in groups)
    if limits.max_submitted is not None and total > limits.max_submitted:
        yield (
            f"the plan has {total} allocations, and the cluster takes {limits.max_submitted} at once: "
            "not all can be submitted together"
        )


def _whole_minutes(seconds: float) -> int:
    return max(1, math.ceil(seconds / 60))
