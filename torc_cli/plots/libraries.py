"""The drawing libraries, which not everybody has."""

from importlib import import_module
from typing import Any

from torc_core.errors import TorcError


def load_library(name: str) -> Any:
    """Return the module; Any, as it may be missing where types are checked. Raises TorcError without it."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise TorcError(
            f"{package} is needed to draw this and cannot be imported: {error}",
            hint="pip install 'torc-recovery[plots]', or use --format json, which needs nothing",
        ) from error
