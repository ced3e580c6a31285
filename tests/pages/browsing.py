"""A real Chromium, Debian's, for tests of pages: driven by Playwright, which downloads nothing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here: apt-get install chromium")
_AXE = Path(__file__).parents[1] / "data" / "axe" / "axe.min.js"
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
WAIT_MS = 60_000
"""The machine may be busy: what is waited for comes, or the test fails after this."""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_OPTIONS), timeout=WAIT_MS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, **options: Any) -> Iterator["Visit"]:
    """Opens a browser window of its own, without cookies of others."""
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT_MS)
    try:
        yield Visit(context)
    finally:
        context.close()


class Visit:
    """One window, and what went wrong in it."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("dialog", lambda dialog: self._refuse_dialog(dialog))
        self.page.on("request", lambda request: self.foreign.append(request.url))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error":
            self.problems.append(text)

    def _refuse_dialog(self, dialog: Dialog) -> None:
        self.problems.append("a script opened a dialog")
        dialog.dismiss()

    def violations(self) -> list[str]:
        """Asks axe-core about the page as it is now."""
        # the policy of the page forbids scripts that are put into it: this one goes around the page
        source = _AXE.read_text(encoding="utf-8")
        self.page.evaluate(f"() => {{ {source} }}")
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [f"{each['id']}: {each['help']} {[node['target'] for node in each['nodes'][:3]]}" for each in found]
