"""One cause for every failed attempt."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recovery_samples import GIB, MIB, UNSPECIFIED, attempt, evidence, slurm

from torc_core.evidence.attempt import AttemptFacts, Cause
from torc_core.jobs.status import JobStatus
from torc_core.recovery.diagnosis import diagnose

TIME_LIMIT = "slurmstepd: error: *** STEP 4711.0 ON n17 CANCELLED AT 2025-03-01T12:00:00 DUE TO TIME LIMIT ***"
PREEMPTION = "slurmstepd: error: *** JOB 4711 ON n17 CANCELLED AT 2025-03-01T12:00:00 DUE TO PREEMPTION ***"
NODE_FAILURE = (
    "slurmstepd: error: *** JOB 4711 ON n17 CANCELLED AT 2025-03-01T12:00:00 DUE TO NODE FAILURE, "
    "SEE SLURMCTLD LOG FOR DETAILS ***"
)
OOM_KILL = "slurmstepd: error: Detected 1 oom_kill event in StepId=4711.0. Some of the step tasks have been OOM Killed."
CUDA = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.15 GiB total capacity)"
SHM = "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm)."
LOST = -128

CASES: list[tuple[str, AttemptFacts, Cause, str]] = [
    ("verdict oom", attempt(137, evidence=evidence(137, verdict="oom")), Cause.OOM, "runner"),
    ("verdict timeout", attempt(152, evidence=evidence(152, verdict="timeout")), Cause.TIMEOUT, "runner"),
    ("verdict timeout, peak above the limit",
     attempt(137, peak_memory_bytes=9 * GIB, evidence=evidence(137, verdict="timeout")), Cause.TIMEOUT, "runner"),
    ("verdict lost", attempt(LOST, evidence=evidence(LOST, verdict="lost")), Cause.RUNNER_LOST, "runner"),
    ("code of a lost runner, no evidence", attempt(LOST, exec_time_minutes=0.0), Cause.RUNNER_LOST, "runner"),
    ("verdict terminated, killed late", attempt(137, exec_time_minutes=59.0, status=JobStatus.TERMINATED,
     evidence=evidence(137, verdict="terminated")), Cause.RUNNER_LOST, "runner"),
    ("status terminated, no evidence", attempt(143, status=JobStatus.TERMINATED), Cause.RUNNER_LOST, "status"),
    ("Slurm out of memory", attempt(1, evidence=evidence(1, scheduler=slurm("OUT_OF_MEMORY"))), Cause.OOM, "scheduler"),
    ("Slurm timeout", attempt(1, evidence=evidence(1, scheduler=slurm("TIMEOUT"))), Cause.TIMEOUT, "scheduler"),
    ("Slurm node failure", attempt(1, evidence=evidence(1, scheduler=slurm("NODE_FAIL"))),
     Cause.NODE_FAILURE, "scheduler"),
    ("Slurm preemption explains a lost runner",
     attempt(LOST, evidence=evidence(LOST, verdict="lost", scheduler=slurm("PREEMPTED"))),
     Cause.PREEMPTED, "scheduler"),
    ("an allocation out of memory proves nothing of a job in it",
     attempt(LOST, evidence=evidence(LOST, verdict="lost", scheduler=slurm("OUT_OF_MEMORY"))),
     Cause.RUNNER_LOST, "runner"),
    ("an allocation out of time proves nothing of a job that began late",
     attempt(LOST, evidence=evidence(LOST, verdict="lost", runtime_s=600.0, scheduler=slurm("TIMEOUT"))),
     Cause.RUNNER_LOST, "runner"),
    ("an allocation out of time took a job that had all its time",
     attempt(LOST, evidence=evidence(LOST, verdict="lost", runtime_s=3550.0, scheduler=slurm("TIMEOUT"))),
     Cause.TIMEOUT, "scheduler"),
    ("an allocation that somebody canceled",
     attempt(LOST, evidence=evidence(LOST, verdict="lost", scheduler=slurm("CANCELLED"))),
     Cause.RUNNER_LOST, "runner"),
    ("Slurm preemption of a terminated runner", attempt(143, status=JobStatus.TERMINATED,
     evidence=evidence(143, verdict="terminated", scheduler=slurm("PREEMPTED"))), Cause.PREEMPTED, "scheduler"),
    ("Slurm still running says nothing", attempt(1, evidence=evidence(1, scheduler=slurm("RUNNING"))),
     Cause.UNKNOWN, "none"),
    ("SIGXCPU", attempt(152), Cause.TIMEOUT, "sigxcpu_152"),
    ("killed at the limit", attempt(143, exec_time_minutes=60.0), Cause.TIMEOUT, "near_runtime_limit"),
    ("killed at 90 %", attempt(137, exec_time_minutes=54.0), Cause.TIMEOUT, "near_runtime_limit"),
    ("ended by itself at the limit", attempt(1, exec_time_minutes=60.0), Cause.UNKNOWN, "none"),
    ("killed near the memory limit", attempt(137, peak_memory_bytes=int(7.6 * GIB)), Cause.OOM, "sigkill_137"),
    ("killed above the memory limit", attempt(137, peak_memory_bytes=9 * GIB), Cause.OOM, "memory_exceeded"),
    ("above the memory limit, exit 1", attempt(1, peak_memory_bytes=9 * GIB), Cause.OOM, "memory_exceeded"),
    ("137 alone", attempt(137), Cause.OOM, "sigkill_137"),
    ("137 with a low peak", attempt(137, peak_memory_bytes=100 * MIB), Cause.OOM, "sigkill_137"),
    ("signal 9 with a negative code", attempt(-9), Cause.OOM, "sigkill_137"),
    ("MemoryError", attempt(1, evidence=evidence(1, stderr_tail="MemoryError")), Cause.OOM, "log"),
    ("the cgroup's killer, shell survived", attempt(1, evidence=evidence(
     1, stderr_tail=OOM_KILL, scheduler=slurm("RUNNING"))), Cause.OOM, "log"),
    ("the same text, far from the limit", attempt(1, peak_memory_bytes=10 * MIB, evidence=evidence(
     1, stderr_tail=OOM_KILL, scheduler=slurm("RUNNING"))), Cause.UNKNOWN, "none"),
    ("the same text, no Slurm", attempt(1, evidence=evidence(1, stderr_tail=OOM_KILL)), Cause.UNKNOWN, "none"),
    ("GPU memory", attempt(1, evidence=evidence(1, stderr_tail=CUDA)), Cause.UNKNOWN, "none"),
    ("GPU memory, then killed", attempt(137, evidence=evidence(137, stderr_tail=CUDA)), Cause.UNKNOWN, "none"),
    ("shared memory", attempt(1, evidence=evidence(1, stderr_tail=SHM)), Cause.UNKNOWN, "none"),
    ("time limit in the log", attempt(1, exec_time_minutes=59.0, evidence=evidence(
     1, stderr_tail=TIME_LIMIT, scheduler=slurm("RUNNING"))), Cause.TIMEOUT, "log"),
    ("time limit in the log, too early", attempt(1, exec_time_minutes=0.1, evidence=evidence(
     1, stderr_tail=TIME_LIMIT, scheduler=slurm("RUNNING"))), Cause.UNKNOWN, "none"),
    ("time limit in the log, no Slurm", attempt(1, exec_time_minutes=59.0, evidence=evidence(
     1, stderr_tail=TIME_LIMIT)), Cause.UNKNOWN, "none"),
    ("preemption in the log", attempt(1, evidence=evidence(1, stderr_tail=PREEMPTION, scheduler=slurm("RUNNING"))),
     Cause.PREEMPTED, "log"),
    ("preemption in the log, no Slurm", attempt(1, evidence=evidence(1, stderr_tail=PREEMPTION)),
     Cause.UNKNOWN, "none"),
    ("node failure in the log", attempt(1, evidence=evidence(
     1, stderr_tail=NODE_FAILURE, scheduler=slurm("RUNNING"))), Cause.NODE_FAILURE, "log"),
    ("timeout(1) of the command itself", attempt(124), Cause.UNKNOWN, "none"),
    ("exit 1 without a word", attempt(1), Cause.UNKNOWN, "none"),
    ("missing output", attempt(1, evidence=evidence(1, verdict="missing_output", missing_output_files=("a.out",))),
     Cause.UNKNOWN, "none"),
    ("unspecified memory exceeded", attempt(1, requirement=UNSPECIFIED, peak_memory_bytes=GIB), Cause.UNKNOWN, "none"),
    ("unspecified memory, the placeholder as limit", attempt(1, requirement=UNSPECIFIED, peak_memory_bytes=GIB,
     evidence=evidence(1, memory_limit_bytes=MIB)), Cause.UNKNOWN, "none"),
    ("unspecified memory, limit of the allocation", attempt(1, requirement=UNSPECIFIED, peak_memory_bytes=5 * GIB,
     evidence=evidence(1, memory_limit_bytes=4 * GIB)), Cause.OOM, "memory_exceeded"),
    ("unspecified runtime, terminated by hand", attempt(143, requirement=UNSPECIFIED), Cause.UNKNOWN, "none"),
    ("unspecified, 137", attempt(137, requirement=UNSPECIFIED, peak_memory_bytes=GIB), Cause.OOM, "sigkill_137"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "cause", "basis"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_attempt_has_the_cause_its_facts_tell(facts: AttemptFacts, cause: Cause, basis: str) -> None:
    diagnosis = diagnose(facts)
    assert (diagnosis.cause, diagnosis.basis) == (cause, basis)
    assert diagnosis.reason.endswith(".")


def test_exit_137_is_less_sure_than_a_measured_peak_and_least_sure_with_a_low_one() -> None:
    measured = diagnose(attempt(137, peak_memory_bytes=9 * GIB)).confidence
    alone = diagnose(attempt(137)).confidence
    low = diagnose(attempt(137, peak_memory_bytes=100 * MIB)).confidence
    assert measured > alone > low


def test_an_unknown_cause_keeps_what_the_texts_suggest() -> None:
    suggestion = diagnose(attempt(1, evidence=evidence(1, stderr_tail=CUDA))).suggestion
    assert suggestion is not None
    assert suggestion.class_ == "oom"
    assert not suggestion.memory_helps


def test_the_limit_the_attempt_ran_under_counts_more_than_what_the_requirement_says_now() -> None:
    facts = attempt(1, peak_memory_bytes=9 * GIB, evidence=evidence(1, memory_limit_bytes=16 * GIB))
    assert diagnose(facts).cause is Cause.UNKNOWN


def amounts(most: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(min_value=0, max_value=most)


def any_attempt() -> st.SearchStrategy[AttemptFacts]:
    verdicts = st.sampled_from([None, "oom", "timeout", "terminated", "missing_output", "spawn_failed", "lost"])
    states = st.sampled_from(["", "RUNNING", "OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "CANCELLED by 5"])
    evidences = st.builds(
        evidence,
        return_code=st.integers(-130, 255),
        verdict=verdicts,
        memory_limit_bytes=amounts(64 * GIB),
        runtime_limit_s=st.none() | st.floats(0, 1e6),
        scheduler=st.none() | states.map(slurm),
        stderr_tail=st.sampled_from(["", "Killed", "MemoryError", CUDA, TIME_LIMIT, PREEMPTION]),
    )

    def build(return_code: int, **changes: Any) -> AttemptFacts:
        return attempt(return_code, **changes)

    return st.builds(
        build,
        return_code=st.integers(-130, 255),
        status=st.sampled_from(list(JobStatus)),
        exec_time_minutes=st.floats(0, 1e4),
        peak_memory_bytes=amounts(64 * GIB),
        requirement=st.sampled_from([UNSPECIFIED, attempt().requirement]),
        evidence=st.none() | evidences,
    )


@settings(deadline=None)
@given(any_attempt())
def test_every_attempt_gets_a_diagnosis_whatever_its_facts(facts: AttemptFacts) -> None:
    diagnosis = diagnose(facts)
    assert 0 <= diagnosis.confidence <= 1
    assert diagnosis.reason
    assert (diagnosis.cause is Cause.UNKNOWN) == (diagnosis.basis == "none")
