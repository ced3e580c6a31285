"""`torc run`: create if a file is given, initialize if need be, and run on this machine to the end."""

import os
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.create import NoMonitoringOption, read_draft
from torc_cli.commands.options.ai import AiChoices, agent_for
from torc_cli.commands.options.recovery import MaxRetriesOption, OutputDirOption, RecoveryChoices, recovery_tools
from torc_cli.commands.run_rounds import FORCE_OPTION, make_ready_and_run
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.api.actions import SCHEDULE_NODES
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.recovery.defaults import MAX_RETRIES
from torc_core.slurm.environment import ALLOCATION_VARIABLE

if TYPE_CHECKING:
    from runner.base.settings import RunnerOptions
    from torc_core.api.drafts import WorkflowDraft
    from torc_core.recovery.plan import RecoverOptions

_PANEL = "What the runner may use"
_RECOVERY = RecoveryChoices()
_AI = AiChoices()
WAIT_FOR_SERVER_S = 30.0
"""A server that is restarted is back by then; who mistyped its address does not wait for long."""
_RECOVERY_PATIENCE_S = 60.0
"""So long the server may be away while jobs are recovered between two runs."""


class JobTokenChoice(StrEnum):
    """The token that jobs get."""

    RUN = "run"
    NONE = "none"
    FULL = "full"


@command
def run(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|WORKFLOW_ID", help="A workflow file, or the id of a workflow.", show_default=False
        ),
    ],
    *,
    max_parallel_jobs: Annotated[
        int | None,
        typer.Option("--max-parallel-jobs", min=1, help="Run at most so many jobs at once, whatever they need."),
    ] = None,
    num_cpus: Annotated[
        int | None, typer.Option("--num-cpus", min=1, help="Use at most so many CPUs.", rich_help_panel=_PANEL)
    ] = None,
    memory_gb: Annotated[
        float | None,
        typer.Option("--memory-gb", min=0.001, help="Use at most so many gigabytes.", rich_help_panel=_PANEL),
    ] = None,
    num_gpus: Annotated[
        int | None, typer.Option("--num-gpus", min=0, help="Use at most so many GPUs.", rich_help_panel=_PANEL)
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(
            "--time-limit", metavar="ISO8601", help="Leave after this time, for example PT4H.", rich_help_panel=_PANEL
        ),
    ] = None,
    end_time: Annotated[
        str | None,
        typer.Option(
            "--end-time",
            metavar="RFC3339",
            help="Leave at this moment, for example 2030-01-31T18:00:00Z.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="Take jobs that have this label, too; repeat it, or write several with commas."),
    ] = None,
    strict_scheduler_match: Annotated[
        bool,
        typer.Option(
            "--strict-scheduler-match", help="Leave jobs of another scheduler alone, also when there are no others."
        ),
    ] = False,
    persistent: Annotated[
        bool,
        typer.Option(
            "--persistent", help="Stay while jobs are left, also those that wait for a decision or a recovery."
        ),
    ] = False,
    output_dir: OutputDirOption = None,
    poll_interval: Annotated[
        float,
        typer.Option("-p", "--poll-interval", min=0.01, help="Ask the server for work at least every so many seconds."),
    ] = 5.0,
    skip_checks: Annotated[bool, typer.Option(FORCE_OPTION, help="Run although input files are missing.")] = False,
    no_resource_monitoring: NoMonitoringOption = False,
    wait_for_server: Annotated[
        float,
        typer.Option(
            "--wait-for-server",
            min=0,
            metavar="SECONDS",
            help="Wait so long for a server that is away or fails, at the start and at the end.",
        ),
    ] = WAIT_FOR_SERVER_S,
    job_token: Annotated[
        JobTokenChoice | None,
        typer.Option(
            "--job-token",
            help="The token that jobs get: of their run, none, or your own with all its rights.",
            show_default=False,
        ),
    ] = None,
    recover: Annotated[
        bool,
        typer.Option("--recover", help="Recover failed jobs and run again.", rich_help_panel="Recovery"),
    ] = False,
    max_retries: MaxRetriesOption = MAX_RETRIES,
    recovery: RecoveryChoices = _RECOVERY,
    ai: AiChoices = _AI,
) -> None:
    """Run a workflow on this machine, from a file or by its id.

    For example: `torc -s run diamond.yaml --recover`.
    """
    from runner.base.settings import RunnerOptions

    session.load = load_runner
    recovers = recover or ai.ai_recovery
    if max_retries != MAX_RETRIES and not recovers:
        raise InvalidInputError("--max-retries does nothing without --recover", hint="add --recover")
    if recovers or (recovery, ai) != (_RECOVERY, _AI):
        # options that the user typed are checked, used or not; what no option asks for is not even loaded
        choices = recovery.as_options()
        tools = recovery_tools(session, recovery, output_dir=output_dir, recovers=recovers)
        tools = replace(tools, ask_agent=agent_for(session, ai, recovery, say=tools.say))
    options = RunnerOptions(
        output_dir=output_dir or Path(session.settings.output_dir),
        num_cpus=num_cpus,
        memory_gb=memory_gb,
        num_gpus=num_gpus,
        max_parallel_jobs=max_parallel_jobs,
        labels=_labels(label),
        is_persistent=persistent,
        strict_scheduler_match=strict_scheduler_match or session.settings.strict_scheduler_match,
        time_limit_s=seconds_of(time_limit),
        end_time=_moment(end_time),
        poll_interval_s=poll_interval,
        wait_at_start_s=wait_for_server,
        job_token=job_token.value if job_token else session.settings.job_token,
        # a server that ends with this command is gone when allocations begin
        submits_allocations=not session.options.standalone,
    )
    if recovers:
        choices = _within_the_machine(choices, options)
    if is_spec_file(what):
        draft = read_draft(session, Path(what), resource_monitoring=not no_resource_monitoring)
        _note_allocations(session, what, draft)
        with session.waiting_for_server(wait_for_server):
            workflow_id = create_workflow(session, draft, options, force=skip_checks)
    else:
        workflow_id = int(what)
    if not recovers:
        from torc_cli.commands.run_again import RecoveryByOthers

        make_ready_and_run(session, workflow_id, options, RecoveryByOthers(session=session), force=skip_checks)
        return
    from torc_client.recovery.bounded_recovery import BoundedRecovery

    with session.connect() as client, client.transport.waiting(_RECOVERY_PATIENCE_S):
        own = BoundedRecovery(client=client, options=choices, tools=tools, max_retries=max_retries)
        own.brings_more(client.workflow_status(workflow_id))
        make_ready_and_run(session, workflow_id, options, own, force=skip_checks)


def _note_allocations(session: Session, file: str, draft: "WorkflowDraft") -> None:
    """Print which allocations of the file this command asks for, and how to get the others."""
    actions = sum(action.action_type == SCHEDULE_NODES for action in draft.actions)
    if not (draft.slurm_schedulers or actions) or ALLOCATION_VARIABLE in os.environ:
        return
    from torc_client.slurm.cluster import find_cluster

    if not actions:
        text = "{} names Slurm schedulers, and no schedule_nodes action: its jobs run on this machine, and nothing is "
        note = Hint(text + "asked of Slurm. {} plans allocations for them.", file, torc("submit-slurm", file))
    elif find_cluster(os.environ) is None:
        text = "{} asks for Slurm allocations, and Slurm's programs are not on this machine: its jobs run here, and no "
        note = Hint(text + "allocation is submitted. On a machine of the cluster, {} does.", file, torc("submit", file))
    else:
        text = "{} asks for Slurm allocations: its jobs run on this machine, too, and allocations are submitted when "
        note = Hint(text + "their actions are due. To run nothing here, type {}.", file, torc("submit", file))
    session.out.note(note)


def _within_the_machine(choices: "RecoverOptions", options: "RunnerOptions") -> "RecoverOptions":
    """Return the options with no more memory for a job than this runner has: nothing would run it."""
    from runner.base.settings import detect_machine

    most = detect_machine(options).memory_bytes
    capped = most if choices.max_memory_bytes is None else min(most, choices.max_memory_bytes)
    return choices.model_copy(update={"max_memory_bytes": capped})


def load_runner() -> None:
    """Import what a run needs, which takes a while: to be done while the embedded server starts."""
    for module in (
        "runner.main",
        "torc_client.runs.begin_run",
        "torc_cli.commands.run_again",
        "torc_cli.render.run_report",
    ):
        import_module(module)


def is_spec_file(what: str) -> bool:
    """Return whether it is a file: a number is an id, `-` and all that exists or looks like a workflow file is one.

    Raises InvalidInputError for what is neither.
    """
    from torc_client.specs import SPEC_SUFFIXES, STDIN

    if what.isascii() and what.isdigit():
        return False
    path = Path(what)
    if path == STDIN or path.suffix.lower() in SPEC_SUFFIXES or path.exists():
        return True
    raise InvalidInputError(
        f"{what!r} is neither a workflow file nor a workflow id",
        hint=Hint("see `{}` for ids", torc("workflows list")),
    )


def create_workflow(session: Session, draft: "WorkflowDraft", options: "RunnerOptions", *, force: bool) -> int:
    """Create the workflow and return its id. Nothing is created that could not run here."""
    from runner.base.paths import create_output_dir
    from torc_client.runs.begin_run import refuse_missing_files
    from torc_client.specs import existing_output_files, file_warnings, missing_input_files

    if not force:
        name = f"workflow {draft.workflow.name!r}"
        refuse_missing_files(name, missing_input_files(draft), force_option=FORCE_OPTION)
        for line in file_warnings([], existing_output_files(draft, Path.cwd())):
            session.out.note(f"Warning: {line}.")
    create_output_dir(options.output_dir)
    created = session.client.create_from_draft(draft)
    workflow_id = created.workflow.id or 0
    session.out.announce(f"Created workflow {workflow_id} with {number(created.job_count, 'job')}")
    return workflow_id


def _labels(given: list[str] | None) -> tuple[str, ...]:
    """Return the labels. Raises InvalidInputError for what is no label."""
    from torc_core.api.labels import labels_of_text

    try:
        return tuple(sorted({label for text in given or () for label in labels_of_text(text)}))
    except ValueError as error:
        raise InvalidInputError(f"--label: {error}") from error


def seconds_of(text: str | None) -> float | None:
    """Return the seconds of an ISO 8601 duration."""
    from torc_core.resources.duration import parse_duration

    return None if text is None else parse_duration(text)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"--end-time {text!r} is no point in time", hint="write it like 2030-01-31T18:00:00Z"
        ) from error
