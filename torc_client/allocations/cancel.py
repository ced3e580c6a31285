"""Cancels the allocations that a workflow has, queued or running, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torc_client.http import TorcClient
from torc_client.recovery.allocations import SUBMITTING, bears_key, open_allocations, settle_intents
from torc_client.slurm.port import Scheduler
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.errors import SchedulerError
from torc_core.slurm.allocation import AllocationStatus, Phase

CANCELED = "canceled"


@dataclass(kw_only=True)
class CanceledAllocations:
    """The scheduler's ids of those that were canceled, and a sentence for each that was not and may still be there."""

    scheduler_ids: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def cancel_allocations(client: TorcClient, workflow_id: int, scheduler: Scheduler | None) -> CanceledAllocations:
    """Cancel the allocations that this server has recorded for the workflow and whose name at the scheduler says so.

    A submission that was interrupted is looked up first, so that none is left behind. Never raises SchedulerError: what
    could not be done is in `errors`.
    """
    done = CanceledAllocations()
    intents = client.scheduled_compute_nodes.list_all(workflow_id=workflow_id, status=SUBMITTING)
    if not intents and not open_allocations(client, workflow_id):
        return done
    if scheduler is None:
        ids = [each.scheduler_id for each in open_allocations(client, workflow_id)]
        done.errors.append(_not_here(ids, "Slurm's programs are not on this machine"))
        return done
    try:
        _cancel(client, workflow_id, scheduler, done)
    except SchedulerError as error:
        ids = [each.scheduler_id for each in open_allocations(client, workflow_id)]
        done.errors.append(_not_here(ids, f"Slurm could not be asked ({error.message})"))
    return done


def _cancel(client: TorcClient, workflow_id: int, scheduler: Scheduler, done: CanceledAllocations) -> None:
    here = scheduler.name()
    settle_intents(client, workflow_id, scheduler)
    recorded = [each for each in open_allocations(client, workflow_id) if each.scheduler_id > 0]
    for cluster in sorted({each.cluster for each in recorded if each.cluster not in (None, here)} - {None}, key=str):
        ids = [each.scheduler_id for each in recorded if each.cluster == cluster]
        done.errors.append(_not_here(ids, f"they are of the cluster {cluster}"))
    own = [each for each in recorded if each.cluster in (None, here)]
    if not own:
        return
    workflow = client.workflows.get(workflow_id)
    rows = [row for row in scheduler.queue([each.scheduler_id for each in own]) if row.phase is not Phase.ENDED]
    # An id may be another user's allocation by now, or that of a cluster of the same name: the name bears our key.
    foreign = [row for row in rows if not bears_key(row.name, workflow)]
    done.errors += [
        f"allocation {row.scheduler_id} is called {row.name} at the scheduler, not as this server names its own: "
        "it was left alone"
        for row in foreign
    ]
    named = _ids([row for row in rows if bears_key(row.name, workflow)])
    chosen = [each for each in own if each.scheduler_id in named]
    if not chosen:
        return
    scheduler.cancel([each.scheduler_id for each in chosen])
    done.scheduler_ids += sorted({each.scheduler_id for each in chosen})
    _record(client, chosen)


def _record(client: TorcClient, canceled: Sequence[ScheduledComputeNodeModel]) -> None:
    for each in canceled:
        client.scheduled_compute_nodes.update(each.id or 0, each.model_copy(update={"status": CANCELED}))


def _ids(rows: Sequence[AllocationStatus]) -> set[int | None]:
    return {row.scheduler_id for row in rows} | {row.array_job_id for row in rows}


def _not_here(ids: Sequence[int], why: str) -> str:
    shown = " ".join(map(str, sorted(ids)))
    todo = f"scancel {shown}" if ids else "torc cancel again there"
    return f"allocations were not canceled, as {why}: on a machine of the cluster, `{todo}` does it"
