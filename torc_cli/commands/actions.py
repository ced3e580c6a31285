"""`torc actions`: what a workflow's actions are, how they ended, what they printed; also below `torc workflows`."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from torc_cli.commands.crud import changes, parse_json, show_changed
from torc_cli.commands.options.recovery import OutputDirOption
from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.actions import RUN_COMMANDS, WorkflowActionModel
from torc_core.api.nodes import ComputeNodeModel
from torc_core.errors import InvalidInputError, NotFoundError
from torc_core.hints import Hint, torc
from torc_core.resources.duration import describe_duration

if TYPE_CHECKING:
    from torc_client.actions import ActionLog

app = typer.Typer(no_args_is_help=True, help="Commands and allocations that triggers set off, and how they ended.")

ActionArgument = Annotated[int, typer.Argument(help="Id of the action.", show_default=False)]


def _progress(action: WorkflowActionModel) -> str:
    return f"{action.trigger_count or 0}/{action.required_triggers or 1}"


def _state_text(runners: Mapping[int, ComputeNodeModel]) -> Callable[[WorkflowActionModel], str]:
    """Return the column of states; a claim shows whether its runner is heard."""
    from torc_client.submission.fire import read_holder

    def state(action: WorkflowActionModel) -> str:
        match action.state:
            case "claimed" if (holder := read_holder(action.claim)) is not None:
                return f"Claimed by {holder}"
            case "claimed":
                return f"Claimed by runner {action.executed_by}{_silence(runners.get(action.executed_by or 0))}"
            case "failed":
                return f"Failed: {action.failure}" if action.failure else "Failed"
            case "unknown":
                return "Unknown: its runner is gone, and retry is false"
            case "executed":
                return "Executed"
            case "pending" if action.persistent:
                return "Pending (each runner claims it)"
            case "pending":
                return "Pending (ready to claim)"
            case _:
                return "Waiting"

    return state


def _silence(runner: ComputeNodeModel | None) -> str:
    from torc_core.recovery.orphans import HEARTBEAT_TIMEOUT_S

    if runner is None or runner.is_active is False:
        return ", which is gone"
    silent_s = runner.heartbeat_age_s
    if silent_s is None or silent_s < HEARTBEAT_TIMEOUT_S:
        return ""
    return f", silent for {describe_duration(silent_s)}"


def _table(runners: Mapping[int, ComputeNodeModel]) -> Table:
    return Table(
        "actions",
        (
            Column("ID", "id", right=True),
            Column("Trigger", "trigger_type"),
            Column("Action", "action_type"),
            Column("Progress", _progress, right=True),
            Column("Status", _state_text(runners)),
            Column("Executed At", "executed_at", time=True, gives_way=True),
            Column("Exit Code", "return_code", right=True, gives_way=True),
            Column("Log", "log", gives_way=True),
            Column("Job IDs", lambda action: ", ".join(map(str, action.job_ids or ())), gives_way=True),
        ),
    )


@app.command("list")
@listing
def list_actions(session: Session, workflow_id: WorkflowArgument = None) -> None:
    """List a workflow's actions with the progress of their triggers.

    For example: `torc workflows list-actions 3`.
    """
    chosen = session.workflow_id(workflow_id)
    actions = session.client.actions(chosen)
    holders = {action.executed_by for action in actions if action.state == "claimed"}
    runners: dict[int, ComputeNodeModel] = {}
    if holders:
        nodes = session.client.compute_nodes.list_all(workflow_id=chosen)
        runners = {node.id or 0: node for node in nodes if node.id in holders}
    session.out.records(_table(runners), actions)


@app.command("logs")
@command
def logs(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    action: Annotated[
        int | None, typer.Option("--action", help="Show this action; those that failed, or else all, when left out.")
    ] = None,
    tail: Annotated[int | None, typer.Option("--tail", min=1, help="Show only so many last lines of each.")] = None,
    output_dir: OutputDirOption = None,
) -> None:
    """Show what the commands of a workflow's actions printed.

    For example: `torc actions logs 3 --action 2`.
    """
    from torc_client.actions import read_action_logs
    from torc_client.logs.attempt_logs import output_dirs_here

    chosen = session.workflow_id(workflow_id)
    actions = [each for each in session.client.actions(chosen) if each.action_type == RUN_COMMANDS]
    if action is not None:
        actions = [_chosen(actions, chosen, action)]
    elif failed := [each for each in actions if each.state == "failed"]:
        actions = failed
    nodes = session.client.compute_nodes.list_all(workflow_id=chosen)
    here = output_dirs_here(nodes, hostname=socket.gethostname())
    folders = [output_dir] if output_dir else [*here, Path(session.settings.output_dir)]
    found = [log for each in actions for log in read_action_logs(folders, chosen, each.id or 0, lines=tail)]
    if not found:
        raise NotFoundError(
            f"no logs of actions of workflow {chosen} below {', '.join(str(folder) for folder in folders)}",
            hint="name the runner's output directory with -o, on the machine where it ran",
        )
    session.out.done(_log_lines(found), {"workflow_id": chosen, "logs": [_log_data(log) for log in found]})


@app.command("rerun")
@command
def rerun(session: Session, workflow_id: int, action_id: ActionArgument) -> None:
    """Make an action due again that failed, was carried out, or was claimed by a runner that is gone.

    For example: `torc actions rerun 3 2`, then `torc run 3`.
    """
    from torc_client.processes import host_facts
    from torc_client.recovery.orphans import find_orphans, reclaim

    action = _chosen(session.client.actions(workflow_id), workflow_id, action_id)
    if action.state == "claimed":
        # a runner whose process is gone still counts as active until somebody looks: its action would be refused
        plan = find_orphans(session.client, workflow_id, host=host_facts())
        if not plan.is_empty:
            reclaim(session.client, plan, requeue=True)
            action = _chosen(session.client.actions(workflow_id), workflow_id, action_id)
    if action.state != "pending" or action.persistent:
        action = session.client.rerun_action(workflow_id, action_id)
    run = torc("run", workflow_id)
    session.out.done(Hint("Action {} is due; a runner carries it out: {}", action_id, run), action)


@app.command("update")
@command
def update_action(
    session: Session,
    workflow_id: int,
    action_id: ActionArgument,
    *,
    scheduler_id: Annotated[int | None, typer.Option("--scheduler-id", help="Id of the Slurm scheduler.")] = None,
    scheduler_type: Annotated[str | None, typer.Option("--scheduler-type", help="Kind of scheduler.")] = None,
    num_allocations: Annotated[
        int | None, typer.Option("--num-allocations", min=1, help="Allocations to ask for.")
    ] = None,
    start_one_worker_per_node: Annotated[
        bool | None,
        typer.Option("--start-one-worker-per-node/--one-worker", help="One runner on each node, or one in all."),
    ] = None,
    max_parallel_jobs: Annotated[
        int | None, typer.Option("--max-parallel-jobs", min=1, help="Bound on the jobs of each runner.")
    ] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="JSON", help="Replace the whole configuration with this object.")
    ] = None,
) -> None:
    """Change an action's configuration.

    For example: `torc workflows update-action 3 2 --num-allocations 4`.
    """
    action = _chosen(session.client.actions(workflow_id), workflow_id, action_id)
    config: Any = dict(action.action_config)
    if json is not None:
        config = parse_json(json, what="--json")
        if not isinstance(config, dict):
            raise InvalidInputError("--json is no JSON object", hint='write \'{"commands": ["date"]}\'')
    options = {
        "scheduler_id": scheduler_id,
        "scheduler_type": scheduler_type,
        "num_allocations": num_allocations,
        "start_one_worker_per_node": start_one_worker_per_node,
        "max_parallel_jobs": max_parallel_jobs,
    }
    config |= {key: value for key, value in options.items() if value is not None}
    changes(json=json, **options)
    changed = session.client.update_action(action.model_copy(update={"action_config": config}))
    show_changed(session, changed, verb="Updated", noun="action")


@app.command("delete")
@command
def delete_action(
    session: Session,
    workflow_id: int,
    action_id: ActionArgument,
    *,
    no_prompts: Annotated[bool, typer.Option("--no-prompts", help="Do not ask.")] = False,
) -> None:
    """Delete an action.

    For example: `torc workflows delete-action 3 2`.
    """
    action = _chosen(session.client.actions(workflow_id), workflow_id, action_id)
    question = f"Delete action {action_id} ({action.trigger_type}, {action.action_type}) of workflow {workflow_id}?"
    if not session.agrees(question, without_asking=no_prompts, needs_yes=True):
        session.out.note("Nothing was deleted.")
        return
    deleted = session.client.delete_action(workflow_id, action_id)
    show_changed(session, deleted, verb="Deleted", noun="action")


def _chosen(actions: list[WorkflowActionModel], workflow_id: int, action_id: int) -> WorkflowActionModel:
    for action in actions:
        if action.id == action_id:
            return action
    raise NotFoundError(
        f"workflow {workflow_id} has no action {action_id}",
        hint=Hint("`{}` shows its actions", torc("workflows list-actions", workflow_id)),
        ids={"workflow_id": workflow_id, "action_id": action_id},
    )


def _log_lines(logs: list["ActionLog"]) -> list[str]:
    lines: list[str] = []
    for log in logs:
        cut = " (only its end is shown)" if log.tail.is_cut else ""
        lines.append(f"action {log.action_id}, run {log.run_id}, command {log.number}: {log.tail.path}{cut}")
        lines.append(log.tail.text.rstrip("\n"))
    return lines


def _log_data(log: "ActionLog") -> dict[str, object]:
    return {
        "action_id": log.action_id,
        "run_id": log.run_id,
        "command": log.number,
        "path": str(log.tail.path),
        "text": log.tail.text,
        "is_cut": log.tail.is_cut,
    }
