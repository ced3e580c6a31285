"""Names of secrets in place of secrets: what a workflow holds of a variable that the runner looks up."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

SecretSource = Literal["from_env", "from_file"]

_PREFIX: Final = "torc-secret:"
"""On the wire a variable is a text for every client: a reference is one that begins so."""
_SOURCES: Final[tuple[SecretSource, ...]] = ("from_env", "from_file")


class SecretReference(NamedTuple):
    """Where the runner finds a secret: a variable of its environment, or a file of its machine."""

    source: SecretSource
    name: str

    def __str__(self) -> str:
        return f"{_PREFIX}{self.source}:{self.name}"


def reference_of(entry: Mapping[str, Any]) -> SecretReference:
    """Return what `{from_env: NAME}` or `{from_file: PATH}` names. Raises ValueError for anything else."""
    for source in _SOURCES:
        name = entry.get(source)
        if len(entry) == 1 and isinstance(name, str) and name.strip():
            return SecretReference(source, name)
    raise ValueError("a secret is named as {from_env: NAME} or {from_file: PATH}")


def read_reference(value: str) -> SecretReference | None:
    """Return the reference that the value of a variable is; None for a plain value."""
    source, _, name = value.removeprefix(_PREFIX).partition(":")
    found = next((each for each in _SOURCES if each == source), None)
    return SecretReference(found, name) if found and name and value.startswith(_PREFIX) else None
