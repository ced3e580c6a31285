"""Looks up the secrets that variables of workflows and jobs name; their values stay in this process and its jobs."""

import os
from collections.abc import Mapping
from pathlib import Path

from torc_core.secret_references import SecretReference, read_reference


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


def _look_up(reference: SecretReference) -> str:
    if reference.source == "from_env":
        return os.environ[reference.name]
    return Path(reference.name).expanduser().read_text(encoding="utf-8").rstrip("\n")


def _why(reference: SecretReference, error: Exception) -> str:
    if reference.source == "from_env":
        return f"{reference.name} is not set where the runner was started"
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return f"{reference.name} cannot be read by the runner: {reason}"
