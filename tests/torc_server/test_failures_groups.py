"""Failures in groups: what is stored of them, how they are grouped, and what is suggested."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import job
from triage import AGENT, BUG, REFUSED, STRANGE, alike, decide, entry_for, evidence, fail, failed_run, group_of, groups

from torc_core.api.jobs import ReclaimRequest
from torc_core.evidence.record import MAX_EVIDENCE_BYTES
from torc_core.jobs.status import JobStatus
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import groups as failures

LEAK = "hunter2secret99"


def test_like_failures_are_one_group_and_the_largest_comes_first(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": BUG, "b": REFUSED, "c": REFUSED.replace("storage", "backup")})
    found = groups(run)
    assert [(group.count, group.job_ids) for group in found.items] == [
        (2, [run.id("b"), run.id("c")]),
        (1, [run.id("a")]),
    ]
    assert (found.total_jobs, found.total_count, found.has_more) == (3, 2, False)


def test_a_group_says_its_cause_and_what_the_rules_suggest(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": f"starting\n{REFUSED}\nbye"})
    group = group_of(run, "a")
    assert group.cause == REFUSED
    assert group.suggestion is not None
    assert (group.suggestion.class_, group.suggestion.action) == ("transient", "retry")
    assert group.sample.evidence is not None
    assert REFUSED in group.sample.evidence.stderr_tail


def test_credentials_are_never_stored(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": f"login with password={LEAK}\n{REFUSED} token={LEAK}"})
    stored = run.bench.read(UnitOfWork.rows, "SELECT data, cause FROM failure_evidence")
    assert stored
    assert LEAK not in repr(stored)
    assert LEAK not in groups(run).model_dump_json()


def test_evidence_too_large_for_its_table_is_cut(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": "x\n" * 100_000 + REFUSED})
    assert run.bench.count("SELECT length(data) FROM failure_evidence") <= MAX_EVIDENCE_BYTES
    assert group_of(run, "a").cause == REFUSED


def test_attempts_without_evidence_are_grouped_by_return_code(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a"), job("b"), job("c"))
    run.begin("a", "b", "c")
    for name, code in (("a", 3), ("b", 3), ("c", 4)):
        run.end(name, JobStatus.FAILED, unmatched_failure=True, result_return_code=code)
    assert [(group.signature, group.count, group.sample.return_code) for group in groups(run).items] == [
        ("exit_3", 2, 3),
        ("exit_4", 1, 4),
    ]
    assert groups(run).items[0].sample.evidence is None
    page = run.bench.read(failures.list_evidence, run.workflow_id, "exit_3", PageRequest())
    assert [item.evidence.return_code for item in page.items] == [3, 3]


def test_a_job_that_nobody_recorded_anything_of_is_listed_too(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    run.bench.write(UnitOfWork.run, "DELETE FROM result")
    group = group_of(run, "a")
    assert group.signature == "exit_unknown"
    assert group.cause == "Nothing about the failure was recorded."


def test_only_the_newest_attempt_counts(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    decide(run, entry_for(run, "a", "retry"))
    run.begin("a")
    fail(run, "a", BUG)
    group = group_of(run, "a")
    assert (group.sample.attempt_id, group.cause) == (2, "KeyError: 'timestamp'")


@pytest.mark.parametrize("status", ["failed", "terminated"])
def test_failures_that_nobody_has_to_decide_are_listed_by_status(tmp_path: Path, status: JobStatus) -> None:
    run = failed_run(tmp_path, {"a": REFUSED}, job("b"))
    run.begin("b")
    run.end("b", JobStatus(status), evidence=evidence(BUG))
    assert groups(run).total_jobs == 1
    assert group_of(run, "b", "failed" if status == "failed" else "terminated").job_ids == [run.id("b")]
    assert groups(run, "all").total_jobs == 2


def test_groups_come_in_pages_and_their_job_ids_can_be_cut(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": BUG})
    page = run.bench.read(
        failures.list_groups,
        run.workflow_id,
        PageRequest(offset=0, limit=1),
        status="pending_failed",
        job_ids_limit=1,
    )
    assert [(group.count, group.job_ids) for group in page.items] == [(2, [run.id("a")])]
    assert (page.total_jobs, page.total_count, page.has_more) == (3, 2, True)
    assert [group.count for group in groups(run, offset=1, limit=5).items] == [1]


def test_one_group_is_found_by_the_beginning_of_its_signature_or_by_a_job(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": BUG, "b": REFUSED, "c": REFUSED.replace("storage", "backup")})

    def found(**wanted: Any) -> list[list[int]]:
        page = PageRequest()
        listed = run.bench.read(failures.list_groups, run.workflow_id, page, status="all", job_ids_limit=None, **wanted)
        assert listed.total_count == len(listed.items)
        return [group.job_ids for group in listed.items]

    refused = [run.id("b"), run.id("c")]
    signature = group_of(run, "b").signature
    assert found(signature=signature) == found(signature=signature[:6]) == found(job_id=run.id("c")) == [refused]
    assert found(signature="") == [refused, [run.id("a")]]
    assert found(signature="%") == found(job_id=987654) == []


def test_the_evidence_of_a_group_comes_in_pages(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": BUG})
    signature = group_of(run, "a").signature
    page = run.bench.read(failures.list_evidence, run.workflow_id, signature, PageRequest(offset=1, limit=1))
    assert [item.job_name for item in page.items] == ["b"]
    assert (page.total_count, page.has_more) == (2, False)


def test_a_lost_runner_leaves_a_signed_failure(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a"))
    run.begin("a")
    request = ReclaimRequest(compute_node_ids=[run.runner], reason=f"gone, password={LEAK}")
    run.bench.write(reclaim_jobs, run.workflow_id, request)
    group = group_of(run, "a")
    assert group.suggestion is not None
    assert group.suggestion.rule == "fact-lost"
    assert LEAK not in groups(run).model_dump_json()


def test_an_oom_is_suggested_the_memory_its_neediest_job_would_need(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a", resource_requirements=0), job("b", resource_requirements=0))
    run.begin("a", "b")
    for name, peak in (("a", 1 << 30), ("b", 4 << 30)):
        killed = evidence("", verdict="oom", peak_memory_bytes=peak, memory_limit_bytes=1 << 30)
        run.end(name, JobStatus.FAILED, unmatched_failure=True, evidence=killed, result_peak_memory_bytes=peak)
    suggestion = group_of(run, "a").suggestion
    assert suggestion is not None
    assert (suggestion.class_, suggestion.memory, suggestion.runtime) == ("oom", "6g", None)


def test_a_timeout_is_suggested_more_runtime(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {}, job("a", resource_requirements=0))
    run.begin("a")
    killed = evidence("", verdict="timeout", runtime_s=3600, runtime_limit_s=3600)
    run.end("a", JobStatus.FAILED, unmatched_failure=True, evidence=killed)
    suggestion = group_of(run, "a").suggestion
    assert suggestion is not None
    assert (suggestion.class_, suggestion.runtime) == ("timeout", "PT1H24M")


def _retry_again(run_text: dict[str, str], folder: Path, *, rounds: int, succeeds: bool = False) -> str | None:
    """The suggestion for STRANGE after so many retries of it."""
    run = failed_run(folder, run_text, job("late"))
    for _ in range(rounds):
        decide(run, alike(run, "a", "retry"), actor=AGENT)
        run.begin("a")
        if succeeds:
            run.end("a")
            run.begin("late")
            fail(run, "late", STRANGE)
            break
        fail(run, "a", STRANGE)
    suggestion = group_of(run, "late" if succeeds else "a").suggestion
    return None if suggestion is None else f"{suggestion.rule}: {suggestion.action}"


def test_what_no_rule_knows_and_nobody_decided_has_no_suggestion(tmp_path: Path) -> None:
    assert _retry_again({"a": STRANGE}, tmp_path, rounds=0) is None


def test_one_more_failure_is_no_proof(tmp_path: Path) -> None:
    assert _retry_again({"a": STRANGE}, tmp_path, rounds=1) is None


def test_what_keeps_failing_is_permanent_whatever_the_rules_say(tmp_path: Path) -> None:
    assert _retry_again({"a": STRANGE}, tmp_path, rounds=2) == "observed-permanent: fail"


def test_what_succeeded_when_tried_again_is_transient(tmp_path: Path) -> None:
    assert _retry_again({"a": STRANGE}, tmp_path, rounds=1, succeeds=True) == "observed-transient: retry"


def test_a_persons_decision_is_suggested_again_with_its_record(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE, "b": STRANGE})
    decide(run, entry_for(run, "a", "fail"))
    group = group_of(run, "b")
    assert group.suggestion is not None
    assert (group.suggestion.rule, group.suggestion.action) == ("learned", "fail")
    assert group.record.failed == 1


def test_an_agents_word_alone_teaches_nothing(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE, "b": STRANGE})
    decide(run, entry_for(run, "a", "fail"), actor=AGENT)
    assert group_of(run, "b").suggestion is None
    assert group_of(run, "b").record.failed == 1


def test_what_failed_again_in_one_workflow_condemns_no_other(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED, "b": STRANGE})
    other = run.bench.workflow([job("x"), job("y")])
    other.begin("x", "y")
    fail(other, "x", REFUSED.replace("storage", "database"))
    fail(other, "y", STRANGE)
    before = group_of(other, "x").suggestion
    for _ in range(2):
        decide(run, entry_for(run, "a", "retry"), entry_for(run, "b", "retry"), actor=AGENT)
        run.begin("a", "b")
        fail(run, "a", REFUSED)
        fail(run, "b", STRANGE)
    own = group_of(run, "a").suggestion
    assert own is not None
    assert own.rule == "observed-permanent"
    assert group_of(other, "x").suggestion == before
    assert group_of(other, "x").record.retries_failed_again == 2
    unruled = group_of(other, "y").suggestion
    assert unruled is not None
    assert (unruled.action, unruled.reason) == (
        "fail",
        "In other workflows it failed alike in 2 rounds of retries, and never succeeded.",
    )


def test_the_record_counts_over_all_workflows(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": REFUSED})
    decide(run, entry_for(run, "a", "retry"))
    run.begin("a")
    run.end("a")
    other = run.bench.workflow([job("x")])
    other.begin("x")
    fail(other, "x", REFUSED)
    record = group_of(other, "x").record
    assert (record.retried, record.retries_succeeded, record.retries_failed_again, record.failed) == (1, 1, 0, 0)
