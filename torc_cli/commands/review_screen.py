"""The screens of a review on a terminal: one group each, decided by single keys."""

import os
import select
import shutil
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import Final, Literal

import click
import typer

from torc_cli.commands.review_marks import ReviewMarks
from torc_cli.commands.review_text import entry_screen, key_lines, summary_lines
from torc_cli.render.base import Output
from torc_core.api.review import ReviewEntry
from torc_core.errors import InvalidInputError
from torc_core.recovery.review import on_one_line
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory

_NEXT: Final = frozenset({"j", "n", "\x1b[B", " "})
_BACK: Final = frozenset({"k", "p", "\x1b[A"})
_ENTER: Final = frozenset({"\r", "\n"})
_INTERRUPTS: Final = frozenset({"\x03", "\x04"})
_ESCAPE_S: Final = 0.05
"""The rest of an escape sequence comes with its first byte; a person who presses Escape types nothing so soon."""

ReviewEnd = Literal["apply", "quit"]


class Keyboard:
    """The keyboard of a terminal, read key by key; what is typed ahead is never thrown away."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._usual = termios.tcgetattr(descriptor)

    @contextmanager
    def by_key(self) -> Iterator[None]:
        """Read single keys in this block, without showing them; Ctrl-C still interrupts."""
        try:
            # TCSADRAIN: the default would discard the keys that are typed already
            tty.setcbreak(self._descriptor, termios.TCSADRAIN)
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._usual)

    @contextmanager
    def by_line(self) -> Iterator[None]:
        """Read lines in this block, within one that reads keys."""
        try:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._usual)
            yield
        finally:
            tty.setcbreak(self._descriptor, termios.TCSADRAIN)

    def read(self) -> str:
        """Return the next key, an arrow as its escape sequence; empty where the terminal is gone."""
        try:
            key = os.read(self._descriptor, 1)
            if key == b"\x1b" and select.select([self._descriptor], [], [], _ESCAPE_S)[0]:
                key += os.read(self._descriptor, 2)
        except OSError:
            return ""
        return key.decode(errors="replace")


class ReviewScreen:
    """Shows the entries one by one and keeps what the person chooses. Nothing is applied here."""

    def __init__(self, out: Output, title: str, marks: ReviewMarks, *, sure_from: float) -> None:
        self._out = out
        self._title, self._marks, self._sure_from = title, marks, sure_from
        self._shown: Sequence[ReviewEntry] = marks.entries
        self._search = ""
        self._place = 0
        self._note = ""
        self._keyboard = Keyboard(sys.stdin.fileno())

    def run(self, note: str = "") -> ReviewEnd:
        """Return how the person ended the review: to apply the choices, or to leave them. Ctrl-C leaves them, too."""
        self._note = note
        self._place = self._first_undecided()
        try:
            with self._keyboard.by_key():
                while True:
                    self._draw()
                    key = self._keyboard.read()
                    if key in _INTERRUPTS or key in ("q", "Q", ""):
                        return "quit"
                    if key == "s" and self._summary():
                        return "apply"
                    self._press(key)
        except KeyboardInterrupt:
            return "quit"

    def _press(self, key: str) -> None:
        self._note = ""
        entry = self._shown[self._place] if self._shown else None
        if key in _NEXT:
            self._move(1)
        elif key in _BACK:
            self._move(-1)
        elif key == "u":
            self._note = "Undone." if self._marks.undo() else "There is nothing to undo."
        elif key == "/":
            self._search_for(self._ask("Search (empty: all groups)"))
        elif key == "a":
            self._accept_sure()
        elif key in ("R", "F", "X"):
            self._choose_all(key)
        elif entry is not None and entry.count == 0 and key in {*_ENTER, "r", "f", "x", "e"}:
            self._note = "No job of this group waits any more."
        elif entry is not None:
            self._press_on(entry, key)

    def _press_on(self, entry: ReviewEntry, key: str) -> None:
        if key in _ENTER:
            if entry.action is None:
                self._note = "Nobody proposes anything here: choose r or f."
                return
            self._marks.accept([entry])
        elif key == "r":
            self._marks.choose([entry], "retry")
        elif key == "f":
            self._marks.choose([entry], "fail")
        elif key == "x":
            self._marks.choose([entry], "leave_out")
        elif key == "e":
            if not self._edit(entry):
                return
        else:
            return
        self._move(1)

    def _choose_all(self, key: str) -> None:
        """Choose the same for all groups that are shown and have no choice yet."""
        undecided = self._marks.undecided(self._shown)
        if key == "R":
            self._marks.choose(undecided, "retry")
        elif key == "F":
            self._marks.choose(undecided, "fail")
        else:
            self._marks.choose(undecided, "leave_out")
        self._note = f"{len(undecided)} groups chosen; u undoes it."

    def _accept_sure(self) -> None:
        sure = [
            entry
            for entry in self._marks.undecided(self._shown)
            if entry.action is not None and entry.confidence is not None and entry.confidence >= self._sure_from
        ]
        self._marks.accept(sure)
        self._note = f"{len(sure)} groups with a confidence of {self._sure_from:.2f} or more accepted."
        self._place = self._first_undecided()

    def _edit(self, entry: ReviewEntry) -> bool:
        """Ask for action, amounts and reason; return whether something was chosen."""
        action = self._ask("Action: retry, fail or nothing", entry.action or "").strip().lower()
        if action not in ("retry", "fail"):
            self._note = "Nothing was chosen." if not action else f"{action!r} is no action: retry or fail."
            return False
        memory = runtime = None
        if action == "retry":
            proposed = {change.what: change.new for change in entry.changes}
            memory = self._amount("Memory, such as 16g (empty: as it is)", proposed.get("memory", ""), parse_memory)
            runtime = self._amount(
                "Runtime, such as PT4H (empty: as it is)", proposed.get("runtime", ""), parse_duration
            )
        reason = self._ask("Reason", entry.reason).strip()
        self._marks.choose(
            [entry], "retry" if action == "retry" else "fail", memory=memory, runtime=runtime, reason=reason
        )
        return True

    def _amount(self, question: str, proposed: str, read: Callable[[str], object]) -> str | None:
        while True:
            text = self._ask(question, proposed).strip()
            try:
                if text:
                    read(text)
            except InvalidInputError as error:
                self._out.note(error.message)
                continue
            return text or None

    def _ask(self, question: str, proposed: str = "") -> str:
        """Return the answer, `proposed` for an empty one; Ctrl-C gives up the question, not the review."""
        with self._keyboard.by_line():
            try:
                return str(typer.prompt(question, default=proposed, show_default=bool(proposed), err=True))
            except (typer.Abort, click.Abort):
                return ""

    def _search_for(self, text: str) -> None:
        wanted = text.strip().casefold()
        found = [entry for entry in self._marks.entries if wanted in _searched(entry)]
        if not found:
            self._note = f"No group holds {text.strip()!r}; all are shown."
        self._search = text.strip() if found else ""
        self._shown = found or self._marks.entries
        self._place = 0

    def _summary(self) -> bool:
        """Show the summary; return whether the person agrees to apply it."""
        undecided = self._marks.undecided(self._marks.entries)
        counts = list(self._marks.counts())
        lines = summary_lines(
            counts, undecided_groups=len(undecided), undecided_jobs=sum(entry.count for entry in undecided)
        )
        back = [] if counts else ["Press a key to go back."]
        self._out.screen([self._title, *lines, *back])
        if not counts:
            self._keyboard.read()
            return False
        with self._keyboard.by_line():
            try:
                return typer.confirm("Apply?", err=True)
            except (typer.Abort, click.Abort):
                return False

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        width = min(size.columns, 120)
        search = f", search {self._search!r}" if self._search else ""
        all_of_them = self._marks.entries
        decided = len(all_of_them) - len(self._marks.undecided(all_of_them))
        place = f"group {self._place + 1} of {len(self._shown)}{search}, {decided} of {len(all_of_them)} decided"
        entry = self._shown[self._place]
        self._out.screen(
            [
                f"{self._title}: {place}"[:width],
                "-" * width,
                *entry_screen(entry, chosen=self._describe(entry), width=width),
                "-" * width,
                *key_lines(width),
                *(wrap(self._note, width) or [""]),
            ]
        )

    def _describe(self, entry: ReviewEntry) -> str | None:
        choice, verb = self._marks.choices.get(entry.id), self._marks.verb_of(entry)
        if choice is None or verb is None:
            return None
        amounts = [
            f"{what} {amount}" for what, amount in (("memory", choice.memory), ("runtime", choice.runtime)) if amount
        ]
        if choice.choice == "accept":
            verb = f"{verb}, as proposed"
        return ", ".join([verb, *amounts, *([choice.reason] if choice.reason else [])])

    def _move(self, by: int) -> None:
        if self._shown:
            self._place = max(0, min(self._place + by, len(self._shown) - 1))

    def _first_undecided(self) -> int:
        undecided = self._marks.undecided(self._shown)
        return list(self._shown).index(undecided[0]) if undecided else 0


def _searched(entry: ReviewEntry) -> str:
    texts = (entry.signature, entry.cause, entry.reason, entry.class_, entry.action, *entry.job_names, *entry.against)
    return on_one_line(" ".join(text for text in texts if text)).casefold()
