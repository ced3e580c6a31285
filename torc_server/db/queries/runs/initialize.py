"""Statements of initialize: inferred dependencies, attempt numbers, hashes of inputs."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from torc_server.db.dialect import joined, json_rows, larger
from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork

_CARRIERS: Final = (
    ("job_input_file", "job_output_file", "file_id"),
    ("job_input_user_data", "job_output_user_data", "user_data_id"),
)


class Inputs(NamedTuple):
    """Everything whose change makes a job's result outdated; ids as text, in ascending order."""

    job_id: int
    name: str
    input_hash: str | None
    command: str
    invocation_script: str | None
    depends_on: str | None
    input_files: str | None
    output_files: str | None
    input_user_data: str | None
    output_user_data: str | None
    input_contents: str | None


def infer_dependencies(uow: UnitOfWork, workflow_id: int) -> int:
    """Let every reader of a file or of user data depend on its producers; return how many dependencies are new."""
    return sum(
        uow.run(
            sql(
                """
                INSERT INTO job_depends_on (job_id, depends_on_job_id)
                SELECT i.job_id, o.job_id
                FROM job j $ordered_join $inputs i ON i.job_id = j.id $ordered_join $outputs o ON o.$item = i.$item
                WHERE j.workflow_id = :workflow_id
                ON CONFLICT DO NOTHING
                """,
                inputs=inputs,
                outputs=outputs,
                item=item,
            ),
            workflow_id=workflow_id,
        )
        for inputs, outputs, item in _CARRIERS
    )


def dependencies(uow: UnitOfWork, workflow_id: int) -> Iterator[tuple[int, int]]:
    """Yield (job id, id of a job it depends on) for the whole workflow, grouped by job."""
    statement = sql(
        """
        SELECT d.job_id, d.depends_on_job_id
        FROM job j $ordered_join job_depends_on d ON d.job_id = j.id
        WHERE j.workflow_id = :workflow_id
        """
    )
    for row in uow.each_row(statement, workflow_id=workflow_id):
        yield row[0], row[1]


def begin_attempts(uow: UnitOfWork, workflow_id: int, run_id: int) -> None:
    """Give every uninitialized job the attempt number after the last one of this run, recorded or only given out.

    An attempt that was given out may have written a log although nothing was recorded of it: under its number, the next
    one would overwrite the log.
    """
    uow.run(
        sql(
            """
            UPDATE job SET attempt_id = next.attempt_id, infrastructure_faults = 0, is_suspect = 0,
                lost_claims = next.attempt_id - 1 - next.recorded
            FROM (
                SELECT j.id AS id, COUNT(r.id) AS recorded, 1 + $last AS attempt_id
                FROM job j LEFT JOIN result r ON r.job_id = j.id AND r.run_id = :run_id
                WHERE j.workflow_id = :workflow_id AND j.status = $UNINITIALIZED
                GROUP BY j.id
            ) AS next
            WHERE job.id = next.id AND (job.attempt_id, job.infrastructure_faults, job.is_suspect, job.lost_claims)
                <> (next.attempt_id, 0, 0, next.attempt_id - 1 - next.recorded)
            """,
            last=larger(
                "COALESCE(MAX(r.attempt_id), 0)",
                "MAX(CASE WHEN j.last_attempt_run = :run_id THEN j.last_attempt ELSE 0 END)",
            ),
        ),
        workflow_id=workflow_id,
        run_id=run_id,
    )


def uninitialized_jobs(uow: UnitOfWork, workflow_id: int, *, waiting: bool) -> list[int]:
    """Return the uninitialized jobs that a dependency blocks or cancels (`waiting`), or the others."""
    return uow.ids(
        sql(
            """
            SELECT id FROM job
            WHERE workflow_id = :workflow_id AND status = $UNINITIALIZED AND :waiting = (
                unresolved_dependencies > 0
                OR cancel_on_blocking_job_failure AND EXISTS (
                    SELECT 1 FROM job_depends_on d $ordered_join job u ON u.id = d.depends_on_job_id
                    WHERE d.job_id = job.id AND u.status IN $UNSUCCESSFUL
                )
            )
            """
        ),
        workflow_id=workflow_id,
        waiting=waiting,
    )


def clear_ephemeral_user_data(uow: UnitOfWork, workflow_id: int) -> None:
    """Clear ephemeral data, except what a completed job produced: it would not be produced again."""
    uow.run(
        sql(
            """
            UPDATE user_data SET data = NULL
            WHERE workflow_id = :workflow_id AND is_ephemeral AND NOT EXISTS (
                SELECT 1 FROM job_output_user_data o JOIN job j ON j.id = o.job_id
                WHERE o.user_data_id = user_data.id AND j.status = $COMPLETED
            )
            """
        ),
        workflow_id=workflow_id,
    )


def job_inputs(uow: UnitOfWork, workflow_id: int, *, hashed: bool) -> Iterator[Inputs]:
    """Yield the inputs of the jobs that have a stored hash, or of the uninitialized ones.

    Contents count only for user data that no job produces: a new product means that its producer ran again.
    """
    which = "j.input_hash IS NOT NULL" if hashed else sql("j.status = $UNINITIALIZED")
    statement = sql(
        """
        SELECT j.id, j.name, j.input_hash, j.command, j.invocation_script,
            (SELECT $dependencies FROM job_depends_on WHERE job_id = j.id),
            (SELECT $files FROM job_input_file WHERE job_id = j.id),
            (SELECT $files FROM job_output_file WHERE job_id = j.id),
            (SELECT $user_data FROM job_input_user_data WHERE job_id = j.id),
            (SELECT $user_data FROM job_output_user_data WHERE job_id = j.id),
            (
                SELECT $contents
                FROM job_input_user_data i $ordered_join user_data u ON u.id = i.user_data_id
                WHERE i.job_id = j.id AND NOT EXISTS (SELECT 1 FROM job_output_user_data o WHERE o.user_data_id = u.id)
            )
        FROM job j WHERE j.workflow_id = :workflow_id AND $which ORDER BY j.id
        """,
        which=which,
        contents=json_rows("u.id", "u.data"),
        dependencies=joined("depends_on_job_id"),
        files=joined("file_id"),
        user_data=joined("user_data_id"),
    )
    for row in uow.each_row(statement, workflow_id=workflow_id):
        yield Inputs(*row)


def write_hashes(uow: UnitOfWork, hashes: Iterable[tuple[str, int]]) -> None:
    """Store each (hash, job id)."""
    uow.run_many("UPDATE job SET input_hash = ? WHERE id = ?", hashes)


def required_existing_files(uow: UnitOfWork, workflow_id: int) -> list[int]:
    """Return the files that must exist: inputs that no job produces, and outputs of completed jobs."""
    return uow.ids(
        sql(
            """
            SELECT f.id FROM file f
            WHERE f.workflow_id = :workflow_id AND (
                EXISTS (SELECT 1 FROM job_input_file i WHERE i.file_id = f.id)
                    AND NOT EXISTS (SELECT 1 FROM job_output_file o WHERE o.file_id = f.id)
                OR EXISTS (
                    SELECT 1 FROM job_output_file o JOIN job j ON j.id = o.job_id
                    WHERE o.file_id = f.id AND j.status = $COMPLETED
                )
            )
            ORDER BY f.id
            """
        ),
        workflow_id=workflow_id,
    )


def missing_user_data(uow: UnitOfWork, workflow_id: int) -> list[int]:
    """Return user data without a value that no job will produce: it has no producer, or one that completed."""
    return uow.ids(
        sql(
            """
            SELECT u.id FROM user_data u
            WHERE u.workflow_id = :workflow_id AND u.data IS NULL AND (
                EXISTS (SELECT 1 FROM job_input_user_data i WHERE i.user_data_id = u.id)
                    AND NOT EXISTS (SELECT 1 FROM job_output_user_data o WHERE o.user_data_id = u.id)
                OR EXISTS (
                    SELECT 1 FROM job_output_user_data o JOIN job j ON j.id = o.job_id
                    WHERE o.user_data_id = u.id AND j.status = $COMPLETED
                )
            )
            ORDER BY u.id
            """
        ),
        workflow_id=workflow_id,
    )
