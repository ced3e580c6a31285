"""The list of decisions, from their own headings; and the same list in the navigation of the site."""

from pathlib import Path
from typing import Any

from docs_build.markdown import NOTICE

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"
_INTRODUCTION = """# Decisions

Why the odd parts are as they are, half a page each: what was decided, why, and what follows. A new decision gets the
next number; one that no longer holds is not deleted, but says which one replaced it.
"""


def decisions_page() -> str:
    """Return the page that lists all decisions in the order of their numbers."""
    rows = [f"- [{path.stem[:4]}: {_title(path)}]({path.name})" for path in _files()]
    return "\n".join([NOTICE, "", _INTRODUCTION, *rows]) + "\n"


def on_config(config: Any) -> Any:
    """Put, as a hook of mkdocs, every decision below the list of decisions, so that mkdocs.yml need not name them."""
    _expand(config["nav"])
    return config


def _expand(nav: list[Any]) -> None:
    for entry in nav:
        for children in entry.values() if isinstance(entry, dict) else ():
            if isinstance(children, list):
                if children == ["decisions/index.md"]:
                    children.extend(f"decisions/{path.name}" for path in _files())
                _expand(children)


def _files() -> list[Path]:
    return sorted(FOLDER.glob("[0-9]*.md"))


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
