"""The entry point of `torc-slurm-job-runner`: the runner that batch scripts start in an allocation."""

import os
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.main import run_app
from torc_cli.render.text import number
from torc_cli.session.options import GlobalOptions
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from runner.base.settings import RunnerOptions
    from runner.summary import RunSummary

PROGRAM = "torc-slurm-job-runner"
WAIT_FOR_SERVER_S = 300.0
"""An allocation that waited for hours in the queue is not given up because the server is being restarted."""

app = typer.Typer(
    name=PROGRAM,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def run_in_allocation(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server's address.", show_default=False)],
    workflow_id: Annotated[int, typer.Argument(metavar="WORKFLOW_ID", show_default=False)],
    output_dir: Annotated[
        Path, typer.Argument(metavar="OUTPUT_DIR", help="Where logs and results go.", show_default=False)
    ],
    *,
    max_parallel_jobs: Annotated[
        int | None, typer.Option("--max-parallel-jobs", min=1, help="Run at most so many jobs at once.")
    ] = None,
    poll_interval: Annotated[
        float,
        typer.Option("-p", "--poll-interval", min=0.01, help="Ask the server for work at least every so many seconds."),
    ] = 30.0,
    startup_delay: Annotated[
        float,
        typer.Option(
            "--startup-delay-seconds",
            min=0,
            help="Wait so long before asking, so that not all begin at once.",
        ),
    ] = 0.0,
    wait_for_server: Annotated[
        float,
        typer.Option("--wait-for-server", min=0, metavar="SECONDS", help="Wait so long for a server that is away."),
    ] = WAIT_FOR_SERVER_S,
    wait_minutes: Annotated[
        float | None,
        typer.Option(
            "--wait-for-healthy-database-minutes",
            min=0,
            help="Give up when the server is away for so long while jobs run; also a key of the workflow.",
        ),
    ] = None,
    strict_scheduler_match: Annotated[
        bool,
        typer.Option(
            "--strict-scheduler-match", help="Leave jobs of another scheduler alone, also when there are no others."
        ),
    ] = False,
    password: Annotated[
        str | None, typer.Option("--password", help="The server's password; better in TORC_PASSWORD.")
    ] = None,
    tls_ca_cert: Annotated[
        Path | None, typer.Option("--tls-ca-cert", help="Certificates that the server's is checked with.")
    ] = None,
) -> None:
    """Run a workflow's jobs with what this allocation has, until nothing is left or its end is near.

    Exits with 0 when everything is reported, whatever became of the jobs: `torc status` tells that.
    """
    from runner.base.settings import RunnerOptions

    options = RunnerOptions(
        output_dir=output_dir.absolute(),
        max_parallel_jobs=max_parallel_jobs,
        poll_interval_s=poll_interval,
        wait_at_start_s=wait_for_server,
        wait_for_server_s=None if wait_minutes is None else 60 * wait_minutes,
    )
    typed = GlobalOptions(url=url, password=password, tls_ca_cert=tls_ca_cert)
    with Session(typed) as session:
        _require_allocation(workflow_id)
        time.sleep(startup_delay)
        session.load = lambda: import_module("runner.main")
        strict = strict_scheduler_match or session.settings.strict_scheduler_match
        summary = _run(session, workflow_id, replace(options, strict_scheduler_match=strict))
        sys.stderr.write(f"{session.out.text_of(summary.explanation)}: {_what_it_did(summary)}\n")


def _require_allocation(workflow_id: int) -> None:
    from torc_core.slurm.environment import ALLOCATION_VARIABLE, read_allocation

    if read_allocation(os.environ) is None:
        raise InvalidInputError(
            f"{ALLOCATION_VARIABLE} is not set: this is no allocation of Slurm",
            hint=Hint("on a machine of your own: {}", torc("run", workflow_id)),
        )


def _run(session: Session, workflow_id: int, options: "RunnerOptions") -> "RunSummary":
    from runner.main import run_workflow
    from torc_cli.render.run_progress import Counts, Lines
    from torc_core.jobs.status import SUCCESSFUL

    with session.waiting_for_server(options.wait_at_start_s):
        status = session.client.workflow_status(workflow_id)
    counts = Counts(total=status.total_jobs, done=status.jobs_by_status.total(SUCCESSFUL))
    with Lines(counts, spell=session.spelling) as view:
        return run_workflow(session.client, workflow_id, options, progress=view)


def _what_it_did(summary: "RunSummary") -> str:
    amounts = ((summary.completed, "completed"), (summary.failed, "failed"), (summary.terminated, "stopped"))
    ends = ", ".join(f"{amount} {word}" for amount, word in amounts if amount)
    retried = f", {summary.retried} to be tried again" if summary.retried else ""
    return f"{number(summary.started, 'attempt')} started{f', {ends}' if ends else ''}{retried}"


def main() -> None:
    """Exit code 0 when the runner left in order, 1 for errors, 2 for wrong usage."""
    run_app(app, PROGRAM)


if __name__ == "__main__":
    main()
