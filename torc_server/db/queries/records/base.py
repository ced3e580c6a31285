"""The rows of one table as dicts, for records that have no rules of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, delete, func, insert, select, update
from sqlmodel import SQLModel

from torc_server.db.dialect import LAST_ID, json_field_of
from torc_server.db.unit_of_work import UnitOfWork

Row = dict[str, Any]
Condition = ColumnElement[bool]
_CHUNK: Final = 5_000


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a list in the order of a column, ties by id."""

    offset: int
    limit: int
    sort_by: str
    descending: bool


class RecordStore:
    """Reads and writes one table of records that belong to workflows; columns are named as in the contract."""

    def __init__(self, record: type[SQLModel]) -> None:
        self.table: Final[Table] = SQLModel.metadata.tables[str(record.__tablename__)]
        self.columns: Final = frozenset(self.table.c.keys())

    def insert(self, uow: UnitOfWork, row: Row) -> Row:
        statement = insert(self.table).values(**row).returning(*self.table.c)
        return dict(uow.session.execute(statement).mappings().one())

    def insert_all(self, uow: UnitOfWork, rows: Sequence[Row]) -> list[int]:
        """Insert rows and return their ids, consecutive in their order; there is no other writer meanwhile."""
        first = next_id(uow, self.table.name)
        for start in range(0, len(rows), _CHUNK):
            chunk = [{**row, "id": first + start + place} for place, row in enumerate(rows[start : start + _CHUNK])]
            uow.session.execute(insert(self.table), chunk)
        return list(range(first, first + len(rows)))

    def get(self, uow: UnitOfWork, record_id: int) -> Row | None:
        row = uow.session.execute(select(self.table).where(self.table.c.id == record_id)).mappings().first()
        return None if row is None else dict(row)

    def find(self, uow: UnitOfWork, conditions: Sequence[Condition]) -> list[Row]:
        """Return the rows that meet the conditions, by id."""
        statement = select(self.table).where(*conditions).order_by(self.table.c.id)
        return [dict(row) for row in uow.session.execute(statement).mappings()]

    def update(self, uow: UnitOfWork, record_id: int, values: Mapping[str, Any]) -> None:
        if values:
            uow.session.execute(update(self.table).where(self.table.c.id == record_id).values(**values))

    def delete(self, uow: UnitOfWork, record_id: int) -> None:
        uow.session.execute(delete(self.table).where(self.table.c.id == record_id))

    def delete_all(self, uow: UnitOfWork, workflow_id: int) -> int:
        statement = delete(self.table).where(self.table.c.workflow_id == workflow_id).returning(self.table.c.id)
        return len(uow.session.execute(statement).all())

    def page(self, uow: UnitOfWork, conditions: Sequence[Condition], part: Slice) -> tuple[list[Row], int]:
        """Return the rows of the slice, and how many there are in all."""
        statement = select(self.table).where(*conditions)
        return read_slice(uow, statement, part, sort_column=self.table.c[part.sort_by], tie_break=(self.table.c.id,))

    def where(
        self,
        workflow_id: int | None,
        *,
        equals: Mapping[str, Any] | None = None,
        contains: Mapping[str, str | None] | None = None,
    ) -> list[Condition]:
        """Return conditions on columns; a None value is no condition, `contains` ignores case."""
        columns = self.table.c
        conditions = [] if workflow_id is None else [columns.workflow_id == workflow_id]
        conditions += [columns[name] == value for name, value in (equals or {}).items() if value is not None]
        conditions += [
            columns[name].icontains(value, autoescape=True)
            for name, value in (contains or {}).items()
            if value is not None
        ]
        return conditions


def next_id(uow: UnitOfWork, table: str) -> int:
    """Return the id that the next row gets; there is no other writer before this transaction ends."""
    return int(uow.value(LAST_ID, table=table) or 0) + 1


def read_slice(
    uow: UnitOfWork,
    statement: Select[Any],
    part: Slice,
    *,
    sort_column: ColumnElement[Any],
    tie_break: Sequence[ColumnElement[Any]],
) -> tuple[list[Row], int]:
    """Return the rows of the slice of any select, and how many there are in all."""
    order = (sort_column, *tie_break)
    ordered = (
        statement.order_by(*(column.desc() if part.descending else column for column in order))
        .offset(part.offset)
        .limit(part.limit)
    )
    rows = [dict(row) for row in uow.session.execute(ordered).mappings()]
    if len(rows) < part.limit and (rows or part.offset == 0):
        return rows, part.offset + len(rows)
    return rows, uow.session.execute(select(func.count()).select_from(statement.order_by(None).subquery())).scalar_one()


def json_field_equals(column: ColumnElement[Any], field: str, value: str | int) -> Condition:
    """Return the condition that a JSON column holds an object whose field is the value."""
    return json_field_of(column, field) == value
