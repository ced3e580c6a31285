"""Ping, version, errors and the small answers."""

from typing import Any, Self

from pydantic import Field

from torc_core.api.base import ApiModel
from torc_core.errors import ERRORS_BY_CODE, ServerFaultError, TorcError
from torc_core.hints import Hint, TorcCommand


class Ping(ApiModel):
    status: str


class Version(ApiModel):
    version: str
    api_version: str
    git_hash: str | None = None


class NextCommand(ApiModel):
    """A command of `torc` that the hint names: `failures list` with the arguments `["3"]`."""

    command: str
    arguments: list[str] = Field(default_factory=list)


class ErrorDetail(ApiModel):
    """What went wrong: a stable code, a sentence with ids, and the ids apart.

    `hint` is the next step as a sentence, `next` the commands that the sentence names, in its order.
    """

    code: str
    message: str
    hint: str | None = None
    next: list[NextCommand] | None = None
    ids: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, error: TorcError) -> Self:
        """Return what is sent of the error."""
        hint = error.hint
        commands = hint.commands if hint is not None else ()
        return cls(
            code=error.code,
            message=error.message,
            hint=None if hint is None else str(hint),
            next=[NextCommand(command=each.name, arguments=list(each.arguments)) for each in commands] or None,
            ids=error.ids,
        )

    def as_error(self) -> TorcError:
        """Return the error that was sent; an unknown code of a newer server is a ServerFaultError."""
        kind = ERRORS_BY_CODE.get(self.code, ServerFaultError)
        commands = [TorcCommand(each.command, tuple(each.arguments)) for each in self.next or ()]
        hint = None if self.hint is None else Hint.from_text(self.hint, commands)
        return kind(self.message, hint=hint, ids=self.ids)


class ErrorResponse(ApiModel):
    """Body of every answer that is not 200."""

    error: ErrorDetail


class Message(ApiModel):
    message: str


class DeleteCount(ApiModel):
    """How many records were deleted."""

    count: int
