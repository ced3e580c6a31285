"""Transitions of jobs: the only writer of statuses, with guards derived from the lifecycle table."""

from collections.abc import Collection

from torc_core.jobs.lifecycle import Event, sources, target
from torc_core.jobs.status import DONE
from torc_server.db.queries.jobs import transitions as queries
from torc_server.db.unit_of_work import UnitOfWork


def apply_event(uow: UnitOfWork, event: Event, job_ids: Collection[int], *, owner: int | None = None) -> list[int]:
    """Apply `event` to those of the jobs whose status allows it now; return their ids.

    The dependents' counters of unresolved dependencies follow in the same transaction. `owner` is the runner that
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
    """Release and cancel the dependents of jobs that are done; return (ids now ready, ids now canceled).

    Dependents of an unsuccessful job that ask for it are canceled, transitively; all others are released when
    the last of their dependencies is done.
    """
    if not done_ids:
        return [], []
    # canceled first: released first, a dependent of a failed job could be claimed and not be canceled any more
    canceled = apply_event(uow, Event.CANCEL_DEPENDENT, queries.dependents_to_cancel(uow, done_ids))
    ready = apply_event(uow, Event.RELEASE, queries.releasable_behind(uow, [*done_ids, *canceled]))
    return ready, canceled


def hold_back(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Block those of these jobs and of their dependents that are ready with unresolved dependencies."""
    if not job_ids:
        return []
    early = apply_event(uow, Event.RESET, queries.ready_too_early(uow, job_ids))
    return apply_event(uow, Event.BLOCK, early)


def send_back(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Send the jobs back to ready with the next attempt; return the ids of those that were sent.

    Dependents that they canceled are blocked again, unless another dependency failed too.
    """
    retried = apply_event(uow, Event.RETRY, job_ids)
    reopened = apply_event(uow, Event.REOPEN, queries.canceled_behind(uow, retried)) if retried else []
    if reopened:
        still_canceled = queries.dependents_to_cancel(uow, queries.dependencies_of(uow, reopened))
        apply_event(uow, Event.CANCEL_DEPENDENT, still_canceled)
    hold_back(uow, [*retried, *reopened])
    return retried


def reset(uow: UnitOfWork, job_ids: Collection[int]) -> list[int]:
    """Reset the jobs to uninitialized; block dependents that were ready. Return the ids of those that were reset."""
    changed = apply_event(uow, Event.RESET, job_ids)
    if changed:
        queries.forget_faults(uow, changed)
        hold_back(uow, changed)
    return changed
