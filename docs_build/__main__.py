"""`python -m docs_build`: write the generated pages of docs/, or with --check compare them."""

import argparse
import sys
from pathlib import Path

from docs_build.commands import commands_page
from docs_build.decisions import decisions_page
from docs_build.diagram import architecture_diagram
from docs_build.examples import examples_page, schema_file
from docs_build.http_api import http_api_page
from docs_build.keys import keys_page
from docs_build.statuses import statuses_page

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    "reference/commands.md": commands_page,
    "reference/workflow-keys.md": keys_page,
    "reference/http-api.md": http_api_page,
    "reference/statuses.md": statuses_page,
    "reference/examples.md": examples_page,
    "../examples/yaml/torc.schema.json": schema_file,
    "decisions/index.md": decisions_page,
    "pictures/architecture.svg": architecture_diagram,
}


def outdated_pages() -> list[str]:
    """Return the names of generated pages that differ from what the code gives now."""
    return [name for name, page in PAGES.items() if _stored(name) != page()]


def _stored(name: str) -> str | None:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs_build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when a page is out of date")
    if parser.parse_args().check:
        outdated = outdated_pages()
        if outdated:
            sys.exit(f"out of date: {', '.join(outdated)}; write them with `make reference`")
        return
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
