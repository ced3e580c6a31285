"""Which records that a body names belong to another workflow, or to none."""

from collections.abc import Collection

from torc_server.db.sql import id_list, sql
from torc_server.db.unit_of_work import UnitOfWork


def others_records(uow: UnitOfWork, tables: Collection[str], workflow_id: int, ids: Collection[int]) -> list[int]:
    """Return those of the ids that other workflows have in one of the tables, and this workflow in none."""
    own: set[int] = set()
    others: set[int] = set()
    for table in tables:
        statement = sql("SELECT id, workflow_id = :workflow_id FROM $table WHERE id IN $ids", table=table)
        for record_id, is_own in uow.rows(statement, ids=id_list(ids), workflow_id=workflow_id):
            (own if is_own else others).add(record_id)
    return sorted(others - own)


def foreign_ids(uow: UnitOfWork, table: str, workflow_id: int, ids: Collection[int]) -> list[int]:
    """Return those of the ids that are not records of the workflow in this table."""
    return uow.ids(
        sql(
            """
            SELECT DISTINCT value FROM $ids
            WHERE value NOT IN (SELECT id FROM $table WHERE workflow_id = :workflow_id)
            ORDER BY value
            """,
            table=table,
        ),
        ids=id_list(ids),
        workflow_id=workflow_id,
    )
