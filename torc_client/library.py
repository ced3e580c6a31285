"""Documents, examples and agent files that come with Torc, in a checkout and in an installed package."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from torc_core.errors import NotFoundError
from torc_core.evidence.cleaning import bound

_DOCUMENTS: Final = (".md",)
_EXAMPLES: Final = (".yaml", ".yml", ".json", ".json5", ".kdl")
_NO_EXAMPLES: Final = frozenset({"tables", "torc.schema.json"})
"""Names below the folder of the examples that belong to examples, and are none."""
_MAX_FILES: Final = 200
_MAX_BYTES: Final = 200_000


@dataclass(frozen=True)
class Library:
    """Texts by the names of their files. A name is a key here, never a path."""

    noun: str
    files: Mapping[str, Path] = field(default_factory=dict)

    def read(self, name: str) -> str:
        """Return the text of a file. Raises NotFoundError naming what there is."""
        path = self.find(name)
        try:
            return bound(path.read_text(encoding="utf-8", errors="replace"), _MAX_BYTES, keep="start")
        except OSError as error:
            raise NotFoundError(f"the {self.noun} {name} cannot be read ({error.strerror})") from error

    def find(self, name: str) -> Path:
        """Return the file of that name. Raises NotFoundError naming what there is."""
        path = self.files.get(name)
        if path is None:
            known = ", ".join(sorted(self.files)) or "none"
            raise NotFoundError(f"there is no {self.noun} {name[:100]!r}", hint=f"there is: {known[:1500]}")
        return path


def open_docs(folder: Path | None) -> Library:
    """Return the documents below `folder`; topics are file names without their ending: `failure-handlers`."""
    return Library("topic", _files_below(folder, _DOCUMENTS, keep_suffix=False))


def open_examples(folder: Path | None) -> Library:
    """Return the examples below `folder`; names keep their ending, as one example may exist in several formats."""
    return Library("example", _files_below(folder, _EXAMPLES, keep_suffix=True))


def project_folder(name: str, given: str | None = None) -> Path | None:
    """Return `given`, else the folder `name` of the checkout, else its copy in the installed package."""
    if given:
        return Path(given)
    package = Path(__file__).resolve().parent
    checkout, installed = package.parent, package / "project_data" / name
    if (checkout / "pyproject.toml").is_file():
        return checkout / name
    return installed if installed.is_dir() else None


def _files_below(folder: Path | None, suffixes: tuple[str, ...], *, keep_suffix: bool) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder) if folder else ():
        folders[:] = sorted({*folders} - _NO_EXAMPLES)
        for name in sorted({*names} - _NO_EXAMPLES):
            path = Path(parent, name)
            if path.suffix in suffixes and len(files) < _MAX_FILES:
                files.setdefault(name if keep_suffix else path.stem, path)
    return files
