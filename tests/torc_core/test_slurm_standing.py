"""How recorded allocations stand: records of the server joined with rows of the queue."""

from datetime import datetime

import pytest

from torc_cli.render.allocation_text import allocation_lines
from torc_cli.render.status_text import next_steps, verdict
from torc_client.allocations.standing import StandingAllocations
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.jobs.status import JobStatus
from torc_core.slurm.queue import parse_queue
from torc_core.slurm.standing import AllocationView, count_standings, view_allocations
from torc_core.slurm.states import explain

NOW = datetime.fromisoformat("2026-11-27T08:00:00")
ROWS = """\
11|11|11|N/A|PENDING|Priority|2026-11-27T09:00:00|2026-11-27T10:00:00||short|torc-wf3-1-abc
12|12|12|N/A|PENDING|PartitionTimeLimit|N/A|N/A||short|torc-wf3-2-abc
13|13|13|N/A|RUNNING|None|2026-11-27T07:00:00|2026-11-27T08:01:05|n[2-3]|short|torc-wf3-3-abc
14|14|14|N/A|TIMEOUT|TimeLimit|2026-11-27T06:00:00|2026-11-27T07:00:00|n1|short|torc-wf3-4-abc
67|67_2|67|2|PENDING|JobArrayTaskLimit|N/A|N/A||short|torc-wf3-6-abc
67|67_3|67|3|PENDING|JobArrayTaskLimit|2026-11-27T09:30:00|N/A||short|torc-wf3-6-abc
68|67_1|67|1|RUNNING|None|2026-11-27T07:00:00|2026-11-27T08:30:00|n4|short|torc-wf3-6-abc
"""


def record(record_id: int, scheduler_id: int, status: str = "pending", **more: object) -> ScheduledComputeNodeModel:
    return ScheduledComputeNodeModel.model_validate(
        {
            "id": record_id,
            "workflow_id": 3,
            "scheduler_id": scheduler_id,
            "scheduler_config_id": 1,
            "scheduler_type": "slurm",
            "status": status,
            **more,
        }
    )


RECORDS = [
    record(1, 11),
    record(2, 12),
    record(3, 13, "active"),
    record(4, 14, "active"),
    record(5, 15, "active"),
    record(6, 67, array="0-3"),
    record(7, 68, "active", array_record_id=6),
    record(8, 0, "submitting"),
    record(9, 9, "complete"),
]


def views() -> list[AllocationView]:
    return view_allocations(RECORDS, parse_queue(ROWS), now=NOW)


def test_each_record_stands_as_the_queue_says() -> None:
    assert [(view.id, view.standing, view.state) for view in views()] == [
        (1, "pending", "PENDING"),
        (2, "pending", "PENDING"),
        (3, "active", "RUNNING"),
        (4, "ended", "TIMEOUT"),
        (5, "ended", None),
        (6, "pending", "PENDING"),
        (7, "active", "RUNNING"),
        (8, "pending", None),
        (9, "ended", None),
    ]


def test_waiting_tasks_of_an_array_are_counted_under_its_record() -> None:
    of_array = views()[5]
    assert (of_array.queued_tasks, of_array.reason, of_array.estimated_start) == (
        2,
        "JobArrayTaskLimit",
        "2026-11-27T09:30:00",
    )
    assert count_standings(views()) == {"pending": 5, "active": 2, "ended": 3}


def test_time_is_left_of_what_runs_alone() -> None:
    assert [view.time_left_s for view in views()][:4] == [None, None, 65.0, None]


def test_without_the_queue_the_record_is_all() -> None:
    assert [view.standing for view in view_allocations(RECORDS, None, now=NOW)] == [
        *("pending", "pending", "active", "active", "active", "pending", "active", "pending", "ended")
    ]


def test_people_read_why_it_waits_and_what_will_not_start() -> None:
    lines = list(allocation_lines(views()))
    assert lines[0] == "Allocations: 5 pending, 2 active, 3 ended"
    assert lines[1] == (
        "  12           pending will not start: it asks for more time than the partition gives (PartitionTimeLimit)"
    )
    assert (
        "  11           pending others that wait have a higher priority (Priority); would start 2026-11-27 09:00:00"
        in lines
    )
    assert "  13           active  on n[2-3], 1m 5s left" in lines
    assert "  14           ended   TIMEOUT" in lines
    assert "  67 x 2       pending" in " ".join(lines)


def seen(*records: ScheduledComputeNodeModel) -> StandingAllocations:
    return StandingAllocations(views=view_allocations(records, parse_queue(ROWS), now=NOW))


def status(**counts: int) -> WorkflowStatusModel:
    jobs = {each.value: 0 for each in JobStatus} | counts
    return WorkflowStatusModel.model_validate(
        {
            "workflow_id": 3,
            "workflow_name": "w",
            "workflow_user": "u",
            "run_id": 1,
            "total_jobs": sum(counts.values()),
            "jobs_by_status": jobs,
            "total_exec_time_minutes": 0.0,
            "active_compute_nodes": 0,
            "active_scheduled_nodes": 0,
            "pending_scheduled_nodes": 1,
            "is_complete": False,
            "is_canceled": False,
            "is_archived": False,
        }
    )


@pytest.mark.parametrize(
    ("allocations", "sentence", "commands"),
    [
        (seen(record(1, 11)), "Nothing runs now: the jobs wait for their allocations.", ["torc watch 3"]),
        (
            seen(record(2, 12)),
            "Nothing runs, and none of the allocations that are queued will start.",
            ["torc slurm regenerate 3 --dry-run", "torc run 3"],
        ),
        (
            seen(record(4, 14, "active")),
            "The workflow is not complete, and nothing runs.",
            ["torc workflows sync-status 3", "torc slurm regenerate 3 --dry-run", "torc run 3"],
        ),
        (None, "The workflow is not complete, and nothing runs.", ["torc run 3"]),
    ],
    ids=["waits", "stuck", "ended", "none"],
)
def test_what_to_do_next_depends_on_the_allocations(
    allocations: StandingAllocations | None, sentence: str, commands: list[str]
) -> None:
    assert verdict(status(ready=2), allocations) == sentence
    assert [str(step.command) for step in next_steps(status(ready=2), allocations)] == commands


def test_ready_jobs_behind_a_failure_are_named_with_what_gives_them_an_allocation() -> None:
    now, ended = status(ready=3, pending_failed=1), seen(record(9, 9, "complete"))
    assert verdict(now, ended) == "1 failed job(s) wait for a decision, and 3 ready job(s) have no allocation."
    commands = [str(step.command) for step in next_steps(now, ended)]
    assert commands[-2:] == ["torc slurm regenerate 3 --dry-run", "torc run 3"]
    assert verdict(now, seen(record(1, 11))) == "1 failed job(s) wait for a decision."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ReqNodeNotAvail, UnavailableNodes:n[1-3]", "a node that it asks for is not available"),
        ("AssocGrpCpuLimit", "the account, the user or the quality of service uses as much as it may at a time"),
        (
            "AssocMaxWallDurationPerJobLimit",
            "it asks for more than the account or the quality of service gives to one job",
        ),
        ("SomethingNew", "SomethingNew"),
        (None, "the scheduler has not looked at it yet"),
    ],
)
def test_a_reason_is_explained(reason: str | None, words: str) -> None:
    assert explain(reason) == words


def test_an_array_whose_tasks_have_records_is_not_counted_with_them() -> None:
    records = [
        record(1, 24, "complete", array="0-1"),
        record(2, 26, "complete", array_record_id=1),
        record(3, 24, "complete", array_record_id=1),
    ]
    seen = view_allocations(records, None, now=NOW)
    assert count_standings(seen) == {"ended": 2}
    assert [line.split()[0] for line in allocation_lines(seen)] == ["Allocations:", "24", "26"]
