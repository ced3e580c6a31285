"""Parameters that several tools share."""

from typing import Annotated

from pydantic import Field

from torc_core.errors import InvalidInputError

WorkflowId = Annotated[int, Field(ge=1, description="The workflow's id.")]
JobId = Annotated[int, Field(ge=1, description="The job's id; unique over all workflows.")]
Offset = Annotated[int, Field(ge=0, description="How many rows to leave out; take it from next_offset.")]
Limit = Annotated[int, Field(ge=1, le=500, description="At most so many rows; fewer come when they are long.")]
DryRun = Annotated[bool, Field(description="Only show what would happen; true unless you say false.")]


def read_id(text: str, name: str) -> int:
    """Return an id from an address or a prompt, where everything is text. Raises InvalidInputError."""
    if text.strip().isascii() and text.strip().isdigit():
        return int(text)
    raise InvalidInputError(f"{name} is {text[:40]!r}, not a number", hint="use the id that list_workflows shows")
