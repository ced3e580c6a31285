"""The commands that kinds of records have in common, made from one factory: create, list, get, update, delete."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from torc_cli.commands.crud import changes, delete_all_of, delete_each, show_changed, show_list
from torc_cli.render.base import Table
from torc_cli.session.command import command, listing
from torc_cli.session.options import LimitOption, OffsetOption, ReverseOption, SortOption, WorkflowArgument, YesOption
from torc_cli.session.session import Session
from torc_core.api.base import ApiModel

if TYPE_CHECKING:
    from torc_client.http import TorcClient
    from torc_client.record_collection import RecordCollection

M = TypeVar("M", bound=ApiModel)
Options = Mapping[str, Any]
"""Name of a parameter -> its annotation for Typer (None by default), or a pair of annotation and default."""
Converters = Mapping[str, Callable[[Any], Any]]
"""Name of a parameter -> what makes of a given value what the server takes."""

_WORKFLOW: Options = {"workflow_id": (WorkflowArgument, None)}
_PAGE: Options = {
    "limit": (LimitOption, None),
    "offset": (OffsetOption, 0),
    "sort_by": (SortOption, None),
    "reverse_sort": (ReverseOption, False),
}
REQUIRED: Any = inspect.Parameter.empty
"""The default of an option that must be given."""


class RecordCommands(Generic[M]):
    """Adds commands for one kind of record to a group, in the order of the calls.

    `noun` is used in messages; `id_name` names the argument that holds a record's id in the help; `group` is the
    group's name for examples, and what follows it in an example of `create` and `update` is given with them.
    """

    def __init__(
        self,
        app: typer.Typer,
        collection: "Callable[[TorcClient], RecordCollection[M]]",
        table: Table,
        *,
        noun: str,
        id_name: str,
        group: str,
    ) -> None:
        self._group = group
        self._app = app
        self._collection = collection
        self._table = table
        self._noun = noun
        self._id_name = id_name

    def create(self, summary: str, make: Callable[[dict[str, Any]], M], options: Options, *, example: str) -> None:
        """Add `create`: `make` turns the options and `workflow_id` into the record to store."""

        def run(session: Session, **values: Any) -> None:
            record = make({**values, "workflow_id": session.workflow_id(values["workflow_id"])})
            show_changed(session, self._of(session).create(record), verb="Created", noun=self._noun)

        self._add("create", summary, {**_WORKFLOW, **options}, run, example=f"3 {example}")

    def list(self, summary: str, filters: Options | None = None, *, convert: Converters | None = None) -> None:
        """Add `list`: the filters have the names of the query parameters; a flag that is not set is no filter."""
        given = dict(filters or {})
        flags = [name for name, option in given.items() if isinstance(option, tuple) and option[1] is False]

        def run(session: Session, **values: Any) -> None:
            values["workflow_id"] = session.workflow_id(values["workflow_id"])
            _convert(values, convert)
            for name in flags:
                values[name] = values[name] or None
            show_list(session, self._of(session), self._table, **values)

        self._add("list", summary, {**_WORKFLOW, **given, **_PAGE}, run, makes=listing, example="3")

    def get(self, summary: str) -> None:
        """Add `get`."""

        def run(session: Session, **values: Any) -> None:
            session.out.record(self._of(session).get(values[self._id_name]))

        self._add("get", summary, {self._id_name: (int, REQUIRED)}, run, example="12")

    def update(self, summary: str, fields: Options, *, example: str, convert: Converters | None = None) -> None:
        """Add `update`: writes the fields that are given."""

        def run(session: Session, **values: Any) -> None:
            record_id = values.pop(self._id_name)
            _convert(values, convert)
            changed = changes(**values)
            old = self._of(session).get(record_id)
            new = self._of(session).update(record_id, old.model_copy(update=changed))
            show_changed(session, new, verb="Updated", noun=self._noun)

        self._add("update", summary, {self._id_name: (int, REQUIRED), **fields}, run, example=f"12 {example}")

    def delete(self, summary: str, *, noun: str | None = None) -> None:
        """Add `delete`, which takes one id or several; `noun` is that of one record where it is another."""
        ids = f"{self._id_name}s"

        def run(session: Session, **values: Any) -> None:
            delete_each(session, self._of(session), values[ids], noun=noun or self._noun)

        self._add("delete", summary, {ids: (_Ids, REQUIRED)}, run, example="12 13")

    def delete_all(self, summary: str, *, noun: str) -> None:
        """Add `delete-all`; `noun` is that of several records."""

        def run(session: Session, **values: Any) -> None:
            delete_all_of(session, self._of(session), values["workflow_id"], noun=noun, yes=values["yes"])

        self._add("delete-all", summary, {**_WORKFLOW, "yes": (YesOption, False)}, run, example="3")

    def _of(self, session: Session) -> "RecordCollection[M]":
        return self._collection(session.client)

    def _add(
        self,
        name: str,
        summary: str,
        parameters: Options,
        run: Callable[..., None],
        *,
        example: str,
        makes: Callable[[Callable[..., None]], Callable[..., None]] = command,
    ) -> None:
        text = f"{summary}\n\nFor example: `torc {self._group} {name} {example}`."
        self._app.command(name)(makes(_written_out(name, text, parameters, run)))


_Ids = list[int]


def _convert(values: dict[str, Any], convert: Converters | None) -> None:
    for name, function in (convert or {}).items():
        if values[name] is not None:
            values[name] = function(values[name])


def _written_out(name: str, summary: str, parameters: Options, run: Callable[..., None]) -> Callable[..., None]:
    """Return a function that `command` reads as if it were written out: `def name(session, *, parameters)`."""

    def function(session: Session, **values: Any) -> None:
        run(session, **values)

    pairs = {key: each if isinstance(each, tuple) else (each, None) for key, each in parameters.items()}
    function.__name__, function.__doc__ = name, summary
    function.__annotations__ = {"session": Session, **{key: annotation for key, (annotation, _) in pairs.items()}}
    function.__dict__["__signature__"] = inspect.Signature(
        [
            inspect.Parameter("session", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Session),
            *(
                inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
                for key, (annotation, default) in pairs.items()
            ),
        ]
    )
    return function
