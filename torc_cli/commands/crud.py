"""Functions that the commands of every kind of record share."""

from collections.abc import Sequence
from typing import TypeVar

from torc_cli.render.base import Table
from torc_cli.session.session import Session
from torc_client.record_collection import RecordCollection
from torc_client.transport import QueryValue
from torc_core.api.base import ApiModel
from torc_core.errors import InvalidInputError

M = TypeVar("M", bound=ApiModel)


def show_list(
    session: Session,
    collection: RecordCollection[M],
    table: Table,
    *,
    limit: int | None = None,
    offset: int = 0,
    sort_by: str | None = None,
    reverse_sort: bool = False,
    **filters: QueryValue,
) -> None:
    """Print all records that match, in order."""
    records = collection.list_all(
        limit=limit, offset=offset, sort_by=sort_by, reverse_sort=reverse_sort or None, **filters
    )
    session.out.records(table, records)


def show_changed(session: Session, record: ApiModel, *, verb: str, noun: str) -> None:
    """Print `Created file 7`, or the record as JSON."""
    session.out.done(f"{verb} {noun} {getattr(record, 'id', '')}".rstrip(), record)


def delete_each(session: Session, collection: RecordCollection[M], ids: Sequence[int], *, noun: str) -> None:
    """Delete all, or nothing when one of them is unknown; print one record for one id, a list for more."""
    chosen = list(dict.fromkeys(ids))
    if len(chosen) > 1:
        for record_id in chosen:
            collection.get(record_id)
    deleted = [collection.delete(record_id) for record_id in chosen]
    if len(deleted) == 1:
        show_changed(session, deleted[0], verb="Deleted", noun=noun)
    elif session.is_json:
        session.out.records(Table(f"{noun}s", ()), deleted)
    else:
        session.out.done(f"Deleted {len(deleted)} {noun}s", {})


def delete_all_of(
    session: Session, collection: RecordCollection[M], workflow_id: int | None, *, noun: str, yes: bool
) -> None:
    """Delete the workflow's records of one kind, after a confirmation."""
    chosen = session.workflow_id(workflow_id)
    question = f"Delete all {noun} of workflow {chosen}?"
    if not session.agrees(question, without_asking=yes, needs_yes=True):
        session.out.note("Nothing was deleted.")
        return
    count = collection.delete_all(chosen)
    session.out.done(f"Deleted {count} {noun}", {"count": count})


def changes(**given: object) -> dict[str, object]:
    """Return the fields that the user gave. Raises InvalidInputError when there are none."""
    named = {field: value for field, value in given.items() if value is not None}
    if not named:
        raise InvalidInputError("nothing to update was named", hint="see --help for what can be changed")
    return named


def parse_json(text: str, *, what: str) -> object:
    """Return the value of a JSON text. Raises InvalidInputError with the place."""
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"{what} is no JSON: {error.msg} at column {error.colno}", hint="quote strings: '\"text\"'"
        ) from error
    except (RecursionError, ValueError) as error:
        raise InvalidInputError(f"{what} is no JSON that can be read: {error}") from error
