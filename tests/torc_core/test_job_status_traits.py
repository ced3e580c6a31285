"""Every status is decided about in the table of traits, and what is derived from it leaves none out."""

import re
from typing import get_args

import pytest

from torc_cli.commands.failures import Which
from torc_core.api.workflows import JobStatusCounts
from torc_core.jobs.status import (
    ACTIVE,
    ATTEMPTED,
    AWAITING_DECISION,
    DONE,
    FAILED_FOR_GOOD,
    FAILURES,
    FRESH,
    STARTABLE,
    STATUS_TRAITS,
    UNSUCCESSFUL,
    JobStatus,
)
from torc_mcp.tools.inspect.tools import get_workflow_status
from torc_server.services.triage.groups import FailureStatus


def test_every_status_has_traits_and_a_code_of_its_own() -> None:
    assert list(STATUS_TRAITS) == list(JobStatus)
    assert [traits.code for traits in STATUS_TRAITS.values()] == list(range(len(JobStatus)))


@pytest.mark.parametrize("status", list(JobStatus))
def test_traits_of_a_status_agree_with_each_other(status: JobStatus) -> None:
    traits = STATUS_TRAITS[status]
    assert (traits.ending is not None) is (traits.is_done or status in AWAITING_DECISION)
    assert not (traits.is_active and (traits.is_fresh or traits.is_startable or traits.ending))
    assert traits.summary
    assert traits.colour


def test_the_derived_sets_are_those_that_the_product_always_used() -> None:
    assert {"uninitialized", "disabled"} == FRESH
    assert {"uninitialized", "ready"} == STARTABLE
    assert {"failed", "terminated", "pending_failed"} == FAILURES
    assert {"failed", "terminated"} == FAILED_FOR_GOOD == FAILURES & UNSUCCESSFUL
    assert {"pending_failed"} == AWAITING_DECISION
    assert {"completed", "failed", "terminated", "pending_failed"} == ATTEMPTED


def test_no_job_stands_outside_of_what_a_workflow_is_asked_for() -> None:
    assert frozenset(JobStatus) == ACTIVE | DONE | STARTABLE | AWAITING_DECISION | {JobStatus.BLOCKED}


def test_counts_hold_every_status_on_the_wire() -> None:
    counts = JobStatusCounts({JobStatus.READY: 2, JobStatus.PENDING_FAILED: 1})
    assert counts.model_dump(mode="json") == {
        status.value: {"ready": 2, "pending_failed": 1}.get(status.value, 0) for status in JobStatus
    }
    assert JobStatusCounts.model_validate_json(counts.model_dump_json()) == counts
    assert counts.total(JobStatus) == 3
    assert list(JobStatusCounts.model_json_schema()["properties"]) == list(JobStatus)


def test_counts_of_a_newer_peer_lose_only_what_is_unknown_here() -> None:
    assert JobStatusCounts.model_validate({"ready": 1, "sleeping": 4}).total(JobStatus) == 1


def test_every_kind_of_failure_can_be_asked_for() -> None:
    wanted = {*FAILURES, "all"}
    assert set(Which) == wanted
    assert set(get_args(FailureStatus)) == wanted


def test_every_status_is_explained_to_agents() -> None:
    description = get_workflow_status.__doc__ or ""
    assert [name for name in JobStatus if not re.search(rf"\b{name}\b", description)] == []
