"""What accounting says of allocations: steps of jobs, peaks that are too low, node-hours and core-hours."""

import pytest

from torc_core.slurm.accounting import ACCOUNTING_FIELDS, parse_accounting
from torc_core.slurm.allocation import AccountedStep
from torc_core.slurm.quantities import parse_slurm_cpu_time
from torc_core.slurm.steps import AttemptStep
from torc_core.slurm.usage import accounted_rows, step_stats, sum_usage

HEADER = "|".join(ACCOUNTING_FIELDS)
ROWS = """\
60|60|COMPLETED|0:0|0:125||01:30:00|3600|2026-11-27T07:00:00|2026-11-27T08:00:00|n[2-3]|2|8|short|None|torc-wf3-1-abc
60.batch|60.batch|COMPLETED|0:0||12M|00:01.500|3600|2026-11-27T07:00:00|2026-11-27T08:00:00|n2|1|4|||batch
60.0|60.0|COMPLETED|0:0||2G|01:29:00|3000|2026-11-27T07:00:00|2026-11-27T07:50:00|n[2-3]|2|8|||wf3_j12_r1_a1
60.1|60.1|OUT_OF_MEMORY|0:125||80M|00:05.000|300|2026-11-27T07:00:00|2026-11-27T07:05:00|n3|1|1|||wf3_j13_r1_a2
60.2|60.2|COMPLETED|0:0||80M|00:05.000|300|2026-11-27T07:00:00|2026-11-27T07:05:00|n3|1|1|||wf31_j13_r1_a2
67_4|71|PENDING|0:0|0:0||00:00:00|0|Unknown|Unknown|None assigned|1|4|short|Priority|torc-wf3-2-abc
"""


def test_a_step_bears_the_name_of_an_attempt() -> None:
    attempt = AttemptStep(workflow_id=3, job_id=12, run_id=1, attempt_id=2)
    assert AttemptStep.parse(str(attempt)) == attempt
    assert [AttemptStep.parse(name) for name in ("batch", "wf3_j12_r1", "wf3_j12_r1_a2x", "")] == [None] * 4


def test_steps_of_other_workflows_are_not_counted_as_jobs_of_this_one() -> None:
    records = parse_accounting(f"{HEADER}\n{ROWS}")
    stats = list(step_stats(records, 3, {12: "train"}))
    assert [(each.job_id, each.job_name, each.attempt_id, each.job_step) for each in stats] == [
        (12, "train", 1, "0"),
        (13, None, 2, "1"),
    ]
    assert (stats[0].cpu_time_s, stats[0].max_rss_bytes, stats[0].cpus, stats[0].node_list) == (
        5340,
        2 << 30,
        8,
        "n[2-3]",
    )


def test_the_peak_of_a_killed_step_is_marked_as_too_low() -> None:
    rows = {row.job_step: row for row in accounted_rows(parse_accounting(f"{HEADER}\n{ROWS}"), 3, {})}
    assert {step: row.max_rss_is_low for step, row in rows.items()} == {
        "": False,
        "batch": False,
        "0": False,
        "1": True,
        "2": False,
    }


@pytest.mark.parametrize(
    ("state", "exit_code", "elapsed_s", "is_low"),
    [
        ("COMPLETED", "0:0", 600.0, False),
        ("COMPLETED", "0:0", 5.0, True),
        ("FAILED", "1:0", 600.0, False),
        ("FAILED", "137:0", 600.0, True),
        ("FAILED", "0:9", 600.0, True),
        ("CANCELLED", "0:15", 600.0, True),
        ("TIMEOUT", "0:0", 600.0, True),
    ],
)
def test_a_peak_counts_only_of_steps_that_ended_by_themselves_and_lasted(
    state: str, exit_code: str, elapsed_s: float, is_low: bool
) -> None:
    assert AccountedStep(name="0", state=state, exit_code=exit_code, elapsed_s=elapsed_s).peak_is_low is is_low


def test_hours_are_granted_by_nodes_and_used_by_cpu_time() -> None:
    used = sum_usage(parse_accounting(f"{HEADER}\n{ROWS}"), 3)
    assert (used.total_slurm_jobs, used.total_nodes, used.node_hours) == (2, 2, 2.0)
    assert (used.core_hours_granted, used.core_hours_used, used.share_used) == (8.0, 1.5, 0.1875)
    assert (used.total_node_time, used.total_cpu_time) == ("02:00:00", "01:30:00")
    assert [(each.slurm_job_id, each.node_hours) for each in used.allocations] == [("60", 2.0), ("71", 0.0)]


def test_tasks_of_an_array_are_found_under_the_id_of_the_array() -> None:
    [_, task] = parse_accounting(f"{HEADER}\n{ROWS}")
    assert (task.scheduler_id, task.array_job_id, task.array_task_id) == (71, 67, "4")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:01.500", 1.5), ("01:02:03", 3723.0), ("1-00:00:01", 86401.0), ("00:00:00", 0.0), ("", None), ("N/A", None)],
)
def test_cpu_time_is_read_as_slurm_prints_it(text: str, seconds: float | None) -> None:
    assert parse_slurm_cpu_time(text) == seconds
