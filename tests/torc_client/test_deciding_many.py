"""A group larger than one call decides is decided to its end."""

from recovery_scenes import BROKEN, claim_all, job, make_scene

from torc_client.agents.decide import decide_all, in_parts
from torc_client.agents.rules import RulesDecision, RulesRequest, propose_by_rules
from torc_client.http import TorcClient
from torc_core.api.failures import (
    MAX_DECIDED_JOBS,
    Actor,
    Classification,
    ClassifyRequest,
    DecisionLimits,
)
from torc_core.api.jobs import JobCompletion
from torc_core.api.results import ResultModel
from torc_core.jobs.status import JobStatus

MORE = 3


def fail_at_once(client: TorcClient, workflow_id: int, ids: list[int]) -> None:
    runner_id = claim_all(client, workflow_id)
    completions = [
        JobCompletion(
            job_id=job_id,
            status=JobStatus.FAILED,
            run_id=1,
            evidence=BROKEN,
            unmatched_failure=True,
            result=ResultModel(
                job_id=job_id,
                workflow_id=workflow_id,
                run_id=1,
                attempt_id=1,
                compute_node_id=runner_id,
                return_code=1,
                exec_time_minutes=1.0,
                completion_time="2026-01-01T00:00:01Z",
                status=JobStatus.FAILED,
            ),
        )
        for job_id in ids
    ]
    assert client.complete_jobs(workflow_id, completions).errors == []


def test_a_group_of_more_jobs_than_a_call_decides_is_proposed_and_decided_whole(shared_client: TorcClient) -> None:
    client, count = shared_client, MAX_DECIDED_JOBS + MORE
    workflow_id, ids = make_scene(client, *(job(f"j{n}") for n in range(count)), use_pending_failed=True)
    fail_at_once(client, workflow_id, ids)
    [group] = client.failures.groups(workflow_id).items
    entry = Classification(signature=group.signature, action="fail", reason="bug")

    decision = RulesDecision(decided=[entry], planned=[], left={}, members={group.signature: group.job_ids})
    propose_by_rules(client, workflow_id, decision, RulesRequest(user="ann", limits=DecisionLimits()))
    assert [each.jobs_to_fail for each in client.failures.proposals(workflow_id)] == [MAX_DECIDED_JOBS, MORE]

    printed: list[tuple[int, int]] = []
    request = ClassifyRequest(classifications=[entry], actor=Actor(kind="person", name="ann"))
    answer = decide_all(
        client, workflow_id, request, lambda so_far: printed.append((so_far.jobs_to_fail, so_far.remaining))
    )
    assert (answer.jobs_to_fail, answer.jobs_skipped, answer.remaining) == (count, 0, 0)
    assert printed == [(MAX_DECIDED_JOBS, MORE)]
    assert client.workflow_status(workflow_id).jobs_by_status[JobStatus.FAILED] == count


def test_named_jobs_come_in_parts_and_groups_with_the_last() -> None:
    named = [Classification(job_id=n + 1, action="fail", reason="r") for n in range(MAX_DECIDED_JOBS + MORE)]
    group = Classification(signature="s", action="fail", reason="r")
    assert in_parts([group, *named[:2]]) == [[group, *named[:2]]]
    assert in_parts([group, *named]) == [named[:MAX_DECIDED_JOBS], [*named[MAX_DECIDED_JOBS:], group]]
