"""Tokens of the caller and of a runner's jobs; administrators see and revoke those of everybody."""

from torc_core.api.tokens import TokenModel, TokenRequest, Tokens
from torc_server.access.principals import Scope
from torc_server.routes.contract import contract_router
from torc_server.routes.guard import Caller, Calling
from torc_server.routes.logins import LoginsInUse
from torc_server.routes.parameters import RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.access import tokens

router = contract_router("access_control")


@router.post("/tokens")
def create_token(body: TokenRequest, work: Working, caller: Calling) -> TokenModel:
    return work.write(tokens.create_token, caller.principal, body)


@router.post("/compute_nodes/{id}/job_token")
def create_job_token(record_id: RecordId, work: Working, caller: Calling) -> TokenModel:
    return work.write(tokens.create_job_token, caller.principal, record_id)


@router.get("/tokens")
def list_tokens(work: Working, caller: Calling) -> Tokens:
    return work.read(tokens.list_tokens, _whose(caller))


@router.delete("/tokens/{id}")
def revoke_token(token_id: RecordId, work: Working, caller: Calling, logins: LoginsInUse) -> TokenModel:
    revoked = work.write(tokens.revoke_token, caller.principal, token_id)
    logins.forget_tokens()
    return revoked


def _whose(caller: Caller) -> str | None:
    return None if caller.principal.scope is Scope.ADMIN else caller.principal.name
