"""Ready jobs in claim order, read from one index."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork


class Candidate(NamedTuple):
    """A ready job and what it needs, in the columns of the claim index."""

    priority: int
    num_gpus: int
    runtime_s: float
    memory_bytes: int
    num_cpus: int
    id: int
    num_nodes: int


class Kind(NamedTuple):
    """The amounts of ready jobs that need the same, by which the claim index is sorted."""

    priority: int
    num_gpus: int
    runtime_s: float
    memory_bytes: int
    num_cpus: int


class Fit(NamedTuple):
    """The most that a job may need. `nodes` is how many nodes a job of several nodes may take, 0 for none."""

    num_cpus: int
    num_gpus: int
    memory_bytes: int
    nodes: int
    node_cpus: int
    node_gpus: int
    node_memory_bytes: int


class Eligible(NamedTuple):
    """Which jobs a claim may take at all. `scheduler_id` None means that the job's scheduler does not matter.

    Jobs whose resource requirement is named `timeless` fit into any time limit; None: no job does. `labels` are the
    runner's as JSON text, None for a runner without any: it may take only jobs that have none.
    """

    workflow_id: int
    time_limit_s: float | None
    scheduler_id: int | None
    timeless: str | None = None
    labels: str | None = None


_ORDER: Final = "priority DESC, num_gpus DESC, runtime_s DESC, memory_bytes DESC, num_cpus DESC, id"
_AMOUNTS: Final = "priority, num_gpus, runtime_s, memory_bytes, num_cpus"
_LABELED: Final = """
    (labels IS NULL OR NOT EXISTS (
        SELECT 1 FROM $labels_of_job WHERE value NOT IN (SELECT value FROM $labels_of_runner)
    ))
"""
"""The condition that the runner has all labels of the job; a runner without labels has no rows to compare with."""
_FITS: Final = """
    workflow_id = :workflow_id AND status = $READY AND $labeled
    AND (
        :time_limit_s IS NULL OR runtime_s <= :time_limit_s OR :timeless IS NOT NULL AND resource_requirements_id IN
            (SELECT id FROM resource_requirements WHERE workflow_id = :workflow_id AND name = :timeless)
    )
    AND (:scheduler_id IS NULL OR scheduler_id IS NULL OR scheduler_id = :scheduler_id)
    AND (
        num_nodes <= 1 AND num_cpus <= :num_cpus AND num_gpus <= :num_gpus AND memory_bytes <= :memory_bytes
        OR num_nodes > 1 AND num_nodes <= :nodes
            AND num_cpus <= :node_cpus AND num_gpus <= :node_gpus AND memory_bytes <= :node_memory_bytes
    )
"""


def _fits() -> str:
    return sql(_FITS, labeled=sql(_LABELED))


def ready_kinds(uow: UnitOfWork, workflow_id: int, *, limit: int) -> list[Kind]:
    """Return the first kinds of ready jobs in claim order: one step in the index for each, whatever number of jobs."""
    rows = uow.rows(
        sql(
            """
            WITH RECURSIVE kind (id, $amounts) AS (
                SELECT * FROM (
                    SELECT id, $amounts FROM job $claim_index
                    WHERE workflow_id = :workflow_id AND status = $READY ORDER BY $order LIMIT 1
                )
                UNION ALL
                SELECT job.id, job.priority, job.num_gpus, job.runtime_s, job.memory_bytes, job.num_cpus
                FROM kind JOIN job ON job.id = COALESCE($steps)
                LIMIT :limit
            )
            SELECT $amounts FROM kind
            """,
            amounts=_AMOUNTS,
            order=_ORDER,
            steps=", ".join(_steps()),
        ),
        workflow_id=workflow_id,
        limit=limit,
    )
    return [Kind(*row) for row in rows]


def _steps() -> Iterator[str]:
    """Yield the searches for the next kind: the same amounts but for fewer CPUs, else for less memory, and so on.

    One search with `(priority, …) < (…)` for all of them would read each job of the present kind.
    """
    for place in reversed(range(len(Kind._fields))):
        same = [f"{name} = kind.{name}" for name in Kind._fields[:place]]
        less = f"{Kind._fields[place]} < kind.{Kind._fields[place]}"
        yield sql(
            """
            (SELECT id FROM job AS following $claim_index
            WHERE workflow_id = :workflow_id AND status = $READY AND $step ORDER BY $order LIMIT 1)
            """,
            step=" AND ".join([*same, less]),
            order=_ORDER,
        )


def next_candidates(
    uow: UnitOfWork, eligible: Eligible, fit: Fit, *, kind: Kind | None = None, after: Candidate | None, limit: int
) -> list[Candidate]:
    """Return the next ready jobs that fit, in claim order: those behind `after`, or from the beginning.

    With a `kind`, only jobs of this kind are read.
    """
    behind, values = "", {**eligible._asdict(), **fit._asdict(), "limit": limit}
    if kind is not None:
        behind = sql(
            """
            AND ($amounts) = (:kind_priority, :kind_num_gpus, :kind_runtime_s, :kind_memory_bytes, :kind_num_cpus)
            AND id > :after_id
            """,
            amounts=_AMOUNTS,
        )
        values |= {f"kind_{name}": value for name, value in kind._asdict().items()}
        values["after_id"] = 0 if after is None else after.id
    elif after is not None:
        behind = sql(
            """
            AND ($amounts) <= (:after_priority, :after_num_gpus, :after_runtime_s, :after_memory_bytes, :after_num_cpus)
            AND (
                ($amounts) < (:after_priority, :after_num_gpus, :after_runtime_s, :after_memory_bytes, :after_num_cpus)
                OR id > :after_id
            )
            """,
            amounts=_AMOUNTS,
        )
        values |= {f"after_{name}": value for name, value in after._asdict().items()}
    rows = uow.rows(
        sql(
            """
            SELECT $amounts, id, num_nodes FROM job $claim_index
            WHERE $fits $behind ORDER BY $order LIMIT :limit
            """,
            amounts=_AMOUNTS,
            fits=_fits(),
            behind=behind,
            order=_ORDER,
        ),
        **values,
    )
    return [Candidate(*row) for row in rows]


def first_ready(uow: UnitOfWork, workflow_id: int, limit: int, *, labels: str | None = None) -> list[int]:
    """Return ready jobs whatever they need, in claim order, for a runner with these labels (JSON text)."""
    return uow.ids(
        sql(
            """
            SELECT id FROM job WHERE workflow_id = :id AND status = $READY AND $labeled ORDER BY $order LIMIT :limit
            """,
            order=_ORDER,
            labeled=sql(_LABELED),
        ),
        id=workflow_id,
        limit=limit,
        labels=labels,
    )


def count_fitting(uow: UnitOfWork, eligible: Eligible, fit: Fit) -> int:
    statement = sql("SELECT COUNT(*) FROM job $claim_index WHERE $fits", fits=_fits())
    return int(uow.value(statement, **eligible._asdict(), **fit._asdict()))


class SmallestNeed(NamedTuple):
    """The amounts that the smallest ready job needs."""

    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_bytes: int
    runtime_s: float


def smallest_need(uow: UnitOfWork, workflow_id: int) -> SmallestNeed | None:
    """Return what the smallest ready job needs: fewest nodes, then GPUs, CPUs and memory, then shortest."""
    row = uow.row(
        sql(
            """
            SELECT num_cpus, num_gpus, num_nodes, memory_bytes, runtime_s FROM job $claim_index
            WHERE workflow_id = :id AND status = $READY
            ORDER BY num_nodes, num_gpus, num_cpus, memory_bytes, runtime_s LIMIT 1
            """
        ),
        id=workflow_id,
    )
    return None if row is None else SmallestNeed(*row)


def is_anything_ready(uow: UnitOfWork, workflow_id: int, *, labels: str | None = None) -> bool:
    return bool(first_ready(uow, workflow_id, 1, labels=labels))


def count_with_other_labels(uow: UnitOfWork, workflow_id: int, labels: str | None) -> int:
    """Return how many ready jobs need labels that are not among these (JSON text)."""
    statement = sql(
        "SELECT COUNT(*) FROM job WHERE workflow_id = :id AND status = $READY AND NOT $labeled", labeled=sql(_LABELED)
    )
    return int(uow.value(statement, id=workflow_id, labels=labels))


def ready_labels(uow: UnitOfWork, workflow_id: int) -> list[tuple[str, int]]:
    """Return the labels (JSON text) of ready jobs that have any, and how many jobs have each set of them."""
    rows = uow.rows(
        sql(
            """
            SELECT labels, COUNT(*) FROM job
            WHERE workflow_id = :id AND status = $READY AND labels IS NOT NULL GROUP BY labels ORDER BY labels
            """
        ),
        id=workflow_id,
    )
    return [(row[0], row[1]) for row in rows]


def longer_ready_jobs(uow: UnitOfWork, workflow_id: int, seconds: float) -> tuple[int, float]:
    """Return how many ready jobs have a runtime above so many seconds, and the longest runtime of a ready job."""
    row = uow.row(
        sql(
            """
            SELECT COUNT(CASE WHEN runtime_s > :seconds THEN 1 END), COALESCE(MAX(runtime_s), 0)
            FROM job WHERE workflow_id = :id AND status = $READY
            """
        ),
        id=workflow_id,
        seconds=seconds,
    )
    return (0, 0.0) if row is None else (row[0], row[1])


class ReadyNeeds(NamedTuple):
    """Sums over all ready jobs, and the most nodes and the longest runtime of one."""

    num_jobs: int
    num_cpus: int
    num_gpus: int
    memory_bytes: int
    max_num_nodes: int
    max_runtime_s: float


def ready_needs(uow: UnitOfWork, workflow_id: int, scheduler_id: int | None) -> ReadyNeeds:
    """Return the needs of all ready jobs together; `scheduler_id` None means the jobs of any scheduler."""
    rows = uow.rows(
        sql(
            """
            SELECT COUNT(*), COALESCE(SUM(num_cpus), 0), COALESCE(SUM(num_gpus), 0), COALESCE(SUM(memory_bytes), 0),
                COALESCE(MAX(num_nodes), 0), COALESCE(MAX(runtime_s), 0)
            FROM job WHERE workflow_id = :workflow_id AND status = $READY
                AND (:scheduler_id IS NULL OR scheduler_id IS NULL OR scheduler_id = :scheduler_id)
            """
        ),
        workflow_id=workflow_id,
        scheduler_id=scheduler_id,
    )
    return ReadyNeeds(*rows[0])
