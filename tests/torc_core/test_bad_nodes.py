"""Nodes that new allocations leave out."""

from datetime import UTC, datetime, timedelta

from torc_core.evidence.attempt import Cause
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.recovery.bad_nodes import BadNode, NodeEnd, bad_nodes, was_ended_by_others

NOW = datetime(2025, 3, 2, 12, 0, tzinfo=UTC)


def end(node: str, job_name: str, cause: Cause | None, *, hours_ago: float = 1.0, by_others: bool = False) -> NodeEnd:
    return NodeEnd(
        node=node,
        job_name=job_name,
        ended_at=NOW - timedelta(hours=hours_ago),
        cause=cause,
        was_ended_by_others=by_others,
    )


def names(*ends: NodeEnd) -> list[str]:
    return [each.node for each in bad_nodes(ends, now=NOW)]


def test_a_node_that_failed_under_jobs_of_two_names_within_a_day_is_left_out() -> None:
    failed = (end("n2", "a", Cause.NODE_FAILURE), end("n2", "b", Cause.RUNNER_LOST))
    assert bad_nodes(failed, now=NOW) == [BadNode(node="n2", reason="it failed 2 jobs within a day (a, b)")]


def test_one_name_or_a_failure_of_the_day_before_yesterday_is_not_enough() -> None:
    assert names(end("n2", "a", Cause.NODE_FAILURE), end("n2", "a", Cause.NODE_FAILURE)) == []
    assert names(end("n2", "a", Cause.NODE_FAILURE), end("n2", "b", Cause.NODE_FAILURE, hours_ago=25)) == []


def test_what_jobs_bring_upon_themselves_is_not_the_fault_of_a_node() -> None:
    for cause in (Cause.OOM, Cause.TIMEOUT, Cause.PREEMPTED):
        assert names(end("n2", "a", cause), end("n2", "b", cause)) == []
    assert names(*(end("n2", name, Cause.RUNNER_LOST, by_others=True) for name in "ab")) == []


def test_unknown_failures_count_against_the_only_node_that_has_them_while_others_complete_jobs() -> None:
    black_hole = [end("n2", "a", Cause.UNKNOWN), end("n2", "b", Cause.UNKNOWN)]
    assert names(*black_hole, end("n1", "c", None)) == ["n2"]
    assert names(*black_hole) == [], "nothing shows that jobs run well elsewhere"
    assert names(*black_hole, end("n1", "c", None), end("n2", "d", None)) == []
    assert names(*black_hole, end("n1", "c", None), end("n3", "d", Cause.UNKNOWN)) == []


def test_a_canceled_allocation_and_an_orderly_end_of_the_runner_say_nothing_against_their_node() -> None:
    in_slurm = SchedulerFacts(type="slurm", job_id="7")
    stopped = Evidence(return_code=143, verdict="terminated", scheduler=in_slurm)
    canceled = Evidence(
        return_code=-128, verdict="lost", scheduler=in_slurm.model_copy(update={"state": "CANCELLED by 0"})
    )
    failed = Evidence(return_code=-128, verdict="lost", scheduler=in_slurm.model_copy(update={"state": "NODE_FAIL"}))
    assert [was_ended_by_others(each) for each in (stopped, canceled, failed, None)] == [True, True, False, False]
