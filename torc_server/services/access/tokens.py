"""Tokens of users and of runners' jobs: make, list, revoke, and find the one that a request shows."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from torc_core.api.tokens import TokenModel, TokenRequest, Tokens, TokenScope
from torc_core.credentials import new_token
from torc_core.errors import ForbiddenError, InvalidInputError, NotFoundError, StateConflictError
from torc_core.hints import Hint, torc
from torc_core.times import rfc3339
from torc_server.access.principals import EVERYBODY, Principal, Scope
from torc_server.db.queries.access import tokens as queries
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.compute_nodes import COMPUTE_NODES
from torc_server.services.records.lookup import find_runner, find_workflow

_CALL: Final = "call of agent "
_LONGEST: Final = timedelta(days=5 * 365)
_LONGEST_SILENCE: Final = timedelta(hours=1)
"""A runner that was not heard of for so long may be gone without a sign-off: the token of its jobs waits for it."""
_SCOPES: Final[tuple[TokenScope, ...]] = get_args(TokenScope)


def create_token(uow: UnitOfWork, principal: Principal, request: TokenRequest) -> TokenModel:
    """Make a token of the caller that allows no more than the caller has, and no longer; it is shown this once.

    Raises ForbiddenError for a wider scope, InvalidInputError for an agent without a mode or without a workflow, and
    for a caller of a server without authentication.
    """
    if principal == EVERYBODY and request.agent is None:
        # it would still be good when the server asks again who calls
        raise InvalidInputError(
            "this server lets everybody in, and makes no tokens", hint="start it without --no-auth, then make the token"
        )
    scope = Scope[request.scope.upper()]
    if scope > principal.scope:
        raise ForbiddenError(f"your own scope is {principal.scope.name.lower()}: a token cannot have {request.scope}")
    if (request.agent is None) != (request.mode is None):
        raise InvalidInputError("`agent` and `mode` belong together", hint="name both, or neither")
    if request.agent is not None and request.workflow_id is None:
        raise InvalidInputError("a token for an agent is for one workflow", hint="name it as workflow_id")
    if request.workflow_id is not None:
        find_workflow(uow, request.workflow_id)
    queries.delete_expired(uow, uow.now_text)
    if request.is_call:
        if request.agent is None or request.workflow_id is None:
            raise InvalidInputError("a call is that of an agent about one workflow", hint="name both")
        _check_no_call(uow, request.workflow_id)
        request = request.model_copy(update={"name": f"{_CALL}{request.agent}"[:100]})
    lifetime = timedelta(seconds=request.expires_in_s)
    return _store(uow, principal, request.model_dump(exclude={"expires_in_s", "is_call"}), lifetime)


def _check_no_call(uow: UnitOfWork, workflow_id: int) -> None:
    """Raise StateConflictError while an agent is asked about the workflow: two would be paid, and decide twice."""
    for row in queries.list_tokens(uow, None):
        token = TokenModel.model_validate(row)
        if token.workflow_id == workflow_id and token.agent is not None and token.name.startswith(_CALL):
            raise StateConflictError(
                f"agent {token.agent} is asked about workflow {workflow_id} by {token.user_name} already, "
                f"until {token.expires_at} at the latest",
                hint=Hint("wait for it; where its command is gone: {}", torc("tokens revoke", token.id)),
                ids={"workflow_id": workflow_id},
            )


def create_job_token(uow: UnitOfWork, principal: Principal, compute_node_id: int) -> TokenModel:
    """Make a token for the jobs of an active runner of the caller: for its workflow alone, and as long as it lives.

    Raises StateConflictError for a runner whose jobs were reclaimed or that has signed off.
    """
    workflow_id = COMPUTE_NODES.get(uow, compute_node_id).workflow_id
    find_runner(uow, workflow_id, compute_node_id)
    facts = {
        "name": f"jobs of runner {compute_node_id}",
        "scope": Scope.OPERATOR.name.lower(),
        "workflow_id": workflow_id,
        "compute_node_id": compute_node_id,
    }
    return _store(uow, principal, facts, _LONGEST)


def _store(uow: UnitOfWork, principal: Principal, facts: Mapping[str, Any], lifetime: timedelta) -> TokenModel:
    """Store a new token of the caller, which does not outlive the one that the caller showed."""
    token = new_token()
    ends = [uow.now + lifetime, *filter(None, (principal.expires_at,))]
    row = {
        **facts,
        "user_name": principal.name,
        "token_hash": hash_token(token),
        "is_proven": principal.is_proven,
        "created_at": uow.now_text,
        "expires_at": rfc3339(min(ends)),
    }
    return TokenModel.model_validate({**queries.TOKENS.insert(uow, row), "token": token})


def list_tokens(uow: UnitOfWork, user_name: str | None) -> Tokens:
    """List the tokens of a user, or with None of everybody, without the tokens themselves."""
    return Tokens(items=[TokenModel.model_validate(row) for row in queries.list_tokens(uow, user_name)])


def revoke_token(uow: UnitOfWork, principal: Principal, token_id: int) -> TokenModel:
    """Delete a token of the caller; administrators delete anybody's.

    Raises NotFoundError for one that is not theirs, ForbiddenError for one that allows more than the caller.
    """
    row = queries.TOKENS.get(uow, token_id)
    if row is None or (principal.scope is not Scope.ADMIN and principal.name != row["user_name"]):
        raise NotFoundError(f"there is no token {token_id} of yours", ids={"token_id": token_id})
    token = TokenModel.model_validate(row)
    if Scope[token.scope.upper()] > principal.scope:
        raise ForbiddenError(
            f"token {token_id} has the scope {token.scope}, yours is {principal.scope.name.lower()}",
            hint="revoke it with your password, or with a token of its scope",
            ids={"token_id": token_id},
        )
    queries.TOKENS.delete(uow, token_id)
    return token


def find_principal(uow: UnitOfWork, token_hash: str) -> Principal | None:
    """Return whom a token stands for; None for one that is unknown or has expired."""
    row = queries.find_by_hash(uow, token_hash)
    if row is None or row["expires_at"] <= uow.now_text:
        return None
    token = TokenModel.model_validate(row)
    if token.compute_node_id is not None and not _lives(uow, token.compute_node_id, token.created_at):
        return None
    return Principal(
        name=token.user_name,
        scope=Scope[token.scope.upper()],
        is_proven=bool(row["is_proven"]),
        workflow_id=token.workflow_id,
        agent=token.agent,
        mode=token.mode,
        compute_node_id=token.compute_node_id,
        expires_at=datetime.fromisoformat(token.expires_at),
    )


def _lives(uow: UnitOfWork, compute_node_id: int, since: str) -> bool:
    """Return whether the runner is active and was heard of lately; `since` is when its token was made.

    Its end is bound to heartbeats, and not to a time that they would have to write anew: a runner that comes back
    after a long silence has not lost the token that its jobs hold.
    """
    is_active, heartbeat = queries.heartbeat_of_active(uow, compute_node_id)
    heard = datetime.fromisoformat(heartbeat or since)
    if uow.settings.listening_since is not None:
        heard = max(heard, uow.settings.listening_since)
    return is_active and uow.now - heard < _LONGEST_SILENCE


def hash_token(token: str) -> str:
    """Return what is kept of a token. It is random and long: a fast hash is enough, and is all that is compared."""
    return hashlib.sha256(token.encode()).hexdigest()
