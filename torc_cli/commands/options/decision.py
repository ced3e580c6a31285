"""The options of commands that decide about failed jobs: who decides, why, and what follows."""

from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from torc_core.api.failures import Actor

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the decision.")]
MemoryOption = Annotated[
    str | None, typer.Option("--memory", metavar="16g", help="Give the retried jobs this memory from now on.")
]
RuntimeOption = Annotated[
    str | None, typer.Option("--runtime", metavar="PT4H", help="Give the retried jobs this runtime from now on.")
]

_LONGEST_REASON = 2000


def deciding_person(session: Session) -> "Actor":
    """Return the user as the one who decides."""
    from torc_core.api.failures import Actor

    return Actor(kind="person", name=session.settings.user, user=session.settings.user)


def check_reason(reason: str) -> str:
    """Return the reason. Raises InvalidInputError for an empty one and for one that is too long."""
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InvalidInputError(
            f"--reason needs 1 to {_LONGEST_REASON} characters", hint="state why; it is kept with the decision"
        )
    return reason


def how_to_run(workflow_id: int) -> Hint:
    """Return how retried jobs get a runner."""
    return Hint("A runner that is at work takes them; else: {}", torc("run", workflow_id))


def note_due_actions(session: Session, workflow_id: int) -> None:
    """Print the actions that are due after a decision, which may have ended the workflow without a runner."""
    from torc_client.actions import describe_action, open_actions

    due = [describe_action(action) for action in open_actions(session.client, workflow_id) if action.state == "pending"]
    if due:
        text = f"Due now: {', '.join(due)}. A runner that is at work carries them out; else: {{}}"
        session.out.note(Hint(text, torc("run", workflow_id)))
