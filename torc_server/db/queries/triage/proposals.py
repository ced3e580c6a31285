"""Proposals and their entries, as rows."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from torc_core.api.failures import Actor, ClassifiedJob, DecisionLimits
from torc_server.db.queries.records.base import Slice
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork

ProposalState = Literal["open", "approved", "rejected", "expired", "void", "superseded"]
"""An undecided proposal is open, or expired by the clock, void (all was skipped), or superseded (all moved on)."""


class StoredProposal(NamedTuple):
    """A proposal without its entries, in the state in which it is now."""

    id: int
    workflow_id: int
    state: ProposalState
    actor: Actor
    limits: DecisionLimits
    created_at: str
    expires_at: str
    jobs_to_retry: int
    jobs_to_fail: int
    jobs_skipped: int
    decided_by: Actor | None
    decided_at: str | None
    decision_reason: str | None


_STATE: Final = """
    CASE
        WHEN p.state <> 'open' THEN p.state
        WHEN p.expires_at <= :now THEN 'expired'
        WHEN NOT EXISTS (SELECT 1 FROM proposal_item WHERE proposal_id = p.id AND status = 'would_apply') THEN 'void'
        WHEN NOT EXISTS (
            SELECT 1 FROM proposal_item i JOIN job j ON j.id = i.job_id JOIN workflow w ON w.id = j.workflow_id
            WHERE i.proposal_id = p.id AND i.status = 'would_apply'
                AND (j.status, j.attempt_id, w.run_id) = ($PENDING_FAILED, i.attempt_id, i.run_id)
        ) THEN 'superseded'
        ELSE 'open'
    END
"""
_COLUMNS: Final = ", ".join("now_state" if name == "state" else name for name in StoredProposal._fields)
_SOURCE: Final = "FROM (SELECT p.*, $state AS now_state FROM proposal p WHERE $condition)"
_ITEM: Final = (
    "job_id",
    "run_id",
    "attempt_id",
    "signature",
    "action",
    "reason",
    "memory",
    "old_memory",
    "runtime",
    "old_runtime",
    "status",
    "detail",
)


def insert_proposal(uow: UnitOfWork, workflow_id: int, *, actor: Actor, limits: DecisionLimits, expires_at: str) -> int:
    """Store an open proposal and return its id; its counts are written with its entries."""
    return int(
        uow.value(
            """
            INSERT INTO proposal
                (workflow_id, state, actor, limits, created_at, expires_at, jobs_to_retry, jobs_to_fail, jobs_skipped)
            VALUES (:workflow_id, 'open', :actor, :limits, :created_at, :expires_at, 0, 0, 0)
            RETURNING id
            """,
            workflow_id=workflow_id,
            actor=actor.model_dump_json(),
            limits=limits.model_dump_json(),
            created_at=uow.now_text,
            expires_at=expires_at,
        )
    )


def write_items(uow: UnitOfWork, proposal_id: int, jobs: Iterable[ClassifiedJob]) -> None:
    """Store the entries, in place of those of the same jobs."""
    columns = ", ".join(("proposal_id", *_ITEM))
    marks = ", ".join("?" for _ in ("proposal_id", *_ITEM))
    uow.run_many(
        sql(
            """
            INSERT INTO proposal_item ($columns) VALUES ($marks)
            ON CONFLICT (proposal_id, job_id) DO UPDATE SET $changes
            """,
            columns=columns,
            marks=marks,
            changes=", ".join(f"{name} = excluded.{name}" for name in _ITEM),
        ),
        ((proposal_id, *(getattr(job, name) for name in _ITEM)) for job in jobs),
    )


def read_items(uow: UnitOfWork, proposal_id: int) -> list[ClassifiedJob]:
    """Return the entries in the order of the jobs' ids."""
    rows = uow.rows(
        sql(
            """
            SELECT j.name, $columns FROM proposal_item i JOIN job j ON j.id = i.job_id
            WHERE i.proposal_id = :proposal_id ORDER BY i.job_id
            """,
            columns=", ".join(f"i.{name}" for name in _ITEM),
        ),
        proposal_id=proposal_id,
    )
    return [
        ClassifiedJob.model_validate({"job_name": row[0], **dict(zip(_ITEM, row[1:], strict=True))}) for row in rows
    ]


class AttemptNeed(NamedTuple):
    """What a job asks for, and the time that its longest attempt took."""

    job_id: int
    num_cpus: int
    num_nodes: int
    requirement_name: str
    runtime_s: float
    exec_time_s: float | None


def needs(uow: UnitOfWork, job_ids: Collection[int]) -> dict[int, AttemptNeed]:
    """Return what the jobs ask for now, by id."""
    rows = uow.rows(
        sql(
            """
            SELECT j.id, q.num_cpus, q.num_nodes, q.name, q.runtime_s,
                (SELECT 60 * MAX(r.exec_time_minutes) FROM result r WHERE r.job_id = j.id)
            FROM job j JOIN resource_requirements q ON q.id = j.resource_requirements_id
            WHERE j.id IN $ids
            """
        ),
        ids=id_list(job_ids),
    )
    return {row[0]: AttemptNeed(*row) for row in rows}


def causes(uow: UnitOfWork, proposal_id: int) -> dict[str | None, str]:
    """Return a cause for each signature of the proposal: that of one of the attempts that it was made on."""
    rows = uow.rows(
        """
        SELECT i.signature, MIN(e.cause) FROM proposal_item i JOIN failure_evidence e
            ON e.job_id = i.job_id AND e.run_id = i.run_id AND e.attempt_id = i.attempt_id
        WHERE i.proposal_id = :proposal_id AND e.cause IS NOT NULL GROUP BY i.signature
        """,
        proposal_id=proposal_id,
    )
    return {row[0]: row[1] for row in rows}


def workflow_of(uow: UnitOfWork, proposal_id: int) -> int:
    """Return the id of the workflow that the proposal is about."""
    return int(uow.value("SELECT workflow_id FROM proposal WHERE id = :id", id=proposal_id))


def write_counts(uow: UnitOfWork, proposal_id: int, *, retry: int, fail: int, skipped: int) -> None:
    uow.run(
        """
        UPDATE proposal SET jobs_to_retry = :retry, jobs_to_fail = :fail, jobs_skipped = :skipped WHERE id = :id
        """,
        id=proposal_id,
        retry=retry,
        fail=fail,
        skipped=skipped,
    )


def close_proposal(uow: UnitOfWork, proposal_id: int, *, state: str, by: Actor, reason: str | None) -> None:
    uow.run(
        """
        UPDATE proposal SET state = :state, decided_by = :by, decided_at = :now, decision_reason = :reason
        WHERE id = :id AND state = 'open'
        """,
        id=proposal_id,
        state=state,
        by=by.model_dump_json(),
        now=uow.now_text,
        reason=reason,
    )


def find_proposal(uow: UnitOfWork, proposal_id: int) -> StoredProposal | None:
    source = sql(_SOURCE, state=sql(_STATE), condition="p.id = :id")
    row = uow.row(sql("SELECT $columns $source", columns=_COLUMNS, source=source), id=proposal_id, now=uow.now_text)
    return None if row is None else _stored(row)


def list_proposals(
    uow: UnitOfWork, workflow_id: int, part: Slice, *, status: str | None
) -> tuple[list[StoredProposal], int]:
    """Return the proposals, oldest first; `status` expired means that it cannot be decided any more, for any reason."""
    source = sql(
        """
        $proposals WHERE :status IS NULL
            OR :status = CASE WHEN now_state IN ('void', 'superseded') THEN 'expired' ELSE now_state END
        """,
        proposals=sql(_SOURCE, state=sql(_STATE), condition="p.workflow_id = :workflow_id"),
    )
    values = {"workflow_id": workflow_id, "status": status, "now": uow.now_text}
    rows = uow.rows(
        sql("SELECT $columns $source ORDER BY id LIMIT :limit OFFSET :offset", columns=_COLUMNS, source=source),
        **values,
        limit=part.limit,
        offset=part.offset,
    )
    total = uow.value(sql("SELECT COUNT(*) $source", source=source), **values)
    return [_stored(row) for row in rows], total


def _stored(row: Sequence[Any]) -> StoredProposal:
    values = dict(zip(StoredProposal._fields, row, strict=True))
    values["actor"] = Actor.model_validate_json(values["actor"])
    values["limits"] = DecisionLimits.model_validate_json(values["limits"])
    if values["decided_by"] is not None:
        values["decided_by"] = Actor.model_validate_json(values["decided_by"])
    return StoredProposal(**values)
