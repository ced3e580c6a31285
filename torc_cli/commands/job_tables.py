"""Tables of jobs joined with other records: their resource requirements and failure handlers."""

from pydantic import BaseModel

from torc_cli.commands.failure_handlers import describe_rules
from torc_cli.render.base import Column, Table
from torc_cli.session.session import Session
from torc_core.api.jobs import JobModel


class JobNeeds(BaseModel):
    job_id: int | None
    job_name: str
    resource_requirements_id: int | None
    name: str | None = None
    num_cpus: int | None = None
    num_gpus: int | None = None
    num_nodes: int | None = None
    memory: str | None = None
    runtime: str | None = None


class JobHandler(BaseModel):
    job_id: int | None
    job_name: str
    failure_handler_id: int | None
    name: str | None = None
    rules: str | None = None


_JOB = (Column("Job ID", "job_id", right=True), Column("Job", "job_name"))
NEEDS = Table(
    "jobs",
    (
        *_JOB,
        Column("RR ID", "resource_requirements_id", right=True),
        Column("Requirements", "name"),
        Column("CPUs", "num_cpus", right=True),
        Column("GPUs", "num_gpus", right=True),
        Column("Nodes", "num_nodes", right=True),
        Column("Memory", "memory", right=True),
        Column("Runtime", "runtime", right=True),
    ),
)
HANDLERS = Table(
    "jobs",
    (
        *_JOB,
        Column("Handler ID", "failure_handler_id", right=True),
        Column("Handler", "name"),
        Column("Rules", "rules"),
    ),
)


def show_requirements(session: Session, workflow_id: int, job_id: int | None) -> None:
    records = {rr.id: rr for rr in session.client.resource_requirements.list_all(workflow_id=workflow_id)}
    rows = []
    for job in _jobs(session, workflow_id, job_id):
        needs = records.get(job.resource_requirements_id)
        known = needs.model_dump(exclude={"id", "workflow_id"}) if needs else {}
        rows.append(
            JobNeeds(job_id=job.id, job_name=job.name, resource_requirements_id=job.resource_requirements_id, **known)
        )
    session.out.records(NEEDS, rows)


def show_failure_handlers(session: Session, workflow_id: int, job_id: int | None) -> None:
    handlers = {handler.id: handler for handler in session.client.failure_handlers.list_all(workflow_id=workflow_id)}
    rows = []
    for job in _jobs(session, workflow_id, job_id):
        handler = handlers.get(job.failure_handler_id)
        rows.append(
            JobHandler(
                job_id=job.id,
                job_name=job.name,
                failure_handler_id=job.failure_handler_id,
                name=handler.name if handler else None,
                rules=describe_rules(handler) if handler else None,
            )
        )
    session.out.records(HANDLERS, rows)


def _jobs(session: Session, workflow_id: int, job_id: int | None) -> list[JobModel]:
    if job_id is not None:
        return [session.client.jobs.get(job_id)]
    return session.client.jobs.list_all(workflow_id=workflow_id)
