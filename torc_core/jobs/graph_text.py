"""Drawings of a dependency graph as text: Graphviz's language, and Mermaid's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torc_core.jobs.status import STATUS_TRAITS, JobStatus

_FILLS: Final = {
    "bright_black": "#d0d0d0",
    "cyan": "#b8e6f0",
    "blue": "#b8ccf0",
    "yellow": "#fff0a8",
    "green": "#bce8bc",
    "red": "#f5b5b5",
    "magenta": "#e6bce6",
    "bold red": "#ff9a9a",
}
"""Colour of a status on a terminal -> colour on paper."""


@dataclass(frozen=True, slots=True)
class DrawnJob:
    """One job of a drawing; `waits_for` are places of other jobs. Without a status the job is of a file."""

    name: str
    waits_for: frozenset[int]
    status: JobStatus | None = None


def as_dot(title: str, jobs: Sequence[DrawnJob]) -> str:
    """Return the graph for the programs of Graphviz."""
    return "\n".join(_dot_lines(title, jobs))


def as_mermaid(jobs: Sequence[DrawnJob]) -> str:
    """Return the graph as Mermaid, which many pages draw by themselves."""
    return "\n".join(_mermaid_lines(jobs))


def _dot_lines(title: str, jobs: Sequence[DrawnJob]) -> Iterator[str]:
    yield f"digraph {_quoted(title)} {{"
    yield '  rankdir=LR; node [shape=box, style="rounded,filled", fillcolor=white, fontname=sans];'
    for place, job in enumerate(jobs):
        look = "" if job.status is None else f', fillcolor="{_fill(job.status)}", tooltip={_quoted(str(job.status))}'
        yield f"  j{place} [label={_quoted(job.name)}{look}];"
    for place, job in enumerate(jobs):
        for other in sorted(job.waits_for):
            yield f"  j{other} -> j{place};"
    yield "}"


def _mermaid_lines(jobs: Sequence[DrawnJob]) -> Iterator[str]:
    yield "flowchart LR"
    for place, job in enumerate(jobs):
        look = "" if job.status is None else f":::{job.status}"
        text = "".join(char if char.isalnum() or char in " _-." else f"#{ord(char)};" for char in job.name)
        yield f'  j{place}["{text}"]{look}'
    for place, job in enumerate(jobs):
        for other in sorted(job.waits_for):
            yield f"  j{other} --> j{place}"
    for status in sorted({job.status for job in jobs if job.status is not None}):
        yield f"  classDef {status} fill:{_fill(status)}"


def _fill(status: JobStatus) -> str:
    return _FILLS[STATUS_TRAITS[status].colour]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else " " for char in escaped) + '"'
