"""Shows how `torc run` goes on: a bar on a terminal, at most one line a second elsewhere."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from runner.base.progress import JobEnded, JobStarted, Notice, Progress
from torc_cli.render.text import clean, display
from torc_core.hints import TorcCommand, spelled
from torc_core.jobs.status import SUCCESSFUL

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_LINE_EVERY_S: Final = 1.0
_FAILURES_NAMED: Final = 20


@dataclass(slots=True)
class Counts:
    """Counts of what happened so far; `done` counts jobs that need nothing more, those from before this run too."""

    total: int
    done: int
    running: int = 0
    failed: int = 0
    retried: int = 0

    def add(self, event: JobStarted | JobEnded) -> None:
        if isinstance(event, JobStarted):
            self.running += 1
            return
        self.running = max(0, self.running - 1)
        if event.will_retry:
            self.retried += 1
        elif event.status in SUCCESSFUL:
            self.done += 1
        else:
            self.failed += 1

    def text(self) -> str:
        extra = [f"{n} {word}" for n, word in ((self.failed, "failed"), (self.retried, "retried")) if n]
        return ", ".join([f"{self.done}/{self.total} jobs completed", f"{self.running} running", *extra])


class RunView(ABC):
    """Is called with every event of the run; use as a context. `spell` writes commands as they must be typed."""

    def __init__(self, counts: Counts, *, spell: Callable[[TorcCommand], str] = str) -> None:
        self.counts = counts
        self._spell = spell
        self._failures_named = 0

    def __call__(self, event: Progress) -> None:
        if isinstance(event, Notice):
            self._show_notice(event)
            return
        self.counts.add(event)
        if isinstance(event, JobEnded) and (event.status not in SUCCESSFUL or event.will_retry):
            self._name_failure(event)
        self.update()

    def _show_notice(self, notice: Notice) -> None:
        text = spelled(notice.text, self._spell)
        self.say(text if notice.level == "info" else f"{notice.level.capitalize()}: {text}")

    def _name_failure(self, event: JobEnded) -> None:
        self._failures_named += 1
        if self._failures_named <= _FAILURES_NAMED:
            retry = ", will be retried" if event.will_retry else ""
            note = f": {event.note}" if event.note else ""
            self.say(
                f"Job {event.job_id} ({display(event.job_name)}) ended with return code {event.return_code}, "
                f"attempt {event.attempt_id}{retry}{note}"
            )
        elif self._failures_named == _FAILURES_NAMED + 1:
            self.say("More jobs failed; they are counted, and not named any more.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def say(self, text: str) -> None:
        """Print a line that stays."""

    @abstractmethod
    def update(self) -> None:
        """Show that the counts have changed."""

    @abstractmethod
    def close(self) -> None:
        """Show the last counts: the run is over."""


class Silent(RunView):
    """For programs: only warnings and errors."""

    def __call__(self, event: Progress) -> None:
        if isinstance(event, Notice) and event.level != "info":
            self._show_notice(event)

    def say(self, text: str) -> None:
        sys.stderr.write(f"{clean(text)}\n")

    def update(self) -> None:
        """Print nothing."""

    def close(self) -> None:
        """Print nothing."""


class Lines(RunView):
    """Plain lines on stderr, the counts at most once a second."""

    def __init__(
        self,
        counts: Counts,
        *,
        spell: Callable[[TorcCommand], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(counts, spell=spell)
        self._clock = clock
        self._printed_at = clock()
        self._printed = ""

    def say(self, text: str) -> None:
        sys.stderr.write(f"{clean(text)}\n")
        sys.stderr.flush()

    def update(self) -> None:
        if self._clock() - self._printed_at >= _LINE_EVERY_S:
            self._say_counts()

    def close(self) -> None:
        self._say_counts()

    def _say_counts(self) -> None:
        self._printed_at = self._clock()
        if (text := self.counts.text()) != self._printed:
            self._printed = text
            self.say(text)


class BarView(RunView):
    """A bar that stays at the bottom of the terminal."""

    def __init__(self, counts: Counts, *, spell: Callable[[TorcCommand], str] = str) -> None:
        super().__init__(counts, spell=spell)
        self._bar = _make_bar()
        self._task = self._bar.add_task("", total=counts.total or None, completed=counts.done)
        self._bar.start()

    def say(self, text: str) -> None:
        self._bar.console.print(clean(text), markup=False, highlight=False)

    def update(self) -> None:
        counts = self.counts
        self._bar.update(self._task, completed=counts.done + counts.failed, description=counts.text())

    def close(self) -> None:
        self.update()
        self._bar.stop()


def _make_bar() -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True))
