"""Principals: who makes a request, and what they may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final, Literal

AgentMode = Literal["propose", "decide"]


class Scope(IntEnum):
    """The most that a caller may do; each includes those before it."""

    VIEWER = 1
    OPERATOR = 2
    OWNER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller.

    `is_proven` is false where the name is only what the caller says: the server's own token and `--no-auth` prove
    the right to call, and no person. `workflow_id` bounds a token to one workflow; `agent` names the AI agent that
    a token was made for, and `mode` what that agent may do about failures. `compute_node_id` names the runner for whose
    jobs a token was made. `expires_at` is when the token ends that the caller showed; None for passwords and the
    server's own token.
    """

    name: str
    scope: Scope
    is_proven: bool = False
    workflow_id: int | None = None
    agent: str | None = None
    mode: AgentMode | None = None
    compute_node_id: int | None = None
    expires_at: datetime | None = None


EVERYBODY: Final = Principal(name="anonymous", scope=Scope.ADMIN)
"""Who calls a server with `--no-auth`."""
