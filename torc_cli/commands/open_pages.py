"""`torc open`."""

import os
import signal
from typing import Annotated

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""One of them is set where a browser can be opened; without, one in text would take the terminal."""


@command
def open_(
    session: Session,
    workflow_id: Annotated[
        int | None, typer.Argument(metavar="[WORKFLOW_ID]", help="Id of the workflow; the list of all when left out.")
    ] = None,
    *,
    failures: Annotated[bool, typer.Option("--failures", help="Open the review of its failures.")] = False,
    print_only: Annotated[bool, typer.Option("--print", help="Print the link, and open no browser.")] = False,
) -> None:
    """Open the pages of the server in a browser, logged in as you.

    The link logs one browser in, within five minutes. With -s the pages are there until Ctrl-C.
    For example: `torc open 3 --failures`.
    """
    from torc_cli.session.pages import page_url
    from torc_core.api.tokens import BrowserCodeRequest
    from torc_core.errors import InvalidInputError

    if failures and workflow_id is None:
        raise InvalidInputError("--failures needs a workflow", hint="name its id in front of it")
    path = "/" if workflow_id is None else f"/workflows/{workflow_id}{'/failures' if failures else ''}"
    if workflow_id is not None:
        session.client.workflows.get(workflow_id)
    code = session.client.access.create_browser_code(BrowserCodeRequest(to=path))
    link = page_url(session, code.path)
    opened = not print_only and not session.is_json and _open(link)
    lives = session.options.standalone
    session.out.done(
        [link, *(["Opened in your browser."] if opened else [])],
        {"url": link, "expires_in_s": code.expires_in_s, "opened": opened},
    )
    if lives:
        session.out.note("The pages are there until Ctrl-C.")
        _wait_for_interrupt()


def _open(link: str) -> bool:
    if not any(os.environ.get(name) for name in _DISPLAYS):
        return False
    import webbrowser

    return webbrowser.open(link)


def _wait_for_interrupt() -> None:
    """Return at Ctrl-C or SIGTERM; a session that is left stops its embedded server."""
    ended = {signal.SIGINT, signal.SIGTERM}
    # blocked first: a signal between the two lines would end the command without stopping the server
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)
    signal.sigwait(ended)
