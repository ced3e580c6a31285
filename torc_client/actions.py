"""Which actions of a workflow are still to be carried out."""

from torc_client.http import TorcClient
from torc_core.api.actions import WorkflowActionModel


def open_actions(client: TorcClient, workflow_id: int) -> list[WorkflowActionModel]:
    """Return the actions with commands that are due, or claimed and not finished; none that every runner repeats."""
    return [
        action
        for action in client.actions(workflow_id)
        if action.action_type == "run_commands" and not action.persistent and action.state in {"pending", "claimed"}
    ]


def describe_action(action: WorkflowActionModel) -> str:
    """Return the action's id and trigger for a message."""
    return f"action {action.id} ({action.trigger_type})"
