"""What a log claims counts only where nothing measured contradicts it."""

import pytest

from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.triage.assess import assess

MIB, GIB = 1 << 20, 1 << 30
SLURM = SchedulerFacts(type="slurm", job_id="17")
OOM_KILL = "slurmstepd: error: Detected 1 oom_kill event in StepId=1.0."
TIME_LIMIT = "slurmstepd: error: *** JOB 17 ON n1 CANCELLED AT 2025-03-01T12:00:00 DUE TO TIME LIMIT ***"
PREEMPTION = "slurmstepd: error: *** JOB 17 ON n1 CANCELLED AT 2025-03-01T12:00:00 DUE TO PREEMPTION ***"
KERNEL = "Memory cgroup out of memory: Killed process 18233 (python) total-vm:68719476kB, anon-rss:33554432kB"
PBS = "=>> PBS: job killed: walltime 3630 exceeded limit 3600"

NOTHING_LACKED = {
    "node": "n1",
    "peak_memory_bytes": 10 * MIB,
    "memory_limit_bytes": 2 * GIB,
    "runtime_s": 0.002,
    "runtime_limit_s": 3600.0,
}
ALL_LACKED = {**NOTHING_LACKED, "peak_memory_bytes": 2 * GIB - MIB, "runtime_s": 3595.0}


def class_of(text: str, facts: dict[str, object], scheduler: SchedulerFacts | None = None) -> str | None:
    suggestion = assess(Evidence(return_code=1, stderr_tail=text, scheduler=scheduler, **facts)).suggestion
    return None if suggestion is None else suggestion.class_


@pytest.mark.parametrize("text", [OOM_KILL, TIME_LIMIT, PREEMPTION, PBS])
def test_a_verdict_of_a_scheduler_counts_only_from_attempts_under_it(text: str) -> None:
    assert class_of(text, ALL_LACKED) is None
    assert class_of(text, ALL_LACKED, SchedulerFacts(type="local")) is None


@pytest.mark.parametrize(("text", "class_"), [(OOM_KILL, "oom"), (TIME_LIMIT, "timeout"), (PREEMPTION, "transient")])
def test_a_verdict_of_the_scheduler_itself_is_believed(text: str, class_: str) -> None:
    assert class_of(text, ALL_LACKED, SLURM) == class_


@pytest.mark.parametrize("text", [OOM_KILL, KERNEL, "OOMKilled", "MemoryError", "bash: line 1: 77 Killed   ./a.out"])
def test_lack_of_memory_is_believed_only_where_the_peak_allows_it(text: str) -> None:
    assert class_of(text, NOTHING_LACKED, SLURM) is None
    assert class_of(text, ALL_LACKED, SLURM) == "oom"


def test_the_schedulers_verdict_on_a_kill_stands_where_the_peak_was_missed() -> None:
    killed = Evidence(return_code=137, stderr_tail=OOM_KILL, scheduler=SLURM, **NOTHING_LACKED)
    local = Evidence(return_code=137, stderr_tail=OOM_KILL, **NOTHING_LACKED)
    suggestion = assess(killed).suggestion
    assert suggestion is not None
    assert suggestion.class_ == "oom"
    assert assess(local).suggestion is None


def test_a_time_limit_is_believed_only_where_its_time_has_passed() -> None:
    assert class_of(TIME_LIMIT, NOTHING_LACKED, SLURM) is None
    assert class_of(TIME_LIMIT, ALL_LACKED, SLURM) == "timeout"


def test_a_claim_in_doubt_hides_no_other_line() -> None:
    assert class_of(f"KeyError: 'dt'\n{OOM_KILL}\n", NOTHING_LACKED) == "permanent"
    forged = Evidence(return_code=1, stderr_tail=f"KeyError: 'dt'\n{OOM_KILL}\n", **NOTHING_LACKED)
    plain = Evidence(return_code=1, stderr_tail="KeyError: 'dt'\n", **NOTHING_LACKED)
    assert assess(forged).signature == assess(plain).signature


def test_a_text_of_which_nothing_was_measured_is_believed() -> None:
    assert class_of(OOM_KILL, {}) == "oom"
    assert class_of(TIME_LIMIT, {}) == "timeout"
