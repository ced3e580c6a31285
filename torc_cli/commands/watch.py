"""`torc watch`: follow a workflow to its end, and recover it on the way."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.options.ai import AiChoices, agent_for
from torc_cli.commands.options.left_allocations import NewAllocationChoices
from torc_cli.commands.options.recovery import MaxRetriesOption, OutputDirOption, RecoveryChoices, recovery_tools, sayer
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.pages import offer_review
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.jobs.status import AWAITING_DECISION
from torc_core.recovery.auto_schedule import COOLDOWN_S, RETRY_WAIT_TIMEOUT_S, THRESHOLD
from torc_core.recovery.defaults import MAX_RETRIES, POLL_S, WATCH_RUNTIME_MULTIPLIER

if TYPE_CHECKING:
    from torc_client.http import TorcClient
    from torc_client.recovery.watch import Alarm
    from torc_core.api.workflows import WorkflowStatusModel
    from torc_core.hints import Say

_LAST_RUNNER_S = 60.0
"""So long the runner of the last job may take to carry out what is due at the end."""
_LOOK_AGAIN_S = 1.0
_PATIENCE_S = 1200.0
"""The seconds that the server may be away."""
_SCHEDULING = "Auto-scheduling"
_RECOVERY = RecoveryChoices(runtime_multiplier=WATCH_RUNTIME_MULTIPLIER, foresight=True)
_AI = AiChoices()
_NEW_ALLOCATIONS = NewAllocationChoices()


@command
def watch(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    recover: Annotated[bool, typer.Option("-r", "--recover", help="Recover failed jobs automatically.")] = False,
    max_retries: MaxRetriesOption = MAX_RETRIES,
    recovery: RecoveryChoices = _RECOVERY,
    ai: AiChoices = _AI,
    new_allocations: NewAllocationChoices = _NEW_ALLOCATIONS,
    poll_interval: Annotated[
        float,
        typer.Option("-p", "--poll-interval", min=0.01, help="Look at the workflow at least every so many seconds."),
    ] = POLL_S,
    output_dir: OutputDirOption = None,
    show_job_counts: Annotated[
        bool, typer.Option("-s", "--show-job-counts", help="Print the job counts at every look.")
    ] = False,
    persistent: Annotated[
        bool, typer.Option("--persistent", help="Watch on while jobs are left, also when none can go on by itself.")
    ] = False,
    auto_schedule: Annotated[
        bool,
        typer.Option(
            "--auto-schedule", help="Ask the scheduler for nodes for jobs that have none.", rich_help_panel=_SCHEDULING
        ),
    ] = False,
    auto_schedule_threshold: Annotated[
        int, typer.Option(min=0, help="Ask for nodes once so many retry jobs wait.", rich_help_panel=_SCHEDULING)
    ] = THRESHOLD,
    auto_schedule_cooldown: Annotated[
        float,
        typer.Option(min=0, help="Wait so many seconds between two requests for nodes.", rich_help_panel=_SCHEDULING),
    ] = COOLDOWN_S,
    auto_schedule_stranded_timeout: Annotated[
        float,
        typer.Option(
            min=0, help="Ask for fewer retry jobs, too, after so many seconds; 0: never.", rich_help_panel=_SCHEDULING
        ),
    ] = RETRY_WAIT_TIMEOUT_S,
) -> None:
    """Follow a workflow to its end, and recover it on the way with --recover.

    For example: `torc watch 3 --recover`.
    """
    from torc_cli.render.watch_log import WatchLog
    from torc_client.recovery.event_listener import EventListener
    from torc_client.recovery.watch import WatchOptions
    from torc_client.recovery.watch import watch as watch_workflow
    from torc_core.recovery.auto_schedule import AutoScheduleOptions

    recovers = recover or ai.ai_recovery
    choices = recovery.as_options()
    tools = recovery_tools(session, recovery, output_dir=output_dir, recovers=recovers, submits=True)
    agent_for(session, ai, recovery, say=tools.say)  # an agent that nobody described is refused before anything begins
    chosen = session.workflow_id(workflow_id)
    session.client.workflow_status(chosen)
    if new_allocations != _NEW_ALLOCATIONS and not (recovers or auto_schedule):
        raise InvalidInputError("options of new allocations do nothing without --recover or --auto-schedule")
    tools = replace(tools, allocations=new_allocations.allocations(session, chosen))
    options = WatchOptions(
        poll_interval_s=poll_interval,
        recover=choices if recovers else None,
        max_retries=max_retries,
        show_counts=show_job_counts,
        is_persistent=persistent,
        auto_schedule=AutoScheduleOptions(
            threshold=auto_schedule_threshold,
            cooldown_s=auto_schedule_cooldown,
            retry_wait_timeout_s=auto_schedule_stranded_timeout,
        )
        if auto_schedule
        else None,
    )
    listener = EventListener(session.connect, chosen, recovers=recovers)
    log = WatchLog(tools.output_dir, chosen, say=sayer(session), text_of=session.out.text_of)
    with log, session.connect(patience_s=_PATIENCE_S) as client:
        tools = replace(log.attached_to(tools), ask_agent=agent_for(session, ai, recovery, say=log.say))
        result = watch_workflow(client, chosen, options, tools, alarm=listener)
        _carry_out_actions(client, result.status, output_dir=tools.output_dir, say=log.say, alarm=listener)
    listener.close()
    if session.is_json:
        session.out.record(
            {
                "workflow_id": chosen,
                "success": result.is_success,
                "recoveries": result.recoveries,
                "run_id": result.status.run_id,
                "jobs_by_status": result.status.jobs_by_status.model_dump(),
                "log_file": str(log.path),
            }
        )
    offer_review(session, chosen, waiting=result.status.jobs_by_status.total(AWAITING_DECISION))
    if not result.is_success:
        raise typer.Exit(1)


def _carry_out_actions(
    client: "TorcClient", status: "WorkflowStatusModel", *, output_dir: Path, say: "Say", alarm: "Alarm"
) -> None:
    """Carry out, as a runner, the actions that are due at the end of a workflow and that no runner is there to do."""
    from torc_client.actions import describe_action, open_actions

    workflow_id, deadline = status.workflow_id, time.monotonic() + _LAST_RUNNER_S
    if not (status.is_complete or status.is_canceled):
        return
    while due := open_actions(client, workflow_id, is_canceled=status.is_canceled):
        # the runner of the last job carries them out before it leaves
        if not client.workflow_status(workflow_id).active_compute_nodes or time.monotonic() > deadline:
            break
        alarm.wait(_LOOK_AGAIN_S)
    if not due:
        return
    from runner.base.progress import Notice
    from runner.base.settings import RunnerOptions
    from runner.main import run_workflow

    names = ", ".join(describe_action(action) for action in due)
    say(f"No runner is there for what is due at the end of workflow {workflow_id}: {names}. It is carried out here.")
    run_workflow(
        client,
        workflow_id,
        RunnerOptions(output_dir=output_dir),
        progress=lambda event: say(event.text) if isinstance(event, Notice) else None,
    )
