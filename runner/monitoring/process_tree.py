"""The processes that belong to each job, found in one pass for all jobs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from runner.process.launcher_process import ProcessTable


@dataclass(slots=True)
class Tree:
    """The processes of one job. `leader` is its first process.

    `known` are members seen so far, process id to start time: they stay members when they have left the job's
    session and lost their parents.
    """

    leader: int
    known: dict[int, str] = field(default_factory=dict)
    step: "StepMarks | None" = None
    """Set where the job is a step: then `leader` is no process, and the first ones are found by their environment."""


@dataclass(frozen=True, slots=True)
class StepMarks:
    """What distinguishes the processes of a step: slurmstepd starts them, and no parent of theirs is known here.

    `variables` stand in the environment of all of them (`NAME=value`), and in that of srun, whose session is `srun`.
    """

    variables: frozenset[bytes]
    srun: int


def find_first_of_steps(table: ProcessTable, trees: Iterable[Tree], read_environment: Callable[[int], bytes]) -> None:
    """Note the processes of steps of which none is known yet. Steps on other nodes have none here."""
    missing = [(tree, tree.step) for tree in trees if tree.step is not None and not tree.known]
    if not missing:
        return
    for pid, entry in table.items():
        variables: frozenset[bytes] | None = None
        for tree, marks in missing:
            if entry[1] == marks.srun:
                continue
            if variables is None:
                variables = frozenset(read_environment(pid).split(b"\0"))
            if marks.variables <= variables:
                tree.known[pid] = entry[2]


def find_members_of_all(table: ProcessTable, trees: Iterable[Tree]) -> list[tuple[Tree, list[int]]]:
    """Return each tree with its living processes: those of its session, those known, and the descendants of both.

    Every process is looked at once, however many trees there are; `known` is brought up to date.
    """
    members: list[tuple[Tree, list[int]]] = [(tree, []) for tree in trees]
    by_session = {tree.leader: place for place, (tree, _) in enumerate(members)}
    by_pid = {
        pid: place
        for place, (tree, _) in enumerate(members)
        for pid, born in tree.known.items()
        if pid in table and table[pid][2] == born
    }
    owners: dict[int, int | None] = {}
    for pid in table:
        owner = _owner(table, pid, by_session, by_pid, owners)
        if owner is not None:
            members[owner][1].append(pid)
    for tree, pids in members:
        tree.known = {pid: table[pid][2] for pid in pids}
    return members


def _owner(
    table: ProcessTable, pid: int, by_session: dict[int, int], by_pid: dict[int, int], owners: dict[int, int | None]
) -> int | None:
    """Return the tree that a process belongs to: that of its next ancestor with one; noted for all on the way."""
    passed: list[int] = []
    owner: int | None = None
    while pid not in owners and pid in table:
        # noted before it is known: an inconsistent table must not make a circle
        owners[pid] = None
        passed.append(pid)
        parent, session = table[pid][:2]
        owner = by_session.get(session, by_pid.get(pid))
        if owner is not None:
            break
        pid = parent
    else:
        owner = owners.get(pid)
    owners.update(dict.fromkeys(passed, owner))
    return owner
