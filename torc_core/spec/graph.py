"""The dependency graph: which job waits for which, and cycles in it."""

from collections.abc import Iterable, Sequence
from typing import Final

from torc_core.api.jobs import JobDraft

_MAX_SHOWN: Final = 10


def find_cycle(waits_for: Sequence[Iterable[int]]) -> list[int] | None:
    """Return the nodes of one cycle, each waiting for the next and the last for the first, or None."""
    unseen, open_, done = 0, 1, 2
    state = [unseen] * len(waits_for)
    for root in range(len(waits_for)):
        if state[root] != unseen:
            continue
        state[root] = open_
        path, remaining = [root], [iter(waits_for[root])]
        while path:
            following = next(remaining[-1], None)
            if following is None:
                state[path.pop()] = done
                remaining.pop()
            elif state[following] == open_:
                return path[path.index(following) :]
            elif state[following] == unseen:
                state[following] = open_
                path.append(following)
                remaining.append(iter(waits_for[following]))
    return None


def find_job_cycle(jobs: Sequence[JobDraft], *, files: int, user_data: int) -> list[int] | None:
    """Return positions of jobs that wait for each other, by `depends_on`, files or user data.

    Files and user data are nodes of their own: a consumer waits for the file, the file for its producers.
    """
    first_file, first_data = len(jobs), len(jobs) + files
    waits_for: list[list[int]] = [[] for _ in range(len(jobs) + files + user_data)]
    for position, job in enumerate(jobs):
        waits_for[position] = [
            *job.depends_on,
            *(first_file + file for file in job.input_files),
            *(first_data + data for data in job.input_user_data),
        ]
        for file in job.output_files:
            waits_for[first_file + file].append(position)
        for data in job.output_user_data:
            waits_for[first_data + data].append(position)
    cycle = find_cycle(waits_for)
    return [node for node in cycle if node < len(jobs)] if cycle else None


def job_dependencies(jobs: Sequence[JobDraft]) -> list[Sequence[int]]:
    """Return the jobs each job waits for, as positions in ascending order: named, or producing what it reads."""
    file_producers = _producers((place, job.output_files) for place, job in enumerate(jobs))
    data_producers = _producers((place, job.output_user_data) for place, job in enumerate(jobs))
    dependencies: list[Sequence[int]] = []
    for job in jobs:
        if not (job.depends_on or job.input_files or job.input_user_data):
            dependencies.append(())
            continue
        needed = set(job.depends_on)
        for file in job.input_files:
            needed.update(file_producers.get(file, ()))
        for datum in job.input_user_data:
            needed.update(data_producers.get(datum, ()))
        dependencies.append(sorted(needed))
    return dependencies


def _producers(outputs: Iterable[tuple[int, list[int]]]) -> dict[int, list[int]]:
    producers: dict[int, list[int]] = {}
    for place, produced in outputs:
        for item in produced:
            producers.setdefault(item, []).append(place)
    return producers


def describe_cycle(names: Sequence[str]) -> str:
    """Return `a → b → a`, shortened in the middle; each waits for the next."""
    shown = list(names) if len(names) <= _MAX_SHOWN else [*names[: _MAX_SHOWN - 1], "…", names[-1]]
    return " → ".join([*shown, names[0]])
