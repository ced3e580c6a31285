"""The table of routes and callers, for the documentation and for the test that asks every route."""

from collections.abc import Iterable, Mapping
from typing import Final

from torc_server.access.page_policy import PAGE_RULES
from torc_server.access.policy import PERMISSIONS, RULES, Permission, Rule, Subject
from torc_server.access.principals import Scope

CALLERS: Final = ("anonymous", "other user", "viewer", "operator", "owner", "admin")
"""From nobody to everything. A viewer and an operator are in a group of the workflow, the owner keeps that group."""

_ROLES: Final = {"viewer": Scope.VIEWER, "operator": Scope.OPERATOR, "owner": Scope.OWNER}
_ABOUT_A_WORKFLOW: Final = frozenset({Subject.WORKFLOW, Subject.QUERY, Subject.BODY, Subject.RECORD})


def may(caller: str, rule: Rule) -> bool:
    """Return whether the policy lets a caller of this kind in, where access control is enforced."""
    scope = PERMISSIONS[rule.permission].scope
    if scope is None or caller == "admin":
        return True
    if caller == "anonymous":
        return False
    if rule.subject in _ABOUT_A_WORKFLOW:
        return caller in _ROLES and _ROLES[caller] >= scope
    if rule.subject is Subject.GROUP:
        return caller == "owner" if rule.permission is Permission.SHARE else caller in _ROLES
    return scope <= Scope.OWNER


def permission_rows() -> list[str]:
    """Return the lines of the table of permissions, in Markdown."""
    head = ["permission", "what it allows", "scope of a token", "an agent's token", "a job's token"]
    rows = [_line(head), _line(["---"] * len(head))]
    for permission, traits in PERMISSIONS.items():
        scope = "none" if traits.scope is None else traits.scope.name.lower()
        marks = [_mark(may_do=may_do) for may_do in (traits.agents, traits.jobs)]
        rows.append(_line([str(permission), traits.explanation, scope, *marks]))
    return rows


def route_rows() -> list[str]:
    """Return the lines of the table of routes and callers, in Markdown."""
    return _rows("route", RULES)


def page_rows() -> list[str]:
    """Return the lines of the table of pages and callers, in Markdown."""
    return _rows("page", PAGE_RULES)


def _rows(noun: str, rules: Mapping[tuple[str, str], Rule]) -> list[str]:
    rows = [_line([noun, "permission", *CALLERS]), _line(["---"] * (len(CALLERS) + 2))]
    for (method, path), rule in sorted(rules.items(), key=lambda each: (each[0][1], each[0][0])):
        marks = [_mark(may_do=may(caller, rule)) for caller in CALLERS]
        rows.append(_line([f"`{method} {path}`", str(rule.permission), *marks]))
    return rows


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(*, may_do: bool) -> str:
    return "yes" if may_do else "-"
