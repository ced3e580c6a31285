"""Gives jobs more memory or runtime, by a clone of their requirement; jobs that share the original keep it."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.recovery.clone_name import clone_name
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import format_memory, parse_memory
from torc_server.db.queries.triage import recovery as queries
from torc_server.db.queries.triage.recovery import Amounts
from torc_server.db.unit_of_work import UnitOfWork

NO_LIMIT: Final = 0
"""The amount that means no limit, for what a clone of the unspecified requirement leaves open."""


class Raise(NamedTuple):
    """A change from one requirement to new amounts; None keeps the present one."""

    requirement_id: int
    memory: str | None
    runtime: str | None


def raise_requirements(uow: UnitOfWork, workflow_id: int, groups: Mapping[Raise, Collection[int]]) -> None:
    """Give the jobs of each group one clone of their requirement; a clone of the same amounts is used again."""
    known = queries.requirements(uow, workflow_id) if groups else {}
    for (requirement_id, memory, runtime), job_ids in groups.items():
        name, amounts = known[requirement_id]
        wanted = clone_name(name, memory=memory, runtime=runtime)
        new = _raised(name, amounts, memory=memory, runtime=runtime)
        queries.assign_requirement(uow, job_ids, find_or_create(uow, workflow_id, wanted, new, known))


def _raised(name: str, amounts: Amounts, *, memory: str | None, runtime: str | None) -> Amounts:
    if name == UNSPECIFIED_REQUIREMENT:
        # its amounts are placeholders: in a requirement of another name they would be limits
        memory, runtime = memory or format_memory(NO_LIMIT), runtime or format_duration(NO_LIMIT)
    if memory is not None:
        amounts = amounts._replace(memory=memory, memory_bytes=parse_memory(memory))
    if runtime is not None:
        amounts = amounts._replace(runtime=runtime, runtime_s=parse_duration(runtime))
    return amounts


def find_or_create(
    uow: UnitOfWork, workflow_id: int, wanted: str, amounts: Amounts, known: dict[int, tuple[str, Amounts]]
) -> int:
    """Return the id of the requirement of that name and amounts. A name taken by other amounts gets a number."""
    by_name = {name: requirement_id for requirement_id, (name, _) in known.items()}
    name, number = wanted, 1
    while name in by_name:
        if known[by_name[name]][1] == amounts:
            return by_name[name]
        number += 1
        name = f"{wanted}_{number}"
    clone_id = queries.insert_requirement(uow, workflow_id, name, amounts)
    known[clone_id] = (name, amounts)
    return clone_id
