"""The table of the job lifecycle, in full."""

from itertools import product

import pytest

from torc_core.jobs.lifecycle import OUTCOME_EVENTS, TRANSITIONS, Event, may_retry, sources, target
from torc_core.jobs.status import (
    ACTIVE,
    DONE,
    FINISHED,
    RESETTABLE_FAILURES,
    STATUS_BY_CODE,
    STATUS_CODES,
    SUCCESSFUL,
    UNSUCCESSFUL,
    JobStatus,
)

S, E = JobStatus, Event
EXPECTED: dict[S, dict[E, S]] = {
    S.UNINITIALIZED: {E.BLOCK: S.BLOCKED, E.MAKE_READY: S.READY, E.DISABLE: S.DISABLED},
    S.BLOCKED: {
        E.RELEASE: S.READY,
        E.CANCEL_DEPENDENT: S.CANCELED,
        E.CANCEL: S.CANCELED,
        E.UNDO: S.PENDING_FAILED,
        E.RESET: S.UNINITIALIZED,
    },
    S.READY: {E.CLAIM: S.PENDING, E.CANCEL: S.CANCELED, E.UNDO: S.PENDING_FAILED, E.RESET: S.UNINITIALIZED},
    S.PENDING: {
        E.UNCLAIM: S.READY,
        E.START: S.RUNNING,
        E.COMPLETE: S.COMPLETED,
        E.FAIL: S.FAILED,
        E.TERMINATE: S.TERMINATED,
        E.CANCEL: S.CANCELED,
        E.DEFER: S.PENDING_FAILED,
        E.RESET: S.UNINITIALIZED,
    },
    S.RUNNING: {
        E.COMPLETE: S.COMPLETED,
        E.FAIL: S.FAILED,
        E.TERMINATE: S.TERMINATED,
        E.CANCEL: S.CANCELED,
        E.DEFER: S.PENDING_FAILED,
        E.RETRY: S.READY,
        E.RESET: S.UNINITIALIZED,
    },
    S.COMPLETED: {E.RESET: S.UNINITIALIZED},
    S.FAILED: {E.RETRY: S.READY, E.UNDO: S.PENDING_FAILED, E.RESET: S.UNINITIALIZED},
    S.CANCELED: {E.REOPEN: S.BLOCKED, E.RESET: S.UNINITIALIZED},
    S.TERMINATED: {E.RETRY: S.READY, E.RESET: S.UNINITIALIZED},
    S.DISABLED: {E.RESET: S.UNINITIALIZED},
    S.PENDING_FAILED: {E.RETRY: S.READY, E.GIVE_UP: S.FAILED, E.RESET: S.UNINITIALIZED},
}


@pytest.mark.parametrize(("status", "event"), list(product(S, E)), ids=lambda value: str(value))
def test_every_status_and_event_have_one_answer(status: S, event: E) -> None:
    assert TRANSITIONS.get((status, event)) == EXPECTED[status].get(event)


@pytest.mark.parametrize("event", list(E))
def test_guards_and_targets_are_derived_from_the_table(event: E) -> None:
    assert sources(event) == {status for status, found in TRANSITIONS if found is event}
    assert {TRANSITIONS[status, event] for status in sources(event)} == {target(event)}


def test_every_status_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(S)
    assert {status for status, _ in TRANSITIONS} == set(S)


def test_outcomes_are_what_a_job_at_work_may_come_to() -> None:
    for status, event in OUTCOME_EVENTS.items():
        assert target(event) is status
        # A canceled workflow cancels what has not begun, too.
        assert sources(event) == (ACTIVE | {S.BLOCKED, S.READY} if event is E.CANCEL else ACTIVE)


def test_no_event_but_a_retry_a_reopening_an_undo_or_a_reset_leaves_a_finished_status() -> None:
    assert {event for status, event in TRANSITIONS if status in FINISHED} == {E.RETRY, E.REOPEN, E.UNDO, E.RESET}


def test_status_codes_are_those_that_databases_hold() -> None:
    assert [STATUS_BY_CODE[code] for code in range(11)] == list(S)
    assert {status: code for code, status in STATUS_BY_CODE.items()} == STATUS_CODES


def test_the_named_sets_divide_the_statuses() -> None:
    assert FINISHED < DONE
    assert {S.DISABLED} == DONE - FINISHED
    assert {S.COMPLETED} == FINISHED - UNSUCCESSFUL == FINISHED & SUCCESSFUL
    assert {S.PENDING_FAILED} == RESETTABLE_FAILURES - UNSUCCESSFUL
    assert not ACTIVE & DONE


@pytest.mark.parametrize(
    ("attempt_id", "max_retries", "faults", "allowed"),
    [(1, 3, 0, True), (2, 3, 0, True), (3, 3, 0, False), (1, 1, 0, False), (1, 0, 0, False), (5, 3, 3, True)],
)
def test_max_retries_counts_attempts_and_forgives_infrastructure_faults(
    attempt_id: int, max_retries: int, faults: int, allowed: bool
) -> None:
    assert may_retry(attempt_id, max_retries=max_retries, infrastructure_faults=faults) is allowed
    assert may_retry(attempt_id, max_retries=max_retries, lost_claims=faults) is allowed
