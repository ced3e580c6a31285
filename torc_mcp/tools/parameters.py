"""Parameters that several tools share."""

from typing import Annotated

from pydantic import Field

WorkflowId = Annotated[int, Field(ge=1, description="The workflow's id.")]
JobId = Annotated[int, Field(ge=1, description="The job's id; unique over all workflows.")]
Offset = Annotated[int, Field(ge=0, description="How many rows to leave out; take it from next_offset.")]
Limit = Annotated[int, Field(ge=1, le=500, description="At most so many rows; fewer come when they are long.")]
DryRun = Annotated[bool, Field(description="Only show what would happen; true unless you say false.")]
