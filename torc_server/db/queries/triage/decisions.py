"""Decisions as rows: the facts they need of a job, the decisions themselves and their outcomes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from torc_core.api.failures import Actor, DecisionModel
from torc_core.jobs.status import STATUS_BY_CODE, JobStatus
from torc_core.recovery.decision import JobFacts
from torc_server.db.dialect import contains
from torc_server.db.queries.records.base import Slice
from torc_server.db.sql import id_list, sql, status_list
from torc_server.db.unit_of_work import UnitOfWork


def job_facts(uow: UnitOfWork, job_ids: Collection[int]) -> dict[int, JobFacts]:
    """Return the facts of those of the jobs that exist, by id."""
    rows = uow.rows(
        sql(
            """
            SELECT j.id, j.workflow_id, j.name, j.status, j.attempt_id, q.id, q.name, q.memory, q.runtime,
                q.memory_bytes, q.runtime_s, j.scheduler_id,
                (SELECT MAX(r.peak_memory_bytes) FROM result r WHERE r.job_id = j.id),
                (SELECT 60 * MAX(r.exec_time_minutes) FROM result r WHERE r.job_id = j.id)
            FROM job j JOIN resource_requirements q ON q.id = j.resource_requirements_id
            WHERE j.id IN $ids
            """
        ),
        ids=id_list(job_ids),
    )
    return {row[0]: JobFacts(row[0], row[1], row[2], STATUS_BY_CODE[row[3]], *row[4:]) for row in rows}


def retries_without_people(uow: UnitOfWork, job_ids: Collection[int]) -> dict[int, int]:
    """Return how often agents and rules sent each job back, in any run, since a person last decided about it."""
    rows = uow.rows(
        sql(
            """
            SELECT d.job_id, COUNT(*) FROM decision d
            WHERE d.job_id IN $ids AND d.action = 'retry' AND d.decided_by_kind IN ('agent', 'rules')
                AND d.undone_at IS NULL
                AND d.id > COALESCE(
                    (
                        SELECT MAX(id) FROM decision
                        WHERE job_id = d.job_id AND decided_by_kind = 'person' AND undone_at IS NULL
                    ),
                    0
                )
            GROUP BY d.job_id
            """
        ),
        ids=id_list(job_ids),
    )
    return {row[0]: row[1] for row in rows}


class NewDecision(NamedTuple):
    """One row of the table, in the order of its columns; actors are JSON."""

    workflow_id: int
    job_id: int
    run_id: int
    attempt_id: int
    signature: str | None
    action: str
    reason: str
    memory: str | None
    runtime: str | None
    actor: str
    decided_by_kind: str
    approved_by: str | None
    proposal_id: int | None
    decided_at: str
    old_requirements_id: int | None


def write_decisions(uow: UnitOfWork, decisions: Iterable[NewDecision]) -> None:
    columns = ", ".join(NewDecision._fields)
    marks = ", ".join("?" for _ in NewDecision._fields)
    uow.run_many(sql("INSERT INTO decision ($columns) VALUES ($marks)", columns=columns, marks=marks), decisions)


_OUTCOME: Final = """
    CASE
        WHEN d.undone_at IS NOT NULL THEN 'undone'
        WHEN d.action = 'fail' THEN 'not_run'
        WHEN r.status = $COMPLETED THEN 'succeeded'
        WHEN r.status IN $FAILURES THEN 'failed_again'
        WHEN r.status IS NOT NULL OR j.status IN ($UNINITIALIZED, $CANCELED, $DISABLED) THEN 'not_run'
        ELSE 'open'
    END
"""
"""The outcome is that of the next attempt that ran, in any run; before it, the job may be canceled or reset."""

NEXT_ATTEMPT: Final = """
    r.job_id = d.job_id AND (r.run_id, r.attempt_id) = (
        SELECT run_id, attempt_id FROM result
        WHERE job_id = d.job_id AND (run_id, attempt_id) > (d.run_id, d.attempt_id)
        ORDER BY run_id, attempt_id LIMIT 1
    )
"""
"""Joins the result `r` of the first attempt after the one that decision `d` is about."""


_STANDING: Final = "d.undone_at IS NULL AND d.action = 'fail' AND j.status = $FAILED AND r.job_id IS NULL"
"""Condition: the job is failed because of this decision, as nothing ran since."""


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Conditions on decisions; None, False and an empty text are none.

    `only_standing` leaves those because of which jobs are failed now. `text` stands in the reason, the signature or the
    name of the job.
    """

    job_id: int | None = None
    only_standing: bool = False
    action: str | None = None
    outcome: str | None = None
    text: str = ""


_CONDITIONS: Final = {
    "job_id": "d.job_id = :job_id",
    "only_standing": _STANDING,
    "action": "d.action = :action",
    "outcome": f"{_OUTCOME} = :outcome",
    "text": " OR ".join(contains(column, ":text") for column in ("d.reason", "COALESCE(d.signature, '')", "j.name")),
}
_OF_OUTCOMES: Final = frozenset({"only_standing", "outcome"})
"""Conditions for which the attempts after the decisions are looked up."""


def list_decisions(
    uow: UnitOfWork, workflow_id: int, part: Slice, wanted: DecisionFilter | None = None
) -> tuple[list[DecisionModel], int]:
    """Return the decisions of the workflow that meet the conditions, oldest first, and how many there are in all."""
    wanted = wanted or DecisionFilter()
    given = {name: getattr(wanted, name) for name in _CONDITIONS if getattr(wanted, name)}
    given |= {} if wanted.job_id is None else {"job_id": wanted.job_id}
    values = {"workflow_id": workflow_id, **{name: value for name, value in given.items() if name != "only_standing"}}
    where = sql(
        "WHERE d.workflow_id = :workflow_id $conditions",
        conditions="".join(f" AND ({sql(_CONDITIONS[name])})" for name in given),
    )
    attempts = sql("LEFT JOIN result r ON $next_attempt", next_attempt=NEXT_ATTEMPT)
    rows = uow.rows(
        sql(
            """
            SELECT d.id, d.workflow_id, d.job_id, j.name, d.run_id, d.attempt_id, d.signature, d.action, d.reason,
                d.memory, d.runtime, d.actor, d.approved_by, d.proposal_id, d.decided_at, $outcome,
                d.undone_by, d.undone_at
            FROM decision d JOIN job j ON j.id = d.job_id $attempts $where
            ORDER BY d.id $direction LIMIT :limit OFFSET :offset
            """,
            outcome=sql(_OUTCOME),
            attempts=attempts,
            where=where,
            direction="DESC" if part.descending else "ASC",
        ),
        **values,
        limit=part.limit,
        offset=part.offset,
    )
    total = uow.value(
        sql(
            "SELECT COUNT(*) FROM decision d JOIN job j ON j.id = d.job_id $attempts $where",
            attempts=attempts if given.keys() & _OF_OUTCOMES else "",
            where=where,
        ),
        **values,
    )
    return [_model(row) for row in rows], total


def _model(row: Sequence[Any]) -> DecisionModel:
    return DecisionModel(
        id=row[0],
        workflow_id=row[1],
        job_id=row[2],
        job_name=row[3],
        run_id=row[4],
        attempt_id=row[5],
        signature=row[6],
        action=row[7],
        reason=row[8],
        memory=row[9],
        runtime=row[10],
        actor=Actor.model_validate_json(row[11]),
        approved_by=None if row[12] is None else Actor.model_validate_json(row[12]),
        proposal_id=row[13],
        decided_at=row[14],
        outcome=row[15],
        undone_by=None if row[16] is None else Actor.model_validate_json(row[16]),
        undone_at=row[17],
    )


class LatestDecision(NamedTuple):
    """The newest decision on a job that was not undone, and the job as it is now."""

    id: int
    job_id: int
    job_name: str
    action: str
    attempt_id: int
    is_of_this_run: bool
    status: JobStatus
    present_attempt: int
    last_attempt: int
    """The newest attempt that a runner claimed."""
    old_requirements_id: int | None
    """The requirement before the decision; None where a recovery sent the job back."""


def latest_decisions(
    uow: UnitOfWork, workflow_id: int, *, proposal_id: int | None, job_ids: Collection[int] | None
) -> list[LatestDecision]:
    """Return the newest decision on each job that has one which was not undone, in the order of the jobs."""
    rows = uow.rows(
        sql(
            """
            SELECT d.id, d.job_id, j.name, d.action, d.attempt_id, d.run_id = w.run_id, j.status, j.attempt_id,
                CASE WHEN j.last_attempt_run = w.run_id THEN j.last_attempt ELSE 0 END, d.old_requirements_id
            FROM decision d JOIN job j ON j.id = d.job_id JOIN workflow w ON w.id = d.workflow_id
            WHERE d.id IN (
                SELECT MAX(id) FROM decision
                WHERE workflow_id = :workflow_id AND undone_at IS NULL GROUP BY job_id
            )
            AND (:proposal_id IS NULL OR d.proposal_id = :proposal_id) $named
            ORDER BY d.job_id
            """,
            named="" if job_ids is None else sql("AND d.job_id IN $ids"),
        ),
        workflow_id=workflow_id,
        proposal_id=proposal_id,
        ids=id_list(job_ids or ()),
    )
    return [LatestDecision._make((*row[:6], STATUS_BY_CODE[row[6]], *row[7:])) for row in rows]


def mark_undone(uow: UnitOfWork, decision_ids: Collection[int], *, by: Actor) -> None:
    uow.run(
        sql("UPDATE decision SET undone_at = :now, undone_by = :by WHERE id IN $ids"),
        ids=id_list(decision_ids),
        now=uow.now_text,
        by=by.model_dump_json(),
    )


def begun_behind(uow: UnitOfWork, job_ids: Collection[int]) -> set[int]:
    """Return those of the jobs with a dependent that was claimed, has run, or runs since they failed."""
    rows = uow.rows(
        sql(
            """
            SELECT DISTINCT d.depends_on_job_id FROM job_depends_on d JOIN job j ON j.id = d.job_id
            WHERE d.depends_on_job_id IN $ids AND j.status NOT IN $waiting
            """,
            waiting=status_list(
                (JobStatus.BLOCKED, JobStatus.READY, JobStatus.CANCELED, JobStatus.UNINITIALIZED, JobStatus.DISABLED)
            ),
        ),
        ids=id_list(job_ids),
    )
    return {row[0] for row in rows}


def restore_attempts(uow: UnitOfWork, found: Iterable[LatestDecision]) -> None:
    """Give the jobs the number of the attempt that the decisions were about."""
    uow.run_many("UPDATE job SET attempt_id = ? WHERE id = ?", ((each.attempt_id, each.job_id) for each in found))
