"""Failure handlers: rules by exit code."""

from pydantic import ConfigDict, Field, TypeAdapter

from torc_core.api.base import ApiModel


class FailureRule(ApiModel):
    """One rule. `max_retries` counts attempts: 3 allows attempts 1, 2 and 3. The script's time limit is in seconds."""

    exit_codes: list[int] = Field(default_factory=list)
    match_all_exit_codes: bool = False
    recovery_script: str | None = None
    recovery_timeout_s: float = Field(default=600.0, gt=0)
    max_retries: int = Field(default=3, ge=0)


FAILURE_RULES: TypeAdapter[list[FailureRule]] = TypeAdapter(list[FailureRule], config=ConfigDict(defer_build=True))
"""Reads and writes the JSON array in `FailureHandlerModel.rules`."""


class FailureHandlerModel(ApiModel):
    """A named list of rules; `rules` is a JSON array, tried in order, first match wins."""

    id: int | None = None
    workflow_id: int
    name: str
    rules: str
