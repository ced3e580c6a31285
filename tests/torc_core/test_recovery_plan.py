"""What a recovery does with each job."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recovery_samples import GIB, MIB, UNSPECIFIED, attempt, evidence, oom, partition, requirement, slurm, timeout

from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import FAILURES, INFRASTRUCTURE, AttemptFacts, Cause, EarlierAttempt
from torc_core.jobs.lifecycle import INFRASTRUCTURE_FAULT_LIMIT
from torc_core.jobs.status import JobStatus
from torc_core.recovery.diagnosis import Diagnosis, diagnose
from torc_core.recovery.plan import RecoverOptions, RecoveryPlan, make_plan
from torc_core.recovery.report import RecoveryResult, group_adjustments


def plan_of(*attempts: AttemptFacts, **options: Any) -> RecoveryPlan:
    return make_plan([diagnose(facts) for facts in attempts], RecoverOptions(**options))


def test_an_oom_gets_more_memory_and_a_timeout_more_runtime() -> None:
    plan = plan_of(oom(), timeout(job_id=108))
    assert [(r.job_id, r.memory, r.runtime) for r in plan.retries] == [(107, "12g", None), (108, None, "PT1H24M")]
    assert [(r.old_memory, r.old_runtime) for r in plan.retries] == [("8g", "PT1H"), ("8g", "PT1H")]
    assert (plan.memory_raised, plan.runtime_raised) == (1, 1)


def test_the_retry_names_the_attempt_it_answers() -> None:
    retry = plan_of(oom(run_id=3, attempt_id=2)).retries[0]
    assert (retry.run_id, retry.attempt_id, retry.resource_requirements_id) == (3, 2, 7)


@pytest.mark.parametrize("state", ["NODE_FAIL", "PREEMPTED"])
def test_an_infrastructure_fault_is_retried_as_it_is_until_its_own_bound(state: str) -> None:
    def lost(faults: int) -> AttemptFacts:
        return attempt(1, infrastructure_faults=faults, evidence=evidence(1, scheduler=slurm(state)))

    retry = plan_of(lost(INFRASTRUCTURE_FAULT_LIMIT - 1)).retries[0]
    assert (retry.memory, retry.runtime, retry.is_infrastructure_fault) == (None, None, True)
    assert plan_of(lost(INFRASTRUCTURE_FAULT_LIMIT)).skipped[0].why == "infrastructure_limit"


def test_an_unknown_failure_is_left_alone_unless_asked_for() -> None:
    plan = plan_of(attempt(1), attempt(1, job_id=108, status=JobStatus.PENDING_FAILED))
    assert plan.retries == ()
    assert [(s.job_id, s.why) for s in plan.skipped] == [(107, "unknown")]
    assert [n.job_id for n in plan.needs_decision] == [108]
    assert plan.unknown_left == 2
    asked = plan_of(attempt(1), attempt(1, job_id=108, status=JobStatus.PENDING_FAILED), retry_unknown=True)
    assert [r.job_id for r in asked.retries] == [107, 108]
    assert asked.unknown_left == 0


def test_a_pending_failed_oom_is_resolved_without_asking_anybody() -> None:
    plan = plan_of(oom(status=JobStatus.PENDING_FAILED))
    assert [r.memory for r in plan.retries] == ["12g"]


def test_a_hook_implies_unknown_failures_and_runs_only_for_them() -> None:
    assert plan_of(attempt(1), recovery_hook="bash fix.sh").recovery_hook == "bash fix.sh"
    assert plan_of(attempt(1), recovery_hook="bash fix.sh").unknown_retried == 1
    assert plan_of(oom(), recovery_hook="bash fix.sh").recovery_hook is None
    assert plan_of(attempt(1), retry_unknown=True).recovery_hook is None


def test_a_job_at_its_cap_is_reported_and_not_retried() -> None:
    plan = plan_of(oom(), timeout(job_id=108), max_memory_bytes=8 * GIB, max_runtime_s=3600)
    assert plan.retries == ()
    assert [(s.job_id, s.why, s.reason) for s in plan.skipped] == [
        (107, "capped", "Its memory 8g cannot be raised: it may get 8g."),
        (108, "capped", "Its runtime PT1H cannot be raised: it may get PT1H."),
    ]


def test_a_cap_below_the_measured_peak_is_reported_and_not_tried() -> None:
    facts = oom(requirement=UNSPECIFIED, peak_memory_bytes=808 * MIB)
    plan = plan_of(facts, max_memory_bytes=100 * MIB)
    assert plan.retries == ()
    assert [(s.why, s.reason) for s in plan.skipped] == [("capped", "It used 808m of memory and may get 100m.")]
    assert plan_of(facts, max_memory_bytes=900 * MIB).retries[0].memory == "900m"


@pytest.mark.parametrize("options", [{}, {"retry_unknown": True}, {"recovery_hook": "bash fix.sh"}])
def test_what_was_decided_to_fail_is_never_retried(options: dict[str, Any]) -> None:
    why = "decided to fail by ann: bug in sim.py"
    lost = attempt(1, job_id=3, evidence=evidence(1, scheduler=slurm("NODE_FAIL")))
    decided = [facts.model_copy(update={"given_up": why}) for facts in (oom(1), timeout(job_id=2), lost, attempt(1))]
    plan = plan_of(*decided, **options)
    assert (plan.retries, plan.needs_decision, plan.recovery_hook, plan.unknown_left) == ((), (), None, 0)
    assert {(s.why, s.reason) for s in plan.skipped} == {("decided", why)}


def test_a_job_below_its_cap_is_raised_to_the_cap() -> None:
    assert plan_of(oom(partition=partition(10 * GIB))).retries[0].memory == "10g"


def test_memory_that_did_not_help_twice_is_not_raised_a_third_time() -> None:
    history = tuple(
        EarlierAttempt(run_id=1, attempt_id=n, cause=Cause.OOM, memory_limit_bytes=limit, peak_memory_bytes=GIB)
        for n, limit in ((1, 3 * GIB), (2, 5 * GIB))
    )
    plan = plan_of(oom(attempt_id=3, peak_memory_bytes=GIB, history=history))
    assert [s.why for s in plan.skipped] == ["not_helped"]


def test_an_attempt_can_serve_as_history_of_the_next() -> None:
    earlier = diagnose(oom(peak_memory_bytes=GIB)).as_history()
    assert (earlier.cause, earlier.memory_limit_bytes, earlier.peak_memory_bytes) == (Cause.OOM, 8 * GIB, GIB)


def test_jobs_that_share_a_requirement_are_raised_each_by_its_own_peak() -> None:
    plan = plan_of(oom(1), oom(2, peak_memory_bytes=10 * GIB), oom(3))
    assert [r.memory for r in plan.retries] == ["12g", "15g", "12g"]
    assert [(a.job_ids, a.new_memory) for a in group_adjustments(plan)] == [((1, 3), "12g"), ((2,), "15g")]


def test_a_job_that_did_not_fail_is_never_retried() -> None:
    plan = plan_of(attempt(0, status=JobStatus.COMPLETED), attempt(1, status=JobStatus.CANCELED), retry_unknown=True)
    assert [s.why for s in plan.skipped] == ["not_failed", "not_failed"]


@pytest.mark.parametrize(
    "options",
    [
        {"memory_multiplier": 1.0},
        {"runtime_multiplier": math.inf},
        {"max_memory_bytes": 0},
        {"max_runtime_s": math.nan},
        {"max_runtime_s": math.inf},
    ],
)
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        RecoverOptions(**options)


def test_the_result_in_json_has_the_known_keys_and_omits_what_did_not_change() -> None:
    plan = plan_of(oom(peak_memory_bytes=GIB), timeout(job_id=108), attempt(1, job_id=109))
    result = json.loads(RecoveryResult.of(plan).model_dump_json())
    assert {key: result[key] for key in ("oom_fixed", "timeout_fixed", "unknown_retried", "other_failures")} == {
        "oom_fixed": 1,
        "timeout_fixed": 1,
        "unknown_retried": 0,
        "other_failures": 1,
    }
    assert result["jobs_to_retry"] == [107, 108]
    assert result["adjustments"] == [
        {
            "resource_requirements_id": 7,
            "job_ids": [107],
            "job_names": ["train_model"],
            "memory_adjusted": True,
            "original_memory": "8g",
            "new_memory": "12g",
            "max_peak_memory_bytes": GIB,
            "runtime_adjusted": False,
        },
        {
            "resource_requirements_id": 7,
            "job_ids": [108],
            "job_names": ["train_model"],
            "memory_adjusted": False,
            "runtime_adjusted": True,
            "original_runtime": "PT1H",
            "new_runtime": "PT1H24M",
        },
    ]


amount = st.integers(1, 1 << 50)
any_diagnosis = st.builds(
    Diagnosis,
    facts=st.builds(
        attempt,
        return_code=st.integers(-130, 255),
        job_id=st.integers(1, 1 << 40),
        status=st.sampled_from(list(JobStatus)),
        requirement=st.just(UNSPECIFIED) | st.builds(requirement, amount, st.floats(0.001, 1e10)),
        peak_memory_bytes=st.none() | amount,
        partition=st.builds(partition, st.none() | amount, st.none() | st.floats(1, 1e10)),
        infrastructure_faults=st.integers(0, 10),
        evidence=st.none()
        | st.builds(evidence, memory_limit_bytes=st.none() | amount, runtime_limit_s=st.none() | st.floats(0, 1e10)),
    ),
    cause=st.sampled_from(list(Cause)),
    basis=st.just("none"),
    confidence=st.just(0.5),
    reason=st.just("So it was."),
)
any_options = st.builds(
    RecoverOptions,
    memory_multiplier=st.floats(1, 100, exclude_min=True),
    runtime_multiplier=st.floats(1, 100, exclude_min=True),
    retry_unknown=st.booleans(),
    recovery_hook=st.none() | st.just("bash fix.sh"),
    max_memory_bytes=st.none() | amount,
    max_runtime_s=st.none() | st.floats(1, 1e10),
)


@settings(deadline=None)
@given(st.lists(any_diagnosis, max_size=4, unique_by=lambda d: d.facts.job_id), any_options)
def test_every_job_ends_in_exactly_one_place(diagnoses: list[Diagnosis], options: RecoverOptions) -> None:
    plan = make_plan(diagnoses, options)
    placed = [item.job_id for items in (plan.retries, plan.skipped, plan.needs_decision) for item in items]
    assert sorted(placed) == sorted(d.facts.job_id for d in diagnoses)
    RecoveryResult.of(plan).model_dump_json()


@settings(deadline=None, max_examples=300)
@given(any_diagnosis, any_options)
def test_a_retry_never_lowers_and_never_exceeds_a_cap(diagnosis: Diagnosis, options: RecoverOptions) -> None:
    facts = diagnosis.facts
    for retry in make_plan([diagnosis], options).retries:
        assert facts.status in FAILURES
        if retry.memory_bytes is not None:
            assert retry.cause is Cause.OOM
            assert retry.memory_bytes > retry.old_memory_bytes
            assert retry.memory_bytes <= min(
                options.max_memory_bytes or 1 << 63, facts.partition.memory_bytes or 1 << 63
            )
        if retry.runtime_s is not None:
            assert retry.cause is Cause.TIMEOUT
            assert retry.runtime_s > retry.old_runtime_s
            assert retry.runtime_s <= min(options.max_runtime_s or 1e12, facts.partition.runtime_s or 1e12)
        if retry.cause in INFRASTRUCTURE:
            assert facts.infrastructure_faults < INFRASTRUCTURE_FAULT_LIMIT
        if retry.cause is Cause.UNKNOWN:
            assert options.takes_unknown
