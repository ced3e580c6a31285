"""Imports our own packages from the folder that `torc_cli` came from, whatever PYTHONPATH holds."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

_FOLDER: Final = str(Path(__file__).parent.parent)
_PACKAGES: Final = frozenset({"runner", "torc_client", "torc_core", "torc_mcp"})


class _OwnPackages:
    """A finder for our top-level packages only; all other modules are left to the next finder."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [_FOLDER]) if name in _PACKAGES else None


def pin_own_packages() -> None:
    """Put the finder in front of all others.

    PYTHONPATH comes before site-packages: without this, a user's `runner.py` there is imported in place of our package.
    The folder itself is not put in front of `sys.path`, where what else it holds could hide the standard library.
    """
    sys.meta_path.insert(0, _OwnPackages)
