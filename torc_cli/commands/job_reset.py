"""`torc jobs reset-status`: chosen jobs back to their beginning."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, NotFoundError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torc_core.api.jobs import JobModel

JOBS: Final = Table("jobs", (Column("ID", "id", right=True), Column("Name", "name"), Column("Status", "status")))


@command
def reset_status(
    session: Session,
    job_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[JOB_IDS...]", help="Ids of jobs; or choose them by an option.")
    ] = None,
    *,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="STATUS,STATUS", help="Those with one of these statuses, for example failed."),
    ] = None,
    return_code: Annotated[
        int | None, typer.Option("--return-code", metavar="N", help="Those whose last attempt ended with this code.")
    ] = None,
    workflow_id: Annotated[
        int | None, typer.Option("--workflow-id", help="Of this workflow; your only one when left out.")
    ] = None,
    reinit: Annotated[bool, typer.Option("--reinit", help="Decide at once which of them are ready.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print which jobs would be reset.")] = False,
    no_prompts: Annotated[bool, typer.Option("--no-prompts", "--force", help="Do not ask.")] = False,
) -> None:
    """Reset chosen jobs, and what depends on them, to uninitialized, within their run.

    For example: `torc jobs reset-status --return-code 137 --workflow-id 3 --dry-run`.
    """
    if not job_ids and status is None and return_code is None:
        raise InvalidInputError("no job was chosen", hint="name ids, or --status failed, or --return-code 137")
    if job_ids and not (status is None and return_code is None):
        raise InvalidInputError("ids and --status or --return-code choose jobs in two ways", hint="use one of them")
    if job_ids:
        jobs = [session.client.jobs.get(job_id) for job_id in dict.fromkeys(job_ids)]
    else:
        jobs = _matching(session, session.workflow_id(workflow_id), _statuses(status), return_code)
    if dry_run:
        session.out.records(JOBS, jobs)
        return
    if not job_ids and not session.agrees(f"Reset {number(len(jobs), 'job')}?", without_asking=no_prompts):
        session.out.note("Nothing was changed.")
        return
    _reset(session, jobs, reinit=reinit)


def _statuses(text: str | None) -> list[JobStatus]:
    """Return the statuses. Raises InvalidInputError for a word that is none."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    known = [each.value for each in JobStatus]
    for word in words:
        if word not in known:
            raise InvalidInputError(f"--status: {word!r} is no status", hint=f"use one of {', '.join(known)}")
    if text is not None and not words:
        raise InvalidInputError("--status names no status", hint="for example --status failed,terminated")
    return [JobStatus(word) for word in words]


def _matching(
    session: Session, workflow_id: int, statuses: "Sequence[JobStatus]", return_code: int | None
) -> "list[JobModel]":
    """Return the jobs that every option chooses. Raises NotFoundError when there is none."""
    jobs = session.client.jobs.list_all(workflow_id=workflow_id)
    if statuses:
        jobs = [job for job in jobs if job.status in statuses]
    if return_code is not None:
        results = session.client.results.list_all(workflow_id=workflow_id)
        ended = {result.job_id for result in results if result.return_code == return_code}
        jobs = [job for job in jobs if job.id in ended]
    if not jobs:
        raise NotFoundError(
            f"no job of workflow {workflow_id} was chosen", hint=Hint("see `{}`", torc("jobs list", workflow_id))
        )
    return jobs


def _reset(session: Session, jobs: "Sequence[JobModel]", *, reinit: bool) -> None:
    """Reset them; what depends on them is reset with them, and decided anew when the workflow is reinitialized."""
    client = session.client
    workflows = {job.workflow_id: client.workflows.get(job.workflow_id) for job in jobs}
    for workflow_id, workflow in workflows.items():
        own = [job.id or 0 for job in jobs if job.workflow_id == workflow_id]
        client.reset_jobs(workflow_id, own, run_id=workflow.run_id or 0)
    if reinit:
        for workflow_id in workflows:
            client.initialize_jobs(workflow_id, only_uninitialized=True)
    steps = Hint.joined(", ", [Hint("{}", torc("reinit", workflow_id)) for workflow_id in workflows])
    after = "decided anew" if reinit else Hint("uninitialized; next: {}", steps)
    session.out.done(
        Hint("Reset {}: {}", number(len(jobs), "job"), after),
        {"job_ids": [job.id for job in jobs], "workflow_ids": list(workflows), "reinitialized": reinit},
    )
