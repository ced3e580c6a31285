"""A hint names what lies on this machine: the page of keys, the log of the embedded server."""

import re
from pathlib import Path

from torc_cli.session.options import GlobalOptions
from torc_cli.session.session import Session
from torc_core.errors import ServerUnreachableError
from torc_core.spec.problems import Problems


def test_the_page_of_keys_can_be_opened_from_any_folder() -> None:
    problems = Problems("w.yaml", lambda _: (1, 1))
    problems.add(("jobs",), "wrong")
    with Session(GlobalOptions(standalone=True), name="run") as session:
        hint = session.hint_of(problems.error())
    page = re.search(r"\((/.*) lists all keys\)", hint or "")
    assert page and Path(page[1]).is_file()


def test_an_embedded_server_that_ended_is_not_to_be_started_by_the_user() -> None:
    error = ServerUnreachableError("no answer", hint="start one with `torc-server run`, or use `torc -s …`")
    with Session(GlobalOptions(standalone=True, database=Path("w.db")), name="run") as session:
        hint = session.hint_of(error)
    assert hint and hint.startswith("the embedded server ended early; its log is ")
    assert hint.endswith("w.db.server.log")
