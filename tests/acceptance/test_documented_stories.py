"""Sessions that the README and the tutorial show happen as they are shown."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from torc_process import Torc

PROJECT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial/first-workflow.md", "docs/tutorial/failing-jobs.md", "docs/how-to/ai-recovery.md")
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps_of(page: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a page with the lines shown below it."""
    for block in _BLOCK.findall((PROJECT / page).read_text(encoding="utf-8")):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = step.splitlines()
            yield shlex.split(command)[1:], [line for line in lines if line.strip()]


@pytest.mark.parametrize("page", PAGES)
def test_a_session_of_the_documentation_happens_as_shown(tmp_path: Path, page: str) -> None:
    torc = Torc(tmp_path)
    steps = list(steps_of(page))
    assert steps
    for words, shown in steps:
        printed = torc(*words, code=None)
        assert printed.code in (0, 1), printed.err
        lines = iter(printed.out.splitlines())
        for line in shown:
            if line == "...":
                continue
            expected = re.compile(re.escape(line).replace(r"\.\.\.", ".*"))
            assert any(expected.fullmatch(each.rstrip()) for each in lines), (
                f"torc {' '.join(words)} does not print {line!r} (or not in this order):\n{printed.out}"
            )
