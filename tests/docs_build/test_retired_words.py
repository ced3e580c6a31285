"""Each thing has one word, that of docs/glossary.md: the words that it had before stand nowhere any more."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
RETIRED = {
    "desk": "claims",
    "workshop": "supervisor",
    "stranded": "ready without a runner",
    "strangers?": "other users, other processes",
    "doomed": "dependents to cancel",
    r"judg(?:e|es|ed|ing)": "assess, decide",
    r"judge?ments?": "entry, decision",
    r"(?:take|takes|taken|taking)[ _]back": "reclaim",
    "what came of": "outcome",
    "word of the rules": "suggestion",
    "in the hands of": "held by",
    "said": "a noun: answer, printed, options",
    "told": "a noun, or: reported, asked",
}
"""The word as an expression -> what is said instead."""
WIRE_NAMES = re.compile("stranded[-_]timeout|/take_back_jobs", re.IGNORECASE)
"""Options, paths and messages that clients and guides know."""
EXEMPT = (
    "locks/",  # names of packages
    "tests/data/",  # logs as programs wrote them
    "torc_core/triage/patterns/",  # words of the programs that fail
    "torc_server/static/",  # written by others
    "tests/docs_build/test_retired_words.py",
)
_WORD = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(RETIRED)})(?![a-z0-9])", re.IGNORECASE)


def text_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    kinds = (".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".sql", ".json", "Makefile")
    return [PROJECT / path for path in listed if path.endswith(kinds) and not path.startswith(EXEMPT)]


@pytest.mark.parametrize("path", text_files(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_file_uses_no_retired_word(path: Path) -> None:
    if not path.is_file():
        pytest.skip("removed, not committed yet")
    text = WIRE_NAMES.sub("", path.read_text(encoding="utf-8"))
    lines = [f"{number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if _WORD.search(line)]
    assert lines == [], "docs/glossary.md has the words that are used instead"
