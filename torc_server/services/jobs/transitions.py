"""The one writer of a job's status. Every guard is derived from the lifecycle table."""

from collections.abc import Collection

from torc_core.jobs.lifecycle import Event, sources, target
from torc_core.jobs.status import DONE
from torc_server.db.queries.jobs import transitions as queries
from torc_server.db.unit_of_work import UnitOfWork


def apply_event(uow: UnitOfWork, event: Event, job_ids: Collection[int], *, owner: int | None = None) -> list[int]:
    """Lets `event` happen to those of the jobs to which it may happen now; returns their ids.

    The dependents' counters of unresolved dependencies follow at once. `owner` is the compute node that
    claims or starts the jobs.
    """
    goal = target(event)
    moved: list[int] = []
    for was_done in (False, True):
        allowed = [status for status in sources(event) if (status in DONE) is was_done]
        if not job_ids or not allowed:
            continue
        changed = queries.move_jobs(uow, event, job_ids=job_ids, sources=allowed, target=goal, owner=owner)
        if changed and was_done is not (goal in DONE):
            queries.add_unresolved(uow, changed, 1 if was_done else -1)
        moved += changed
    return moved


def settle(uow: UnitOfWork, done_ids: Collection[int]) -> tuple[list[int], list[int]]:
    """What follows when these jobs are done: (dependents now ready, dependents now canceled).

    Dependents of an unsuccessful job that ask for it are canceled, transitively; all others are released when
    the last of their dependencies is done.
    """
    if not done_ids:
        return [], []
    canceled = apply_event(uow, Event.CANCEL_DEPENDENT, queries.dependents_to_cancel(uow, done_ids))
    ready = apply_event(uow, Event.RELEASE, queries.releasable_behind(uow, [*done_ids, *canceled]))
    return ready, canceled


def hold_back(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Blocks those of these jobs and of their dependents that became ready, and have to wait again."""
    if not job_ids:
        return []
    early = apply_event(uow, Event.RESET, queries.ready_too_early(uow, job_ids))
    return apply_event(uow, Event.BLOCK, early)


def send_back(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Lets the jobs be tried again: back to ready with the next attempt; returns the ids of those that were.

    What was canceled because of them is blocked again, unless another dependency failed too.
    """
    retried = apply_event(uow, Event.RETRY, job_ids)
    reopened = apply_event(uow, Event.REOPEN, queries.canceled_behind(uow, retried)) if retried else []
    if reopened:
        doomed = queries.dependents_to_cancel(uow, queries.dependencies_of(uow, reopened))
        apply_event(uow, Event.CANCEL_DEPENDENT, doomed)
    hold_back(uow, [*retried, *reopened])
    return retried


def reset(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Back to uninitialized; dependents that were ready wait again."""
    gone = apply_event(uow, Event.RESET, job_ids)
    if gone:
        queries.forget_faults(uow, gone)
        hold_back(uow, gone)
    return gone
