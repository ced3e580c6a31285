"""Files and user data of the draft, with their parameters filled in."""

from collections.abc import Callable, Sequence
from typing import Any

from torc_core.api.drafts import FileDraft, UserDataDraft
from torc_core.errors import InvalidInputError
from torc_core.spec.expand import Group
from torc_core.spec.model import FileSpec, UserDataSpec
from torc_core.spec.problems import Problems
from torc_core.spec.templates import Row, Template


def expand_files(files: Sequence[FileSpec], groups: Sequence[Group], problems: Problems) -> list[FileDraft]:
    """Return one draft for each name of the groups, in order."""
    drafts: list[FileDraft] = []
    for group in groups:
        entry = files[group.entry]
        path = Template(entry.path, group.parameters)
        try:
            drafts += [
                FileDraft.model_construct(name=name, path=path.render(row), st_mtime=entry.st_mtime)
                for row, name in zip(group.rows, group.names, strict=True)
            ]
        except InvalidInputError as error:
            problems.add(("files", group.entry, "path"), error.message)
    return drafts


def expand_user_data(
    records: Sequence[UserDataSpec], groups: Sequence[Group], problems: Problems
) -> list[UserDataDraft]:
    """Return one draft for each name of the groups, in order; texts inside the data are templates too."""
    drafts: list[UserDataDraft] = []
    for group in groups:
        entry = records[group.entry]
        data_of, is_ephemeral = _filler(entry.data, group), entry.is_ephemeral or False
        try:
            drafts += [
                UserDataDraft.model_construct(name=name, data=data_of(row), is_ephemeral=is_ephemeral)
                for row, name in zip(group.rows, group.names, strict=True)
            ]
        except InvalidInputError as error:
            problems.add(("user_data", group.entry, "data"), error.message)
    return drafts


def _filler(data: Any, group: Group) -> Callable[[Row], Any]:
    """Return a function that gives the data of one row; its texts are read once, not once for each row."""
    match data:
        case str() if (template := Template(data, group.parameters)).parts:
            return template.render
        case list():
            items = [_filler(item, group) for item in data]
            return lambda row: [item(row) for item in items]
        case dict():
            fields = {key: _filler(item, group) for key, item in data.items()}
            return lambda row: {key: item(row) for key, item in fields.items()}
        case _:
            return lambda _: data
