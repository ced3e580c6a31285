"""The resource report in JSON."""

import json
from typing import Any

import pytest
from recovery_samples import GIB, MIB, UNSPECIFIED, attempt, oom, requirement, timeout

from torc_core.evidence.attempt import AttemptFacts, Cause
from torc_core.jobs.status import JobStatus
from torc_core.recovery.diagnosis import Basis, diagnose
from torc_core.recovery.resource_report import describe_cpus, describe_excess, report_utilization


def completed(**changes: Any) -> AttemptFacts:
    return attempt(0, status=JobStatus.COMPLETED, **changes)


def report(*done: AttemptFacts, failed: tuple[AttemptFacts, ...] = (), **options: Any) -> dict[str, Any]:
    built = report_utilization(42, completed=done, failures=[diagnose(facts) for facts in failed], **options)
    document: dict[str, Any] = json.loads(built.model_dump_json())
    return document


def test_a_workflow_without_results_has_an_empty_report() -> None:
    assert report() == {
        "workflow_id": 42,
        "total_results": 0,
        "over_utilization_count": 0,
        "violations": [],
        "resource_violations_count": 0,
        "resource_violations": [],
    }


def test_a_job_that_used_more_than_it_asked_for_has_a_row_for_each_resource() -> None:
    facts = completed(peak_memory_bytes=int(10.5 * GIB), peak_cpu_percent=500.0, exec_time_minutes=65.05)
    assert [
        (row["resource_type"], row["specified"], row["peak_used"], row["over_utilization"])
        for row in report(facts, run_id=3)["violations"]
    ] == [
        ("Memory", "8 GB", "10.5 GB", "+31.3%"),
        ("CPU", "400% (4 cores)", "500.0%", "+25.0%"),
        ("Runtime", "1h", "1h 5m 3s", "+8.4%"),
    ]


def test_what_stays_within_its_request_is_listed_only_on_demand() -> None:
    facts = completed(peak_memory_bytes=2 * GIB)
    assert report(facts)["violations"] == []
    shown = report(facts, show_all=True)
    assert [row["over_utilization"] for row in shown["violations"]] == ["-75.0%", "-83.3%"]
    assert shown["over_utilization_count"] == 0


def test_a_small_excess_is_no_violation() -> None:
    facts = completed(peak_memory_bytes=int(8.05 * GIB))
    assert report(facts)["over_utilization_count"] == 0
    assert report(facts, min_over_utilization_percent=0.5)["over_utilization_count"] == 1


def test_placeholders_of_an_unspecified_requirement_are_not_exceeded() -> None:
    facts = completed(requirement=UNSPECIFIED, peak_memory_bytes=GIB, peak_cpu_percent=90.0)
    assert report(facts)["violations"] == []


def test_a_failed_job_is_flagged_as_oom_with_the_measured_excess() -> None:
    violation = report(failed=(oom(peak_memory_bytes=int(10.5 * GIB)),))["resource_violations"][0]
    assert violation == {
        "job_id": 107,
        "job_name": "train_model",
        "return_code": 137,
        "exec_time_minutes": 10.0,
        "configured_memory": "8g",
        "configured_runtime": "PT1H",
        "configured_cpus": 4,
        "peak_memory_bytes": int(10.5 * GIB),
        "peak_memory_formatted": "10.5 GB",
        "likely_oom": True,
        "oom_reason": "memory_exceeded",
        "memory_over_utilization": "+31.3%",
        "cause": "oom",
        "reason": "It was killed with its memory near or above the limit.",
        "confidence": 0.93,
    }


def test_a_failed_job_is_flagged_as_timeout_with_its_share_of_the_runtime() -> None:
    late = attempt(143, exec_time_minutes=57.12)
    violation = report(failed=(late, timeout()))["resource_violations"]
    assert [(v["likely_timeout"], v["runtime_utilization"]) for v in violation] == [(True, "95.2%"), (True, "100.0%")]
    assert violation[1]["timeout_reason"] == "sigxcpu_152"
    assert "likely_oom" not in violation[0]


def test_what_the_runner_or_the_scheduler_ended_is_named_in_the_documented_words() -> None:
    causes: list[tuple[Basis, Cause]] = [("runner", Cause.OOM), ("scheduler", Cause.OOM), ("runner", Cause.TIMEOUT)]
    failures = [diagnose(oom()).model_copy(update={"basis": basis, "cause": cause}) for basis, cause in causes]
    rows = report_utilization(42, completed=(), failures=failures).resource_violations
    assert [(row.oom_reason, row.timeout_reason) for row in rows] == [
        ("memory_exceeded", None),
        ("memory_exceeded", None),
        (None, "sigxcpu_152"),
    ]


def test_137_without_a_measured_peak_is_an_oom_by_its_code() -> None:
    violation = report(failed=(oom(),))["resource_violations"][0]
    assert (violation["likely_oom"], violation["oom_reason"]) == (True, "sigkill_137")
    assert "peak_memory_bytes" not in violation


def test_a_failure_of_unknown_cause_is_listed_without_flags() -> None:
    document = report(failed=(attempt(1, peak_memory_bytes=1536 * 1024),))
    assert document["resource_violations_count"] == document["total_results"] == 1
    violation = document["resource_violations"][0]
    assert violation["peak_memory_formatted"] == "1.5 MB"
    assert not [key for key in violation if key.startswith("likely_")]


def test_more_cpu_than_asked_for_and_more_time_than_allowed_are_flagged() -> None:
    violation = report(failed=(attempt(1, peak_cpu_percent=450.0, exec_time_minutes=61.0),))["resource_violations"][0]
    assert violation["likely_cpu_violation"] is True
    assert violation["likely_runtime_violation"] is True
    assert violation["peak_cpu_percent"] == 450.0


def test_a_requirement_of_nothing_does_not_break_the_report() -> None:
    facts = completed(requirement=requirement(0, 0, num_cpus=0), peak_memory_bytes=MIB, peak_cpu_percent=50.0)
    assert report(facts, failed=(facts,), show_all=True)["violations"] == []


@pytest.mark.parametrize(
    ("share", "text"), [(1.313, "+31.3%"), (0.5, "-50.0%"), (0.99999, "+0.0%"), (21.0, "+2000.0%")]
)
def test_an_excess_is_written_with_its_sign(share: float, text: str) -> None:
    assert describe_excess(share) == text


def test_cpus_are_written_as_percent_and_cores() -> None:
    assert [describe_cpus(1), describe_cpus(4)] == ["100% (1 core)", "400% (4 cores)"]
