"""Looks up the secrets that variables of workflows and jobs name; their values stay in this process and its jobs."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from torc_core.secret_references import SecretReference, read_reference

_SHORTEST_SECRET: Final = 4
"""A shorter value stands in every log by chance, and hiding it would show where."""


def resolve(env: Mapping[str, str] | None) -> tuple[dict[str, str], list[str]]:
    """Return the variables with their secrets looked up, and one sentence for each that is not to be had."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for name, value in (env or {}).items():
        reference = read_reference(value)
        if reference is None:
            found[name] = value
            continue
        try:
            found[name] = _look_up(reference)
        except (KeyError, OSError, UnicodeDecodeError) as error:
            problems.append(f"{name}: {_why(reference, error)}")
    return found, problems


def secret_values(*environments: Mapping[str, str] | None) -> frozenset[str]:
    """Return the values of all secrets that the environments name, as far as they are to be had here."""
    references = [read_reference(value) for env in environments for value in (env or {}).values()]
    values: set[str] = set()
    for reference in references:
        if reference is not None:
            with suppress(KeyError, OSError, UnicodeDecodeError):
                values.add(_look_up(reference))
    return frozenset(value for value in values if len(value) >= _SHORTEST_SECRET)


def _look_up(reference: SecretReference) -> str:
    if reference.source == "from_env":
        return os.environ[reference.name]
    return Path(reference.name).expanduser().read_text(encoding="utf-8").rstrip("\n")


def _why(reference: SecretReference, error: Exception) -> str:
    if reference.source == "from_env":
        return f"{reference.name} is not set where the runner was started"
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return f"{reference.name} cannot be read by the runner: {reason}"
