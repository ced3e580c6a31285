"""Pages that are made from the code are up to date, links lead somewhere, and every command shown is understood."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from docs_build.__main__ import outdated_pages
from docs_build.check_site import loaded_elsewhere
from torc_cli.main import app

PROJECT = Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "agents").rglob("*.md")])
GENERATED = {"commands.md", "workflow-keys.md", "http-api.md"}
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_PLACEHOLDERS = {
    "ID": "42", "WORKFLOW": "42", "JOB": "7", "PROPOSAL": "4", "FILE": "w.yaml", "N": "3", "S": "3fa2", "SECONDS": "9",
}  # fmt: skip


def command_lines() -> Iterator[tuple[str, str]]:
    """Each line of a shell block that begins with torc, with the name of its page."""
    for page in PAGES:
        if page.name in GENERATED:
            continue
        for language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
            if language not in ("bash", "sh", "console"):
                continue
            for line in block.replace("\\\n", " ").splitlines():
                line = line.strip().removeprefix("$ ")
                if re.match(r"torc[ ]", line):
                    yield str(page.relative_to(PROJECT)), line


def words_of(line: str) -> list[str]:
    """The words up to a pipe, a redirection or the next command, placeholders filled in."""
    words = shlex.split(line, comments=True)
    end = next(
        (place for place, word in enumerate(words) if word in ("|", ">", ">>", "&&", "&", ";", "||")), len(words)
    )
    return [_PLACEHOLDERS.get(word, "42" if word.startswith("$") else word) for word in words[:end]]


@pytest.mark.parametrize(("page", "line"), list(command_lines()))
def test_every_command_shown_is_understood(page: str, line: str) -> None:
    name, *words = words_of(line)
    group: Any = typer.main.get_command(app)
    context = group.make_context(name, words)
    while rest := [*context._protected_args, *context.args]:
        name, group, words = group.resolve_command(context, rest)
        context = group.make_context(name, words, parent=context)
        if not hasattr(group, "commands"):
            return
    assert re.search(r"--(help|version)$", line), f"{page}: {line} names no command"


def test_pages_made_from_the_code_are_up_to_date() -> None:
    assert outdated_pages() == [], "write them with `make reference`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = [link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [link for link in targets if link and ":" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_navigation_of_the_site_names_each_page_once() -> None:
    named = re.findall(r"^ +- .*: (\S+\.md)$", (PROJECT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    assert sorted(named) == sorted(set(named))


def test_a_page_that_loads_from_another_machine_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text('<script src="https://cdn.example/x.js"></script>')
    (tmp_path / "good.html").write_text('<script src="x.js"></script><a href="https://example.org">link</a>')
    assert loaded_elsewhere(tmp_path) == {"bad.html": ["https://cdn.example/x.js"]}
