"""The queue: what squeue is asked for, and how its answer is read."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from torc_core.slurm.allocation import AllocationStatus, Phase
from torc_core.slurm.quantities import known_slurm_time, parse_slurm_count
from torc_core.slurm.states import explain, phase_of, state_word, why_never

QUEUE_FIELDS: Final = ("%A", "%i", "%F", "%K", "%T", "%r", "%S", "%e", "%N", "%P", "%j")
"""The name stands last: it is the only field that may hold the separator."""
SEPARATOR: Final = "|"
_LIVELIEST_FIRST: Final = (Phase.RUNNING, Phase.QUEUED, Phase.ENDED)


def queue_words(scheduler_ids: Sequence[int] = (), *, name: str | None = None) -> list[str]:
    """Return the words of a squeue that shows these allocations in any state, or those of that name."""
    chosen = [f"--jobs={','.join(map(str, scheduler_ids))}"] if scheduler_ids else []
    named = [f"--name={name}"] if name is not None else []
    return [
        "squeue",
        "--noheader",
        "--array",
        "--states=all",
        f"--format={SEPARATOR.join(QUEUE_FIELDS)}",
        *chosen,
        *named,
    ]


def parse_queue(text: str, fields: Sequence[str] = QUEUE_FIELDS) -> list[AllocationStatus]:
    """Return the allocations of squeue's answer. Lines that are no rows are skipped: warnings stand among them."""
    return [status for line in text.splitlines() for status in _read_row(line, fields)]


def find_liveliest(rows: Iterable[AllocationStatus], scheduler_ids: Collection[int]) -> dict[int, AllocationStatus]:
    """Return the row of each allocation; of an array, whose id its last task bears too, that of its liveliest task."""
    wanted = set(scheduler_ids)
    found: dict[int, AllocationStatus] = {}
    for row in rows:
        for scheduler_id in wanted & {row.scheduler_id, row.array_job_id}:
            if scheduler_id not in found or _rank(row) < _rank(found[scheduler_id]):
                found[scheduler_id] = row
    return found


def _rank(status: AllocationStatus) -> int:
    return _LIVELIEST_FIRST.index(status.phase)


def _read_row(line: str, fields: Sequence[str]) -> Iterator[AllocationStatus]:
    cells = line.split(SEPARATOR, len(fields) - 1)
    if len(cells) != len(fields):
        return
    row: Mapping[str, str] = {field: cell.strip() for field, cell in zip(fields, cells, strict=True)}
    # %i of an array's task is `67_4`; its own id is %A
    scheduler_id = parse_slurm_count(row.get("%A", row.get("%i", "")).partition("_")[0])
    state = state_word(row.get("%T", ""))
    if scheduler_id is None or not state:
        return
    reason = _known(row.get("%r", ""))
    phase = phase_of(state)
    never = why_never(reason) if phase is Phase.QUEUED and reason is not None else None
    task = row.get("%K", "N/A")
    yield AllocationStatus(
        scheduler_id=scheduler_id,
        name=row.get("%j", ""),
        state=state,
        phase=phase,
        reason=reason,
        explanation=explain(reason) if phase is Phase.QUEUED else None,
        will_not_start=never is not None,
        why_never=never,
        start_time=known_slurm_time(row.get("%S", "")),
        end_time=known_slurm_time(row.get("%e", "")),
        nodes=row.get("%N") or None,
        array_job_id=None if task == "N/A" else parse_slurm_count(row.get("%F", "")),
        array_task_id=None if task == "N/A" else task,
        partition=row.get("%P") or None,
    )


def _known(reason: str) -> str | None:
    """Return a reason without brackets; None for Slurm's `None`."""
    plain = reason.strip("()")
    return None if plain in ("", "None") else plain
