"""`torc workflows execution-plan`: in which order the jobs of a file or a workflow become ready."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import BaseModel

from torc_cli.commands.create import read_draft
from torc_cli.commands.run import is_spec_file
from torc_cli.render.base import Column, Table
from torc_cli.render.text import clipped, number
from torc_cli.session.command import command
from torc_cli.session.session import Session

if TYPE_CHECKING:
    from torc_client.execution_plan import ExecutionPlan, PlannedAction

_NAMED: Final = 2
_NAMED_CHARS: Final = 24


class StageRow(BaseModel):
    """Jobs that become ready together, and the actions that belong to them."""

    id: str
    trigger_description: str
    job_count: int
    jobs_becoming_ready: list[str]
    actions: list[str]
    depends_on_events: list[str]
    unlocks_events: list[str]


STAGES = Table(
    "stages",
    (
        Column("Stage", "id"),
        Column("Jobs", "job_count", right=True),
        Column("Ready", lambda row: _first(row.jobs_becoming_ready)),
        Column("After", lambda row: _first(row.depends_on_events) or "the start"),
    ),
)


@command
def execution_plan(
    session: Session,
    what: Annotated[
        str, typer.Argument(metavar="FILE|WORKFLOW_ID", help="A workflow file, or an id.", show_default=False)
    ],
) -> None:
    """Show in which order jobs become ready, in stages, and when actions come due; nothing is created.

    For example: `torc workflows execution-plan study.yaml`.
    """
    from torc_client.execution_plan import plan_draft, plan_workflow

    if is_spec_file(what):
        plan = plan_draft(read_draft(session, Path(what)))
    else:
        plan = plan_workflow(session.client, int(what))
    rows = _rows(plan)
    if not session.is_json:
        session.out.records(STAGES, rows)
    summary = f"{plan.workflow_name}: {number(len(plan.job_names), 'job')} in {number(len(rows), 'stage')}"
    session.out.done(
        [*(f"Action of {row.id}: {action}" for row in rows for action in row.actions), summary],
        {
            "source": "spec" if plan.workflow_id is None else "database",
            "workflow_id": plan.workflow_id,
            "workflow_name": plan.workflow_name,
            "total_jobs": len(plan.job_names),
            "total_events": len(rows),
            "root_events": [row.id for row in rows if not row.depends_on_events],
            "leaf_events": [row.id for row in rows if not row.unlocks_events],
            "events": [row.model_dump() for row in rows],
        },
    )


def _rows(plan: "ExecutionPlan") -> list[StageRow]:
    names = [f"stage_{place}" for place in range(1, len(plan.stages) + 1)]
    return [
        StageRow(
            id=names[place],
            trigger_description=_trigger([names[before] for before in stage.depends_on]),
            job_count=len(stage.jobs),
            jobs_becoming_ready=[plan.job_names[job] for job in stage.jobs],
            actions=[_action(action) for action in plan.actions if action.stage == place],
            depends_on_events=[names[before] for before in stage.depends_on],
            unlocks_events=[names[after] for after in stage.unlocks],
        )
        for place, stage in enumerate(plan.stages)
    ]


def _trigger(before: Sequence[str]) -> str:
    return f"when the jobs that they wait for are done, in {', '.join(before)}" if before else "at the start"


def _action(action: "PlannedAction") -> str:
    if action.action_type == "run_commands":
        what = number(len(action.config.get("commands") or []), "command")
    else:
        what = number(action.config.get("num_allocations") or 1, "allocation")
    return f"{action.trigger_type}: {what}"


def _first(names: Sequence[str]) -> str:
    left_out = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return clipped(", ".join(names[:_NAMED]), _NAMED_CHARS) + left_out
