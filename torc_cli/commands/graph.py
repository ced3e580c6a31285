"""`torc graph`: a drawing of which job waits for which."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Final

import typer

from torc_cli.commands.create import read_draft
from torc_cli.commands.run import is_spec_file
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, RunnerError

if TYPE_CHECKING:
    from torc_core.jobs.graph_text import DrawnJob

_BY_GRAPHVIZ: Final = ("svg", "png")
_KINDS: Final = (*_BY_GRAPHVIZ, "dot", "mermaid", "mmd")
_SECONDS: Final = 300.0
"""Graphviz needs long for thousands of jobs."""


@command
def graph(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|WORKFLOW_ID", help="A workflow file, or the id of a workflow.", show_default=False
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write this file: .svg, .png, .dot, .mermaid; Mermaid is printed without."),
    ] = None,
) -> None:
    """Draw which job waits for which, coloured by status.

    For example: `torc graph 3 -o study.svg`.
    """
    from torc_core.jobs.graph_text import as_dot, as_mermaid

    kind = "mermaid" if output is None else output.suffix.lower().removeprefix(".")
    if kind not in _KINDS:
        raise InvalidInputError(
            f"{output} has the suffix of no drawing", hint=f"use one of {', '.join(f'.{each}' for each in _KINDS)}"
        )
    title, jobs = _jobs(session, what)
    if output is None:
        session.out.document(as_mermaid(jobs))
        return
    if kind in _BY_GRAPHVIZ:
        _draw(as_dot(title, jobs), kind, output)
    else:
        text: Callable[[], str] = (lambda: as_dot(title, jobs)) if kind == "dot" else (lambda: as_mermaid(jobs))
        output.write_text(f"{text()}\n", encoding="utf-8")
    session.out.done(f"Drew {len(jobs)} jobs into {output}", {"file": str(output), "jobs": len(jobs)})


def _jobs(session: Session, what: str) -> tuple[str, list["DrawnJob"]]:
    """Return a title and the jobs, of a file or of a workflow."""
    from torc_core.jobs.graph_text import DrawnJob
    from torc_core.spec.graph import job_dependencies

    if is_spec_file(what):
        draft = read_draft(session, Path(what))
        waits = job_dependencies(draft.jobs)
        pairs = zip(draft.jobs, waits, strict=True)
        return draft.workflow.name, [DrawnJob(job.name, frozenset(others)) for job, others in pairs]
    workflow_id = int(what)
    title = session.client.workflows.get(workflow_id).name
    jobs = session.client.jobs.list_all(workflow_id=workflow_id)
    place = {job.id: at for at, job in enumerate(jobs)}
    waits_for: list[set[int]] = [set() for _ in jobs]
    for row in session.client.job_dependencies(workflow_id):
        if row.job_id in place and row.depends_on_job_id in place:
            waits_for[place[row.job_id]].add(place[row.depends_on_job_id])
    return title, [DrawnJob(job.name, frozenset(waits_for[at]), job.status) for at, job in enumerate(jobs)]


def _draw(text: str, kind: str, output: Path) -> None:
    """Let Graphviz write the file."""
    program = which("dot")
    if program is None:
        raise InvalidInputError(
            f"{output.suffix} files are drawn by the program dot of Graphviz, which is not installed",
            hint="install graphviz, or write .dot or .mermaid",
        )
    try:
        drawn = subprocess.run(
            [program, f"-T{kind}"], input=text.encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RunnerError(f"dot drew nothing within {_SECONDS:g} s", hint="write .dot or .mermaid") from error
    if drawn.returncode != 0:
        message = drawn.stderr.decode("utf-8", "replace").strip()[:300]
        raise RunnerError(f"dot could not draw the graph: {message}", hint="write .dot or .mermaid")
    output.write_bytes(drawn.stdout)
