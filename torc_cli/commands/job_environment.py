"""`torc jobs env`: the environment that a job gets, and where each variable comes from."""

from pathlib import Path

from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.session.command import listing
from torc_cli.session.session import Session


class JobVariable(BaseModel):
    """One variable; `source` is the workflow, the job, or Torc itself. A secret stands as its reference."""

    name: str
    value: str
    source: str


VARIABLES = Table(
    "variables", (Column("Name", "name"), Column("Value", "value"), Column("From", "source", gives_way=True))
)


@listing
def env(session: Session, job_id: int) -> None:
    """List the variables that a job gets beside those of its runner: the job's own go before the workflow's.

    For example: `torc jobs env 7`.
    """
    job = session.client.jobs.get(job_id)
    workflow = session.client.workflows.get(job.workflow_id)
    own = {
        "TORC_WORKFLOW_ID": job.workflow_id,
        "TORC_RUN_ID": workflow.run_id,
        "TORC_JOB_ID": job_id,
        "TORC_JOB_NAME": job.name,
        "TORC_ATTEMPT_ID": job.attempt_id or 1,
        "TORC_API_URL": session.client.url,
        "TORC_OUTPUT_DIR": Path(session.settings.output_dir).absolute(),
    }
    found: dict[str, JobVariable] = {}
    for source, variables in (("workflow", workflow.env or {}), ("job", job.env or {}), ("torc", own)):
        for name, value in variables.items():
            found[name] = JobVariable(name=name, value=str(value), source=source)
    session.out.records(VARIABLES, [found[name] for name in sorted(found)])
