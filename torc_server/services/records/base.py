"""Records without rules of their own: create, get, list, update, delete."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from torc_core.api.base import MAX_PAGE, ApiModel, Page
from torc_core.api.system import DeleteCount
from torc_core.errors import InvalidInputError, NotFoundError
from torc_server.db.queries.records.base import Condition, RecordStore, Row, Slice
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.foreign import refuse_foreign
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

M = TypeVar("M", bound=ApiModel)

_SERVERS_OWN: Final = frozenset({"id", "workflow_id"})


class Records(Generic[M]):
    """The records of one kind.

    `defaults` are stored for the fields that a new record leaves out. In an update null leaves a field as it is, but
    for those that are `clearable`. `references` are fields with the ids of other records, and the tables of those: they
    must not be another workflow's.
    """

    def __init__(
        self,
        store: RecordStore,
        model: type[M],
        *,
        noun: str,
        defaults: Mapping[str, Any] | None = None,
        clearable: Collection[str] = (),
        references: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.store = store
        self.noun = noun
        self._model = model
        self._defaults = dict(defaults or {})
        self._clearable = frozenset(clearable)
        self._references = dict(references or {})
        self._fields = frozenset(model.model_fields) & store.columns
        self._sortable = sorted(self._fields)

    def create(self, uow: UnitOfWork, record: M, *, derived: Mapping[str, Any] | None = None) -> M:
        """Create a record; `derived` are columns that the contract does not have."""
        row = self._row(record)
        find_workflow(uow, row["workflow_id"])
        self._refuse_foreign(uow, row["workflow_id"], [row])
        return self.read(self.store.insert(uow, {**row, **(derived or {})}))

    def create_all(self, uow: UnitOfWork, records: Sequence[M]) -> list[M]:
        """Create all records or none, in their order. They must belong to one workflow."""
        rows = [self._row(record) for record in records]
        workflows = {row["workflow_id"] for row in rows}
        if len(workflows) > 1:
            raise InvalidInputError(f"the records are of several workflows: {sorted(workflows)}")
        if len(rows) > MAX_PAGE:
            raise InvalidInputError(
                f"{len(rows)} records are too many for one request", hint=f"send at most {MAX_PAGE}"
            )
        if not rows:
            return []
        workflow_id = workflows.pop()
        find_workflow(uow, workflow_id)
        self._refuse_foreign(uow, workflow_id, rows)
        ids = self.store.insert_all(uow, rows)
        return [self.read({**row, "id": record_id}) for row, record_id in zip(rows, ids, strict=True)]

    def get(self, uow: UnitOfWork, record_id: int) -> M:
        return self.read(self._require(uow, record_id))

    def update(self, uow: UnitOfWork, record_id: int, record: M, *, derived: Mapping[str, Any] | None = None) -> M:
        """Update the fields that the caller set to anything but null, and the clearable ones that it set at all."""
        row = self._require(uow, record_id)
        given = {name: getattr(record, name) for name in record.model_fields_set & self._fields}
        if given.get("workflow_id", row["workflow_id"]) != row["workflow_id"]:
            raise InvalidInputError(
                f"{self.noun} {record_id} is of workflow {row['workflow_id']} and stays there",
                ids={"workflow_id": row["workflow_id"]},
            )
        values = {
            name: value
            for name, value in given.items()
            if (value is not None or name in self._clearable) and name not in _SERVERS_OWN
        }
        self._refuse_foreign(uow, row["workflow_id"], [values])
        values |= derived or {}
        self.store.update(uow, record_id, values)
        return self.read({**row, **values})

    def update_all(self, uow: UnitOfWork, records: Sequence[M]) -> list[M]:
        """Update each record by its id; all of them or none."""
        return [self.update(uow, getattr(record, "id", None) or 0, record) for record in records]

    def delete(self, uow: UnitOfWork, record_id: int) -> M:
        """Delete the record and return it as it was."""
        row = self._require(uow, record_id)
        self.store.delete(uow, record_id)
        return self.read(row)

    def delete_all(self, uow: UnitOfWork, workflow_id: int) -> DeleteCount:
        find_workflow(uow, workflow_id)
        return DeleteCount(count=self.store.delete_all(uow, workflow_id))

    def list_page(
        self, uow: UnitOfWork, workflow_id: int, page: PageRequest, *, equals: Mapping[str, Any] | None = None
    ) -> Page[M]:
        """List the workflow's records whose columns have these values; None is no condition."""
        return self.list_where(uow, workflow_id, page, self.store.where(workflow_id, equals=equals))

    def list_where(
        self, uow: UnitOfWork, workflow_id: int, page: PageRequest, conditions: Sequence[Condition]
    ) -> Page[M]:
        find_workflow(uow, workflow_id)
        rows, total = self.store.page(uow, conditions, slice_of(page, self._sortable))
        return page.page([self.read(row) for row in rows], total=total)

    def read(self, row: Row) -> M:
        """Return the contract's model of a row."""
        return self._model.model_validate(row)

    def _refuse_foreign(self, uow: UnitOfWork, workflow_id: int, rows: Sequence[Row]) -> None:
        for field, tables in self._references.items():
            refuse_foreign(uow, workflow_id, field, tables, [row.get(field) for row in rows])

    def _row(self, record: M) -> Row:
        row = {name: getattr(record, name) for name in self._fields if name != "id"}
        return row | {name: value for name, value in self._defaults.items() if row[name] is None}

    def _require(self, uow: UnitOfWork, record_id: int) -> Row:
        row = self.store.get(uow, record_id)
        if row is None:
            raise NotFoundError(
                f"there is no {self.noun} {record_id}",
                hint="list those of the workflow for their ids",
                ids={"id": record_id},
            )
        return row


def slice_of(page: PageRequest, sortable: Sequence[str], *, default: str = "id") -> Slice:
    """Return the part of a list as a slice of a table. Raises InvalidInputError for an unknown sort_by."""
    column = page.sort_column(sortable, default=default)
    return Slice(offset=page.offset, limit=page.limit, sort_by=column, descending=page.reverse_sort)
