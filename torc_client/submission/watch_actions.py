"""Fires due `schedule_nodes` actions while a workflow is watched."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from torc_client.http import TorcClient
from torc_client.slurm.cluster import find_cluster
from torc_client.submission.fire import actions_to_fire, fire_due_actions
from torc_client.submission.schedule_nodes import NodeScheduling
from torc_core.errors import SchedulerUnreachableError
from torc_core.hints import Hint, Line, torc

FireActions = Callable[[TorcClient, int, Path], Iterator[Line]]
"""Carries out the due actions of a workflow that ask for allocations; yields a line for each."""


def action_firer(environment: Mapping[str, str]) -> FireActions | None:
    """Return what fires actions on the cluster of this machine; None without one."""
    cluster = find_cluster(environment)
    if cluster is None:
        return None

    def fire(client: TorcClient, workflow_id: int, output_dir: Path) -> Iterator[Line]:
        if not actions_to_fire(client.actions(workflow_id)):
            return
        scheduling = NodeScheduling(
            client=client,
            workflow_id=workflow_id,
            cluster=cluster,
            output_dir=output_dir,
            environment=environment,
        )
        try:
            for fired in fire_due_actions(scheduling):
                action_id = fired.action.id or 0
                if fired.submitted is not None:
                    ids = ", ".join(str(record.scheduler_id) for record in fired.submitted.records)
                    yield f"Action {action_id}: submitted {fired.submitted.allocation_count} allocation(s): {ids}"
                elif fired.error is not None:
                    again = torc("submit", workflow_id)
                    yield Hint("Action {} failed: {}. Correct it, then: {}", action_id, fired.error.message, again)
        except SchedulerUnreachableError as error:
            yield f"Allocations are not submitted yet: {error.message}. Trying again at the next look."

    return fire
