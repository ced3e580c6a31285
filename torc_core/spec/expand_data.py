"""Files and user data of the draft, with their parameters filled in."""

from collections.abc import Sequence
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
        try:
            drafts += [
                UserDataDraft(name=name, data=_fill(entry.data, group, row), is_ephemeral=entry.is_ephemeral or False)
                for row, name in zip(group.rows, group.names, strict=True)
            ]
        except InvalidInputError as error:
            problems.add(("user_data", group.entry, "data"), error.message)
    return drafts


def _fill(data: Any, group: Group, row: Row) -> Any:
    match data:
        case str():
            return Template(data, group.parameters).render(row)
        case list():
            return [_fill(item, group, row) for item in data]
        case dict():
            return {key: _fill(item, group, row) for key, item in data.items()}
        case _:
            return data
