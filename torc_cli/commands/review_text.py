"""The screens of a review: one group, the summary, what was applied."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from torc_cli.render.text import number
from torc_core.api.review import ReviewEntry, ReviewResponse
from torc_core.recovery.review import entry_rows

KEYS: Final = (
    "j/k next, previous  Enter accept  r retry  f fail  e edit  x leave out  u undo",
    "/ search  a accept all sure ones  R F X for all shown  s summary  q quit",
)
_LABEL: Final = 11
_LINES_EACH: Final = 6


def entry_screen(entry: ReviewEntry, *, chosen: str | None, width: int) -> Iterator[str]:
    """Yield the lines of one group: its rows, then what is chosen."""
    for label, lines in entry_rows(entry):
        yield from _row(label, lines, width)
    yield ""
    yield from _row("Choice", [chosen or "none yet"], width)


def key_lines(width: int) -> list[str]:
    """Return what the keys do, whole keys on each line, however narrow the terminal is."""
    shown: list[str] = []
    for line in KEYS:
        parts = line.split("  ")
        shown.append(parts[0])
        for part in parts[1:]:
            if len(shown[-1]) + 2 + len(part) <= width:
                shown[-1] += f"  {part}"
            else:
                shown.append(part)
    return shown


def _row(label: str, lines: Sequence[str], width: int) -> Iterator[str]:
    shown = [part for line in lines for part in (wrap(line, max(width - _LABEL, 20)) or [""])]
    if len(shown) > _LINES_EACH:
        shown = [*shown[: _LINES_EACH - 1], "..."]
    for place, part in enumerate(shown):
        yield f"{label if place == 0 else '':<{_LABEL}}{part}"


def summary_lines(counts: Sequence[tuple[str, int, int]], *, undecided_groups: int, undecided_jobs: int) -> list[str]:
    """Return how many groups and jobs are retried, failed, left out, and wait for a choice."""
    lines = [f"  {verb:<10} {number(jobs, 'job')} in {number(groups, 'group')}" for verb, groups, jobs in counts]
    if undecided_groups:
        waiting = f"{number(undecided_jobs, 'job')} in {number(undecided_groups, 'group')}"
        lines.append(f"  {'undecided':<10} {waiting}: they keep waiting")
    return lines or ["  nothing is chosen"]


def applied_lines(answer: ReviewResponse) -> list[str]:
    """Return what a review has applied, and what it could not."""
    lines = [
        f"{number(answer.jobs_to_retry, 'job')} sent back, {answer.jobs_to_fail} failed, {answer.jobs_skipped} skipped."
    ]
    reasons = {job.detail for job in answer.jobs if job.status == "skipped" and job.detail}
    lines += [f"  Skipped: {reason}" for reason in sorted(reasons)[:5]]
    if answer.gone:
        lines.append(f"{number(len(answer.gone), 'group')} changed meanwhile and was not decided: review it again.")
    return lines
