"""The permissions of the pages: which of them needs which. A page that decides needs that of an approval."""

from collections.abc import Mapping
from typing import Final

from torc_server.access.policy import UNLISTED, Permission, Rule, Subject

_P, _S = Permission, Subject
_OPEN: Final = Rule(_P.OPEN, _S.NOTHING)
_VIEW: Final = Rule(_P.VIEW, _S.WORKFLOW)
DECIDES: Final = Rule(_P.APPROVE, _S.WORKFLOW)
"""What a person needs to decide in the browser; who may not sees the same pages without buttons."""

PAGE_RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("GET", "/login"): _OPEN,
    ("POST", "/login"): _OPEN,
    ("GET", "/enter"): _OPEN,
    ("GET", "/static/{name:path}"): _OPEN,
    ("POST", "/logout"): Rule(_P.VIEW, _S.NOTHING),
    ("GET", "/"): Rule(_P.VIEW, _S.NOTHING),
    ("GET", "/metrics"): Rule(_P.VIEW, _S.NOTHING),
    ("GET", "/settings"): Rule(_P.KNOWN, _S.NOTHING),
    ("GET", "/workflows/{id}"): _VIEW,
    ("GET", "/workflows/{id}/live"): _VIEW,
    ("GET", "/workflows/{id}/graph"): _VIEW,
    ("GET", "/workflows/{id}/jobs"): _VIEW,
    ("GET", "/workflows/{id}/jobs/{job_id}"): _VIEW,
    ("GET", "/workflows/{id}/failures"): _VIEW,
    ("GET", "/workflows/{id}/failures/{signature}"): _VIEW,
    ("POST", "/workflows/{id}/failures/summary"): DECIDES,
    ("POST", "/workflows/{id}/failures/apply"): DECIDES,
    ("GET", "/workflows/{id}/decisions"): _VIEW,
    ("GET", "/workflows/{id}/decisions.csv"): _VIEW,
    ("GET", "/workflows/{id}/decisions.json"): _VIEW,
    ("POST", "/workflows/{id}/decisions/undo"): DECIDES,
    ("GET", "/workflows/{id}/proposals"): _VIEW,
    ("GET", "/workflows/{id}/proposals/{proposal_id}"): _VIEW,
    ("POST", "/workflows/{id}/proposals/{proposal_id}/reject"): DECIDES,
    ("GET", "/workflows/{id}/runners"): _VIEW,
}
"""Method and path -> what it needs. A page that is not here is the administrators' alone, and fails a test."""


def page_rule_of(method: str, path: str) -> Rule:
    """Return what a page needs, by its method and its path."""
    return PAGE_RULES.get((method, path), UNLISTED)
