"""`python -m docs_build.check_site FOLDER`: fail when a page of the site loads anything from another machine."""

import sys
from html.parser import HTMLParser
from pathlib import Path

_LOADING = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
}
_HARMLESS_LINKS = frozenset({"canonical", "next", "prev", "alternate"})


class _Page(HTMLParser):
    """Collects the addresses on other machines that a browser would load for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "link" and attributes.get("rel") in _HARMLESS_LINKS:
            return
        for name, value in attrs:
            if (tag, name) in _LOADING and (value or "").startswith(("http:", "https:", "//")):
                self.loaded.append(value or "")


def loaded_elsewhere(site: Path) -> dict[str, list[str]]:
    """Return the pages that load something from another machine, with what they load."""
    problems: dict[str, list[str]] = {}
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        if page.loaded:
            problems[str(path.relative_to(site))] = page.loaded
    for path in sorted(site.rglob("*.css")):
        if "url(http" in path.read_text(encoding="utf-8") or "@import" in path.read_text(encoding="utf-8"):
            problems[str(path.relative_to(site))] = ["a font or a style sheet"]
    return problems


def main() -> None:
    problems = loaded_elsewhere(Path(sys.argv[1]))
    if problems:
        sys.exit("\n".join(f"{page} loads {', '.join(addresses)}" for page, addresses in problems.items()))


if __name__ == "__main__":
    main()
