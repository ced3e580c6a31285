"""The audit log: who changed what about access, who deleted workflows, kept in the transaction of the change."""

from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Final

from torc_core.api.access import AuditEntryModel
from torc_core.api.base import Page
from torc_server.db.queries.records.base import RecordStore, Slice
from torc_server.db.tables.access import AuditEntry
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.paging import PageRequest

_ENTRIES: Final = RecordStore(AuditEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedRequest:
    """The request at hand, where it is one that the log keeps."""

    user_name: str
    is_proven: bool
    agent: str | None
    address: str | None
    method: str
    path: str


AUDITED: Final[ContextVar[AuditedRequest | None]] = ContextVar("audited", default=None)
"""Set for the time of one request; threads that work for it inherit it."""


def record_audited(uow: UnitOfWork) -> None:
    """Keep the request at hand in the log, if it is one for it: with its change, or not at all."""
    request = AUDITED.get()
    if request is not None:
        _ENTRIES.insert(uow, {"timestamp": uow.now_text, **asdict(request)})


def record_only(uow: UnitOfWork) -> None:
    """Change nothing: for requests that change no record, and are to be kept in the log all the same."""


def list_audit_log(uow: UnitOfWork, page: PageRequest) -> Page[AuditEntryModel]:
    """Return the entries, the newest first."""
    part = Slice(offset=page.offset, limit=page.limit, sort_by="id", descending=True)
    rows, total = _ENTRIES.page(uow, [], part)
    return page.page([AuditEntryModel.model_validate(row) for row in rows], total=total)
