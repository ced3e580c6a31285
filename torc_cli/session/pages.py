"""Links to the pages of the server, where people look and decide in a browser."""

from torc_cli.session.session import Session
from torc_core import API_PREFIX
from torc_core.hints import Hint, torc


def page_url(session: Session, path: str) -> str:
    """Return the address of a page."""
    return session.url.rstrip("/").removesuffix(API_PREFIX) + path


def offer_review(session: Session, workflow_id: int, *, waiting: int) -> None:
    """Print where a person decides in the browser, if `waiting` jobs wait for it; for programs nothing."""
    if not waiting or session.is_json:
        return
    opens = torc("open", workflow_id, "--failures")
    if session.options.standalone:
        # the embedded server ends with the command that prints this: an address of it would lead nowhere
        session.out.note(Hint("To decide in the browser: {}", opens))
    else:
        address = page_url(session, f"/workflows/{workflow_id}/failures")
        session.out.note(Hint("To decide in the browser: {} (logged in by `{}`)", address, opens))
