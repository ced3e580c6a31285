"""Asks the policy, for every request of the contract, whether its caller may do what it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, TypeAdapter, ValidationError

from torc_core.api.failures import Actor
from torc_core.errors import ForbiddenError
from torc_server.access.door import ADDRESS, PRINCIPAL
from torc_server.access.policy import TABLE_OF_RECORDS, Permission, Rule, Subject, refusal
from torc_server.access.principals import EVERYBODY, Principal, Scope
from torc_server.routes.unit_of_work import Work
from torc_server.services.access import roles

_LISTS_OF_RECORDS: Final = ("jobs", "files", "user_data")
_LISTS: Final = frozenset(
    {
        (Subject.NOTHING, Permission.VIEW),
        (Subject.BODY, Permission.CONTRIBUTE),
        (Subject.BODY, Permission.RUN),
        (Subject.BODY, Permission.CHANGE),
        *((Subject.RECORD, permission) for permission in Permission),
    }
)
"""What a token for one workflow may ask without a workflow in the address: lists show it alone, bodies are looked at
later, and there is no such record."""
_ASK_OTHERS: Final = "the owner of the workflow, an admin of its group or of the server can help"
_GROUP_ADMIN: Final = "admin"
_ID: Final = TypeAdapter(int)


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request, and whether it sees only what is its own or shared with it."""

    principal: Principal
    is_bounded: bool

    @property
    def visible_to(self) -> str | None:
        """Return the user whose workflows alone are listed; None for all."""
        return self.principal.name if self.is_bounded else None


class Guard:
    """The guard; `enforces`: workflows belong to users and are shared with groups (`--enforce-access-control`)."""

    def __init__(self, work: Work, *, enforces: bool) -> None:
        self._work = work
        self.enforces = enforces

    def caller(self, request: Request) -> Caller:
        principal = principal_of(request)
        return Caller(principal, is_bounded=self.enforces and principal.scope < Scope.ADMIN)

    async def admit(self, request: Request, rule: Rule) -> None:
        """Check what the address of the request says. Raises ForbiddenError."""
        if rule.permission is Permission.OPEN:
            return
        principal = principal_of(request)
        if principal.scope is Scope.ADMIN and principal.agent is None and principal.workflow_id is None:
            return
        _raise(refusal(principal, rule.permission), hint=_hint_for(principal))
        if rule.subject in (Subject.GROUP, Subject.USER):
            await self._admit_to_people(request, rule, principal)
            return
        workflow_id = await self._workflow_of(request, rule.subject)
        if workflow_id is not None:
            await self._admit_to_workflow(principal, rule.permission, workflow_id)
        elif principal.workflow_id is not None and (rule.subject, rule.permission) not in _LISTS:
            _raise(f"this token is for workflow {principal.workflow_id} alone")

    async def admits(self, request: Request, rule: Rule) -> bool:
        """Return whether the caller may do this, by the address of the request."""
        try:
            await self.admit(request, rule)
        except ForbiddenError:
            return False
        return True

    async def admit_body(self, request: Request, rule: Rule, body: Any) -> Any:
        """Check what the body says of workflows, and put in who sent it. Raises ForbiddenError."""
        principal = principal_of(request)
        is_free = principal.scope is Scope.ADMIN and principal.workflow_id is None
        if not is_free:
            for workflow_id in _workflows_in(body):
                await self._admit_to_workflow(principal, rule.permission, workflow_id)
        return await self._sign(request, rule, principal, body)

    async def _workflow_of(self, request: Request, subject: Subject) -> int | None:
        match subject:
            case Subject.WORKFLOW:
                return _number(request.path_params.get("id"))
            case Subject.QUERY:
                return _number(request.query_params.get("workflow_id"))
            case Subject.RECORD:
                kind = request.scope["path"].split("/")[3]
                record_id = _number(request.path_params.get("id"))
                if record_id is None:
                    return None
                return await run_in_threadpool(
                    self._work.read, roles.workflow_of_record, TABLE_OF_RECORDS[kind], record_id
                )
            case _:
                return None

    async def _admit_to_workflow(self, principal: Principal, permission: Permission, workflow_id: int) -> None:
        if principal.workflow_id not in (None, workflow_id):
            _raise(f"this token is for workflow {principal.workflow_id} alone", workflow_id=workflow_id)
        if not self.enforces or principal.scope is Scope.ADMIN:
            return
        owner, role = await run_in_threadpool(self._work.read, roles.role_on_workflow, principal.name, workflow_id)
        if owner is None:
            return  # the route answers that there is no such workflow
        if role is None:
            _raise(f"workflow {workflow_id} is not shared with {principal.name}", workflow_id=workflow_id)
        _raise(refusal(principal, permission, role=role), workflow_id=workflow_id)

    async def _admit_to_people(self, request: Request, rule: Rule, principal: Principal) -> None:
        if principal.workflow_id is not None:
            _raise(f"this token is for workflow {principal.workflow_id} alone")
        if principal.scope is Scope.ADMIN or (not self.enforces and rule.permission is Permission.KNOWN):
            return
        if rule.subject is Subject.USER:
            if request.path_params.get("user_name") != principal.name:
                _raise(f"{principal.name} may ask about themselves only")
            return
        group_id = _number(request.path_params.get("id"))
        if group_id is None:
            return
        role, is_system = await run_in_threadpool(self._work.read, roles.group_role, principal.name, group_id)
        if rule.permission is Permission.SHARE and is_system:
            _raise("the server itself keeps the members of this group: --admin-user names them")
        if self.enforces and (role is None or (rule.permission is Permission.SHARE and role != _GROUP_ADMIN)):
            _raise(f"{principal.name} is no {'admin' if role else 'member'} of access group {group_id}")

    async def _sign(self, request: Request, rule: Rule, principal: Principal, body: Any) -> Any:
        """Put the proven caller in the place of what the body claims."""
        if not isinstance(body, BaseModel):
            return body
        changes: dict[str, Any] = {}
        actor = getattr(body, "actor", None)
        if isinstance(actor, Actor):
            changes["actor"] = proven_actor(principal, actor, request.scope.get(ADDRESS, ""))
        if principal.is_proven:
            if "requested_by" in type(body).model_fields:
                changes["requested_by"] = principal.name
            changes |= await self._owner_of(request, rule, principal, body)
        return body.model_copy(update=changes) if changes else body

    async def _owner_of(self, request: Request, rule: Rule, principal: Principal, body: BaseModel) -> dict[str, Any]:
        """Return the owner to put into the body: who creates a workflow; only an administrator names another user."""
        if rule.permission is Permission.CREATE:
            draft = getattr(body, "workflow", None)
            if draft is not None:
                return {"workflow": draft.model_copy(update={"user": principal.name})}
            return {"user": principal.name}
        if rule.subject is Subject.WORKFLOW and "user" in type(body).model_fields and principal.scope < Scope.ADMIN:
            workflow_id = _number(request.path_params.get("id")) or 0
            owner, _ = await run_in_threadpool(self._work.read, roles.role_on_workflow, principal.name, workflow_id)
            return {"user": owner or principal.name}
        return {}


def principal_of(request: Request) -> Principal:
    """Return who makes the request; the door has put it there."""
    found: Principal = request.scope.get(PRINCIPAL, EVERYBODY)
    return found


def proven_actor(principal: Principal, actor: Actor, address: str) -> Actor:
    """Return the actor of a request with the proven caller in the place of what the request claims."""
    changes: dict[str, Any] = {"principal": None, "address": None}
    if principal.agent is not None and actor.kind != "agent":
        changes |= {"kind": "agent", "name": principal.agent}
    if principal.is_proven:
        who = "name" if actor.kind == "person" and principal.agent is None else "user"
        changes |= {who: principal.name, "principal": principal.name, "address": address or None}
    return actor.model_copy(update=changes)


def _workflows_in(body: Any) -> Iterable[int]:
    """Return the workflows that a body names, itself and in its records."""
    found = {getattr(body, "workflow_id", None)}
    for name in _LISTS_OF_RECORDS:
        records = getattr(body, name, None)
        if isinstance(records, list):
            found |= {getattr(record, "workflow_id", None) for record in records}
    return sorted(each for each in found if isinstance(each, int))


def _number(text: str | None) -> int | None:
    """Return the id that the route will read from this text; None where it will refuse the request.

    It is read by the same parser: were `+1` or `1.0` no number here and one for the route, nobody would be asked
    whether the caller may see the record.
    """
    try:
        return _ID.validate_python(text)
    except ValidationError:
        return None


def _hint_for(principal: Principal) -> str:
    if principal.compute_node_id is None:
        return _ASK_OTHERS
    return "where jobs need more, whoever runs them can give them their own token: `torc run … --job-token full`"


def _raise(reason: str | None, *, hint: str = _ASK_OTHERS, **ids: int) -> None:
    if reason is not None:
        raise ForbiddenError(reason, hint=hint, ids=ids)


async def _caller(request: Request) -> Caller:
    guard: Guard = request.app.state.guard
    return guard.caller(request)


Calling = Annotated[Caller, Depends(_caller)]
