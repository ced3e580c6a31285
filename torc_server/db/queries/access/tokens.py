"""Personal tokens as they are kept: by their hashes."""

from collections.abc import Collection, Sequence
from typing import Final

from torc_server.db.queries.records.base import RecordStore, Row
from torc_server.db.sql import id_list, sql
from torc_server.db.tables.access import AccessToken
from torc_server.db.unit_of_work import UnitOfWork

TOKENS: Final = RecordStore(AccessToken)
_COLUMNS: Final = (
    "id", "name", "user_name", "scope", "is_proven", "workflow_id", "agent", "mode", "created_at", "expires_at",
    "compute_node_id",
)  # fmt: skip
_LIST: Final = (
    f"SELECT {', '.join(_COLUMNS)} FROM access_token WHERE (:user_name IS NULL OR user_name = :user_name) ORDER BY id"  # noqa: S608
)
_ONE: Final = f"SELECT {', '.join(_COLUMNS)} FROM access_token WHERE token_hash = :token_hash"  # noqa: S608


def find_by_hash(uow: UnitOfWork, token_hash: str) -> Row | None:
    row = uow.row(_ONE, token_hash=token_hash)
    return None if row is None else dict(zip(_COLUMNS, row, strict=True))


def list_tokens(uow: UnitOfWork, user_name: str | None) -> Sequence[Row]:
    """Return the tokens of one user, or with None of all."""
    return [dict(zip(_COLUMNS, row, strict=True)) for row in uow.rows(_LIST, user_name=user_name)]


def heartbeat_of_active(uow: UnitOfWork, compute_node_id: int) -> tuple[bool, str | None]:
    """Return whether the runner is active, and its last heartbeat."""
    row = uow.row("SELECT last_heartbeat FROM compute_node WHERE id = :id AND is_active", id=compute_node_id)
    return (False, None) if row is None else (True, row[0])


def delete_of_runners(uow: UnitOfWork, compute_node_ids: Collection[int]) -> int:
    """Delete the tokens of the jobs of these runners."""
    return uow.run(sql("DELETE FROM access_token WHERE compute_node_id IN $ids"), ids=id_list(compute_node_ids))


def delete_expired(uow: UnitOfWork, now: str) -> int:
    return uow.run("DELETE FROM access_token WHERE expires_at <= :now", now=now)
