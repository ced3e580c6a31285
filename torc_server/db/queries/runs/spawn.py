"""Statements of dynamic jobs: their generations, and records by name."""

from collections.abc import Collection

from torc_server.db.dialect import is_digits
from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


def newest_generation(uow: UnitOfWork, workflow_id: int, prefix: str) -> str | None:
    """Return the greatest name of user data that is `prefix` followed by six digits, or None."""
    found: str | None = uow.value(
        sql(
            """
            SELECT MAX(name) FROM user_data
            WHERE workflow_id = :id AND substr(name, 1, length(:prefix)) = :prefix AND $is_number
            """,
            is_number=is_digits("substr(name, length(:prefix) + 1)", 6),
        ),
        id=workflow_id,
        prefix=prefix,
    )
    return found


def delete_record(uow: UnitOfWork, workflow_id: int, name: str) -> None:
    uow.run("DELETE FROM user_data WHERE workflow_id = :id AND name = :name", id=workflow_id, name=name)


def jobs_named(uow: UnitOfWork, workflow_id: int, names: Collection[str]) -> dict[str, int]:
    """Return the ids of the jobs with these names, of the newest where a name is not unique."""
    return _named(uow, "job", workflow_id, names)


def requirements_named(uow: UnitOfWork, workflow_id: int, names: Collection[str]) -> dict[str, int]:
    return _named(uow, "resource_requirements", workflow_id, names)


def mark_spawned(uow: UnitOfWork, job_ids: Collection[int]) -> None:
    uow.run(sql("UPDATE job SET origin = 'spawn' WHERE id IN $ids"), ids=id_list(job_ids))


def _named(uow: UnitOfWork, table: str, workflow_id: int, names: Collection[str]) -> dict[str, int]:
    statement = sql(
        "SELECT name, MAX(id) FROM $table WHERE workflow_id = :id AND name IN $ids GROUP BY name", table=table
    )
    return {row[0]: row[1] for row in uow.rows(statement, id=workflow_id, ids=id_list(names))}
