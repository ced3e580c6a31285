"""Actions for allocations of a group of jobs, some of which are ready and some of which may never be."""

from typing import Final

from torc_core.api.actions import partial_count
from torc_server.db.queries.jobs import triggers as queries
from torc_server.db.queries.records.actions import ACTIONS, insert_gates
from torc_server.db.unit_of_work import UnitOfWork

_COPIED: Final = ("workflow_id", "trigger_type", "action_type", "persistent", "retry")


def make_partly_ready_due(uow: UnitOfWork, workflow_id: int, *, may_lack_nodes: bool = True) -> None:
    """Make actions due that ask for allocations of ready jobs and wait for jobs that do not become ready by themselves.

    These are canceled, or wait behind a failure that waits for a decision. Where nothing runs and no nodes will come,
    any other job is like them: without allocations nothing would ever make it ready. Each such action is followed by
    another one, for the jobs that it does not wait for any more. Without `may_lack_nodes` only canceled jobs and those
    behind a failure count: a workflow that begins has no nodes yet.
    """
    if not queries.has_partly_ready(uow, workflow_id):
        return
    is_without_nodes = may_lack_nodes and queries.is_without_nodes(uow, workflow_id)
    if not is_without_nodes and not queries.may_have_stuck_jobs(uow, workflow_id):
        return  # as nearly always: what follows reads the whole group, and each completion comes here
    for left in queries.leave_out(uow, workflow_id, all_others=is_without_nodes):
        row = ACTIONS.get(uow, left.action_id) or {}
        config = dict(row["action_config"])
        wanted = config.get("num_allocations") or 1
        now = partial_count(wanted, left.counted, left.counted + len(left.job_ids))
        following = ACTIONS.insert(
            uow,
            {
                **{field: row[field] for field in _COPIED},
                "action_config": {**config, "num_allocations": max(1, wanted - now)},
                "trigger_count": 0,
                "required_triggers": len(left.job_ids),
                "executed": False,
                "is_recovery": True,  # the next initialize deletes it, and the whole group gates its action again
            },
        )
        insert_gates(uow, following["id"], left.job_ids)
        data = {"action_id": left.action_id, "following_action_id": following["id"], "ready_jobs": left.counted}
        uow.announce(workflow_id, "action_partly_due", severity="info", data=data)
    uow.touch(workflow_id)
