"""Personal tokens: what they allow, and how long; and the codes by which a browser is logged in."""

from typing import Literal

from pydantic import Field

from torc_core.api.base import ApiModel

TokenScope = Literal["viewer", "operator", "owner", "admin"]
TokenMode = Literal["propose", "decide"]


class TokenRequest(ApiModel):
    """A wish for a token. `agent` and `mode` bind it to an AI agent: it looks, proposes or decides, never approves."""

    name: str = Field(min_length=1, max_length=100)
    scope: TokenScope = "operator"
    expires_in_s: float = Field(default=90 * 86_400.0, gt=0, le=5 * 365 * 86_400.0)
    workflow_id: int | None = None
    agent: str | None = Field(default=None, min_length=1, max_length=100)
    mode: TokenMode | None = None
    is_call: bool = False
    """It is for one call of the agent: refused while another call of an agent about the workflow goes on."""


class TokenModel(ApiModel):
    """A token as it is kept; `token` itself is shown once, when it is made.

    `compute_node_id` is the runner with which the token of its jobs ends; None for other tokens.
    """

    id: int
    name: str
    user_name: str
    scope: TokenScope
    workflow_id: int | None = None
    agent: str | None = None
    mode: TokenMode | None = None
    compute_node_id: int | None = None
    created_at: str
    expires_at: str
    token: str | None = None


class Tokens(ApiModel):
    items: list[TokenModel]


class BrowserCode(ApiModel):
    """A code that opens one session of a browser, as the caller who asked for it.

    `path`, behind the address of the server, opens the page; `expires_in_s` says how long it may take until then.
    """

    code: str
    path: str
    expires_in_s: float


class BrowserCodeRequest(ApiModel):
    """Names the page to open, as a path of the server."""

    to: str = "/"
