"""`torc failure-handlers`: rules by exit code."""

import json

import typer

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.options import LimitOption, OffsetOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.failure_handlers import FAILURE_RULES, FailureHandlerModel, FailureRule

app = typer.Typer(no_args_is_help=True, help="Rules that retry failed jobs by exit code.")


def describe_rules(handler: FailureHandlerModel) -> str:
    """Return the rules as text: `10, 11: bash fix.sh, 3 attempts; any: 2 attempts`."""
    return "; ".join(_describe(rule) for rule in FAILURE_RULES.validate_json(handler.rules))


def _describe(rule: FailureRule) -> str:
    codes = "any" if rule.match_all_exit_codes else ", ".join(map(str, rule.exit_codes))
    script = f"{rule.recovery_script}, " if rule.recovery_script else ""
    return f"{codes}: {script}{rule.max_retries} attempts"


HANDLERS = Table(
    "failure handlers",
    (Column("ID", "id", right=True), Column("Name", "name"), Column("Rules", describe_rules)),
)


@app.command("list")
@listing
def list_(
    session: Session, workflow_id: WorkflowArgument = None, *, limit: LimitOption = None, offset: OffsetOption = 0
) -> None:
    """List failure handlers.

    For example: `torc failure-handlers list 3`.
    """
    handlers = session.client.failure_handlers.list_all(workflow_id=session.workflow_id(workflow_id))
    session.out.records(HANDLERS, handlers[offset:][:limit])


@app.command("get")
@command
def get(session: Session, failure_handler_id: int) -> None:
    """Show one failure handler with its rules.

    For example: `torc failure-handlers get 12`.
    """
    handler = session.client.failure_handlers.get(failure_handler_id)
    session.out.record(handler.model_dump(mode="json") | {"rules": json.loads(handler.rules)})
