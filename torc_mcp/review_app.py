"""The table of failures and decisions that hosts with MCP Apps show beside an answer."""

from pathlib import Path
from typing import Any, Final

from mcp.server.apps import Apps

REVIEW_URI: Final = "ui://torc/review.html"

WITH_TABLE: Final[dict[str, Any]] = {"ui": {"resourceUri": REVIEW_URI}}
"""The `_meta` of tools whose answers are shown in the table."""


def review_app() -> Apps:
    """Return the extension with the page: it loads nothing from elsewhere, and shows all texts as texts."""
    apps = Apps()
    apps.add_html_resource(
        REVIEW_URI,
        Path(__file__).with_name("review_app.html").read_text(encoding="utf-8"),
        name="review",
        title="Failures and decisions",
        description="Shows failure groups and proposals as a table, and applies a proposal.",
        prefers_border=True,
    )
    return apps
