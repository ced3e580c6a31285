"""The hint at a wrong workflow file names the page of keys where it lies on this machine."""

import re
from pathlib import Path

from torc_cli.session.options import GlobalOptions
from torc_cli.session.session import Session
from torc_core.spec.problems import Problems


def test_the_page_of_keys_can_be_opened_from_any_folder() -> None:
    problems = Problems("w.yaml", lambda _: (1, 1))
    problems.add(("jobs",), "wrong")
    with Session(GlobalOptions(standalone=True), name="run") as session:
        hint = session.hint_of(problems.error())
    page = re.search(r"\((/.*) lists all keys\)", hint or "")
    assert page and Path(page[1]).is_file()
