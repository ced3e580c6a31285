"""Ping, version, errors and the small answers."""

from typing import Any

from pydantic import Field

from torc_core.api.base import ApiModel


class Ping(ApiModel):
    status: str


class Version(ApiModel):
    version: str
    api_version: str
    git_hash: str | None = None


class ErrorDetail(ApiModel):
    """What went wrong: a stable code, a sentence with ids, the next step, and the ids apart."""

    code: str
    message: str
    hint: str | None = None
    ids: dict[str, Any] = Field(default_factory=dict)


class ErrorResponse(ApiModel):
    """Body of every answer that is not 200."""

    error: ErrorDetail


class Message(ApiModel):
    message: str


class DeleteCount(ApiModel):
    """How many records were deleted."""

    count: int
