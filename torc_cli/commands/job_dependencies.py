"""`torc job-dependencies`: who waits for whom, and through what."""

import typer

from torc_cli.render.base import Column, Table
from torc_cli.session.command import listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session

app = typer.Typer(no_args_is_help=True, help="Who waits for whom, and through what.")

JOB_JOB = Table(
    "dependencies",
    (
        Column("Job ID", "job_id", right=True),
        Column("Job", "job_name"),
        Column("Depends On ID", "depends_on_job_id", right=True),
        Column("Depends On", "depends_on_job_name"),
    ),
)
_ENDS = (
    Column("Producer ID", "producer_job_id", right=True),
    Column("Producer", "producer_job_name"),
    Column("Consumer ID", "consumer_job_id", right=True),
    Column("Consumer", "consumer_job_name"),
)
JOB_FILE = Table(
    "relationships",
    (Column("File ID", "file_id", right=True), Column("File", "file_name"), Column("Path", "file_path"), *_ENDS),
)
JOB_USER_DATA = Table(
    "relationships", (Column("User Data ID", "user_data_id", right=True), Column("User Data", "user_data_name"), *_ENDS)
)


@app.command("job-job")
@listing
def job_job(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List which job waits for which.

    For example: `torc job-dependencies job-job 3`.
    """
    session.out.records(JOB_JOB, session.client.job_dependencies(session.workflow_id(workflow_id)))


@app.command("job-file")
@listing
def job_file(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List which job writes and which reads each file.

    For example: `torc job-dependencies job-file 3`.
    """
    session.out.records(JOB_FILE, session.client.job_file_relationships(session.workflow_id(workflow_id)))


@app.command("job-user-data")
@listing
def job_user_data(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List which job writes and which reads each value.

    For example: `torc job-dependencies job-user-data 3`.
    """
    session.out.records(JOB_USER_DATA, session.client.job_user_data_relationships(session.workflow_id(workflow_id)))
