"""The permissions: which route needs which, and who has which. The tables of the documentation are made from this."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from torc_server.access.principals import Principal, Scope


class Permission(StrEnum):
    """What a route does, as far as it matters who may ask for it."""

    OPEN = "open"
    KNOWN = "known"
    VIEW = "view"
    PROPOSE = "propose"
    CONTRIBUTE = "contribute"
    RUN = "run"
    DECIDE = "decide"
    APPROVE = "approve"
    CREATE = "create"
    CHANGE = "change"
    SHARE = "share"
    ADMINISTER = "administer"


@dataclass(frozen=True)
class PermissionTraits:
    """`scope` is the least that a caller needs.

    `agents` says whether a token made for an AI agent may ever do it, `jobs` the same of a token made for jobs.
    """

    scope: Scope | None
    agents: bool
    jobs: bool
    explanation: str


PERMISSIONS: Final[Mapping[Permission, PermissionTraits]] = {
    Permission.OPEN: PermissionTraits(
        None, agents=True, jobs=True, explanation="ask whether a server is there, and which"
    ),
    Permission.KNOWN: PermissionTraits(Scope.VIEWER, agents=False, jobs=False, explanation="ask about oneself"),
    Permission.VIEW: PermissionTraits(Scope.VIEWER, agents=True, jobs=True, explanation="look at a workflow"),
    Permission.PROPOSE: PermissionTraits(
        Scope.OPERATOR, agents=True, jobs=False, explanation="propose decisions about failures"
    ),
    Permission.CONTRIBUTE: PermissionTraits(
        Scope.OPERATOR, agents=False, jobs=True, explanation="keep files, user data and events, and spawn jobs"
    ),
    Permission.RUN: PermissionTraits(
        Scope.OPERATOR, agents=False, jobs=False, explanation="run jobs and report about them"
    ),
    Permission.DECIDE: PermissionTraits(
        Scope.OPERATOR, agents=True, jobs=False, explanation="decide about failures; agents with the mode decide"
    ),
    Permission.APPROVE: PermissionTraits(
        Scope.OPERATOR, agents=False, jobs=False, explanation="approve, reject and recover, which agents never do"
    ),
    Permission.CREATE: PermissionTraits(
        Scope.OWNER, agents=False, jobs=False, explanation="create a workflow of one's own"
    ),
    Permission.CHANGE: PermissionTraits(
        Scope.OWNER, agents=False, jobs=False, explanation="change or delete a workflow"
    ),
    Permission.SHARE: PermissionTraits(
        Scope.OWNER, agents=False, jobs=False, explanation="share a workflow with a group"
    ),
    Permission.ADMINISTER: PermissionTraits(
        Scope.ADMIN, agents=False, jobs=False, explanation="manage groups and logins"
    ),
}


class Subject(StrEnum):
    """What a route is about, which says where to find its workflow."""

    NOTHING = "nothing"
    WORKFLOW = "workflow"
    QUERY = "query"
    BODY = "body"
    RECORD = "record"
    GROUP = "group"
    USER = "user"


@dataclass(frozen=True)
class Rule:
    """The permission that a route needs, and on what."""

    permission: Permission
    subject: Subject


_P, _S = Permission, Subject

_RECORD_WRITES: Final[Mapping[str, tuple[Permission, Permission]]] = {
    "compute_nodes": (_P.RUN, _P.CHANGE),
    "events": (_P.CONTRIBUTE, _P.CHANGE),
    "failure_handlers": (_P.CHANGE, _P.CHANGE),
    "files": (_P.CONTRIBUTE, _P.CHANGE),
    "jobs": (_P.CHANGE, _P.CHANGE),
    "local_schedulers": (_P.CHANGE, _P.CHANGE),
    "resource_requirements": (_P.CHANGE, _P.CHANGE),
    "results": (_P.RUN, _P.CHANGE),
    "ro_crate_entities": (_P.CONTRIBUTE, _P.CHANGE),
    "scheduled_compute_nodes": (_P.RUN, _P.CHANGE),
    "slurm_schedulers": (_P.CHANGE, _P.CHANGE),
    "slurm_stats": (_P.RUN, _P.CHANGE),
    "user_data": (_P.CONTRIBUTE, _P.CHANGE),
}
"""Kinds of records: the permission to write one, and to delete some."""


_ABSENT: Final = frozenset(
    {
        ("PUT", "/failure_handlers/{id}"),
        ("GET", "/ro_crate_entities"),
        ("DELETE", "/ro_crate_entities"),
        ("DELETE", "/slurm_stats"),
        ("GET", "/slurm_stats/{id}"),
        ("PUT", "/slurm_stats/{id}"),
        ("DELETE", "/slurm_stats/{id}"),
    }
)
"""Routes that these kinds of records do not have."""


def _record_rules() -> dict[tuple[str, str], Rule]:
    rules: dict[tuple[str, str], Rule] = {}
    for kind, (write, delete) in _RECORD_WRITES.items():
        rules[("POST", f"/{kind}")] = Rule(write, _S.BODY)
        rules[("GET", f"/{kind}")] = Rule(_P.VIEW, _S.QUERY)
        rules[("DELETE", f"/{kind}")] = Rule(delete, _S.QUERY)
        rules[("GET", f"/{kind}/{{id}}")] = Rule(_P.VIEW, _S.RECORD)
        rules[("PUT", f"/{kind}/{{id}}")] = Rule(write, _S.RECORD)
        rules[("DELETE", f"/{kind}/{{id}}")] = Rule(delete, _S.RECORD)
    return {route: rule for route, rule in rules.items() if route not in _ABSENT}


def _workflow_rules(permission: Permission, *routes: str) -> dict[tuple[str, str], Rule]:
    found = {}
    for route in routes:
        method, _, path = route.partition(" ")
        found[(method, f"/workflows/{{id}}{path}")] = Rule(permission, _S.WORKFLOW)
    return found


RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("GET", "/ping"): Rule(_P.OPEN, _S.NOTHING),
    ("GET", "/version"): Rule(_P.OPEN, _S.NOTHING),
    ("GET", "/workflows"): Rule(_P.VIEW, _S.NOTHING),
    ("POST", "/workflows"): Rule(_P.CREATE, _S.NOTHING),
    ("POST", "/bulk_workflows"): Rule(_P.CREATE, _S.NOTHING),
    **_workflow_rules(
        _P.VIEW,
        "GET ",
        "GET /actions",
        "GET /actions/pending",
        "GET /active_task",
        "GET /decisions",
        "GET /events/stream",
        "GET /evidence",
        "GET /failure_handlers",
        "GET /failures",
        "GET /failures/{signature}/evidence",
        "GET /is_complete",
        "GET /is_uninitialized",
        "GET /job_dependencies",
        "GET /job_file_relationships",
        "GET /job_ids",
        "GET /job_outlines",
        "GET /job_user_data_relationships",
        "GET /missing_user_data",
        "GET /proposals",
        "GET /ready_job_requirements",
        "GET /remote_workers",
        "GET /required_existing_files",
        "GET /review",
        "GET /ro_crate_entities",
        "GET /running_jobs",
        "GET /slurm_job_correlations",
        "GET /status",
        "GET /watchers",
        "GET /access_groups",
    ),
    **_workflow_rules(_P.PROPOSE, "POST /proposals", "POST /decisions/preview", "POST /review/preview"),
    **_workflow_rules(_P.DECIDE, "POST /decisions"),
    **_workflow_rules(
        _P.APPROVE, "POST /apply_recovery", "POST /decisions/undo", "POST /raise_waiting", "POST /review"
    ),
    **_workflow_rules(
        _P.RUN,
        "POST /actions/{action_id}/claim",
        "POST /actions/{action_id}/finish",
        "POST /actions/{action_id}/rerun",
        "POST /batch_complete_jobs",
        "POST /batch_start_jobs",
        "POST /claim_jobs_based_on_resources/{limit}",
        "POST /claim_next_jobs",
        "POST /initialize_jobs",
        "POST /process_changed_job_inputs",
        "POST /release_claims",
        "POST /remote_workers",
        "DELETE /remote_workers/{worker}",
        "POST /take_back_jobs",
        "PUT /cancel",
    ),
    **_workflow_rules(
        _P.CHANGE,
        "PUT ",
        "DELETE ",
        "POST /actions",
        "PUT /actions/{action_id}",
        "DELETE /actions/{action_id}",
        "POST /archive",
        "POST /regroup_resources",
        "POST /reset_job_status",
        "POST /reset_jobs",
        "POST /reset_status",
        "DELETE /ro_crate_entities",
        "PUT /status",
    ),
    **_workflow_rules(_P.SHARE, "POST /access_groups/{group_id}", "DELETE /access_groups/{group_id}"),
    **_record_rules(),
    ("POST", "/bulk_files"): Rule(_P.CONTRIBUTE, _S.BODY),
    ("PUT", "/bulk_files"): Rule(_P.CONTRIBUTE, _S.BODY),
    ("POST", "/bulk_jobs"): Rule(_P.CHANGE, _S.BODY),
    ("POST", "/bulk_user_data"): Rule(_P.CONTRIBUTE, _S.BODY),
    ("PUT", "/compute_nodes/{id}/heartbeat"): Rule(_P.RUN, _S.RECORD),
    ("POST", "/compute_nodes/{id}/job_token"): Rule(_P.RUN, _S.RECORD),
    ("POST", "/jobs/{id}/complete_job/{status}/{run_id}"): Rule(_P.RUN, _S.RECORD),
    ("GET", "/jobs/{id}/evidence"): Rule(_P.VIEW, _S.RECORD),
    ("PUT", "/jobs/{id}/manage_status_change/{status}/{run_id}"): Rule(_P.RUN, _S.RECORD),
    ("POST", "/jobs/{id}/retry/{run_id}"): Rule(_P.RUN, _S.RECORD),
    ("POST", "/jobs/{id}/spawn_jobs"): Rule(_P.CONTRIBUTE, _S.RECORD),
    ("PUT", "/jobs/{id}/start_job/{run_id}/{compute_node_id}"): Rule(_P.RUN, _S.RECORD),
    ("GET", "/proposals/{id}"): Rule(_P.VIEW, _S.RECORD),
    ("POST", "/proposals/{id}/approve"): Rule(_P.APPROVE, _S.RECORD),
    ("POST", "/proposals/{id}/reject"): Rule(_P.APPROVE, _S.RECORD),
    ("GET", "/tasks"): Rule(_P.VIEW, _S.QUERY),
    ("GET", "/tasks/{id}"): Rule(_P.VIEW, _S.RECORD),
    ("GET", "/access_groups"): Rule(_P.KNOWN, _S.NOTHING),
    ("POST", "/access_groups"): Rule(_P.ADMINISTER, _S.NOTHING),
    ("GET", "/access_groups/{id}"): Rule(_P.KNOWN, _S.GROUP),
    ("DELETE", "/access_groups/{id}"): Rule(_P.ADMINISTER, _S.NOTHING),
    ("GET", "/access_groups/{id}/members"): Rule(_P.KNOWN, _S.GROUP),
    ("POST", "/access_groups/{id}/members"): Rule(_P.SHARE, _S.GROUP),
    ("DELETE", "/access_groups/{id}/members/{user_name}"): Rule(_P.SHARE, _S.GROUP),
    ("GET", "/users/{user_name}/groups"): Rule(_P.KNOWN, _S.USER),
    ("GET", "/access_check/{workflow_id}/{user_name}"): Rule(_P.KNOWN, _S.USER),
    ("GET", "/admin/audit-log"): Rule(_P.ADMINISTER, _S.NOTHING),
    ("POST", "/admin/reload-auth"): Rule(_P.ADMINISTER, _S.NOTHING),
    ("GET", "/tokens"): Rule(_P.KNOWN, _S.NOTHING),
    ("POST", "/tokens"): Rule(_P.KNOWN, _S.NOTHING),
    ("DELETE", "/tokens/{id}"): Rule(_P.KNOWN, _S.NOTHING),
    ("POST", "/browser_codes"): Rule(_P.KNOWN, _S.NOTHING),
}
"""Method and path -> what it needs. A route that is not here is the administrators' alone, and fails a test."""

_ALWAYS_AUDITED: Final = frozenset({("DELETE", "/workflows/{id}"), ("POST", "/tokens"), ("DELETE", "/tokens/{id}")})


def is_audited(method: str, path: str) -> bool:
    """Return whether the audit log keeps requests to the route: what changes access, and what deletes a workflow."""
    changes_access = rule_of(method, path).permission in (Permission.ADMINISTER, Permission.SHARE)
    return (method, path) in _ALWAYS_AUDITED or (method != "GET" and changes_access)


UNLISTED: Final = Rule(Permission.ADMINISTER, Subject.NOTHING)

TABLE_OF_RECORDS: Final[Mapping[str, str]] = {
    "compute_nodes": "compute_node",
    "events": "event",
    "failure_handlers": "failure_handler",
    "files": "file",
    "jobs": "job",
    "local_schedulers": "local_scheduler",
    "proposals": "proposal",
    "resource_requirements": "resource_requirements",
    "results": "result",
    "ro_crate_entities": "ro_crate_entity",
    "scheduled_compute_nodes": "scheduled_compute_node",
    "slurm_schedulers": "slurm_scheduler",
    "tasks": "event",
    "user_data": "user_data",
}
"""First word of a path -> the table whose rows name their workflow."""

ROLE_SCOPES: Final[Mapping[str, Scope]] = {"viewer": Scope.VIEWER, "member": Scope.OPERATOR, "admin": Scope.OPERATOR}
"""What a role in a group allows on the workflows that are shared with it."""


def rule_of(method: str, path: str) -> Rule:
    """Return what a route needs, by its method and its path below the base path."""
    return RULES.get((method, path), UNLISTED)


def refusal(principal: Principal, permission: Permission, *, role: Scope | None = None) -> str | None:
    """Return why the caller may not do this; None where it may.

    `role` is what the caller may do at most on the workflow at hand, None where that does not matter.
    """
    traits = PERMISSIONS[permission]
    if traits.scope is None:
        return None
    if principal.compute_node_id is not None and not traits.jobs:
        return f"a job may not {traits.explanation} with the token of its run"
    if principal.agent is not None:
        if not traits.agents:
            return f"an AI agent may not {traits.explanation}"
        if permission is Permission.DECIDE and principal.mode != "decide":
            return "this agent may propose decisions about failures, and not decide"
    has = principal.scope if role is None else min(principal.scope, role)
    if has < traits.scope:
        return f"{principal.name} may not {traits.explanation}: that needs the scope {traits.scope.name.lower()}"
    return None
