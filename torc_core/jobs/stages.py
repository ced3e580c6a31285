"""Stages: the order in which the jobs of a workflow become ready, from the dependency graph alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from torc_core.errors import InvalidInputError


@dataclass(frozen=True)
class Stage:
    """Jobs (by position) that become ready when jobs of the stages before are done.

    `depends_on` and `unlocks` are positions of stages that are joined to this one by at least one dependency.
    """

    jobs: tuple[int, ...]
    depends_on: tuple[int, ...]
    unlocks: tuple[int, ...]


def arrange_stages(waits_for: Sequence[Collection[int]]) -> list[Stage]:
    """Return the stages in order: a job is in the first stage after all jobs that it waits for.

    Raises InvalidInputError when jobs wait for each other.
    """
    depth = _depths(waits_for)
    jobs: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    depends_on: list[set[int]] = [set() for _ in jobs]
    unlocks: list[set[int]] = [set() for _ in jobs]
    for job, blockers in enumerate(waits_for):
        jobs[depth[job]].append(job)
        for blocker in blockers:
            depends_on[depth[job]].add(depth[blocker])
            unlocks[depth[blocker]].add(depth[job])
    return [
        Stage(jobs=tuple(members), depends_on=tuple(sorted(before)), unlocks=tuple(sorted(after)))
        for members, before, after in zip(jobs, depends_on, unlocks, strict=True)
    ]


def _depths(waits_for: Sequence[Collection[int]]) -> list[int]:
    waiters: list[list[int]] = [[] for _ in waits_for]
    open_blockers = [len(set(blockers)) for blockers in waits_for]
    for job, blockers in enumerate(waits_for):
        for blocker in set(blockers):
            waiters[blocker].append(job)
    depth = [0] * len(waits_for)
    ready = [job for job, count in enumerate(open_blockers) if not count]
    for job in ready:
        for waiter in waiters[job]:
            depth[waiter] = max(depth[waiter], depth[job] + 1)
            open_blockers[waiter] -= 1
            if not open_blockers[waiter]:
                ready.append(waiter)
    if len(ready) < len(waits_for):
        raise InvalidInputError(
            f"{len(waits_for) - len(ready)} jobs wait for each other", hint="remove one dependency of the cycle"
        )
    return depth
