"""Executors of one's own: programs that run jobs through the API without being a runner."""

from typing import Any

import pytest
import torc.openapi_client as upstream


@pytest.fixture
def workflow_id(api: Any) -> int:
    return api.new_workflow()


def ready(api: Any, workflow_id: int, *names: str, **settings: Any) -> list[int]:
    jobs = api.new_jobs(workflow_id, *names, **settings)
    api.initialize_jobs(workflow_id)
    return jobs


def status_of(api: Any, job_id: int) -> str:
    return str(api.get_job(job_id).status.value)


def test_a_ready_job_is_started_by_hand_and_completed(api: Any, workflow_id: int) -> None:
    (job,) = ready(api, workflow_id, "a")
    started = api.manage_status_change(job, "running", 1)
    assert (started.status, started.compute_node_id) == ("running", None)
    assert started.start_time
    node = api.new_node(workflow_id)
    done = api.complete_job(job, "completed", 1, api.result(workflow_id, job, node))
    assert done.status == "completed"


def test_a_job_that_was_never_claimed_is_completed_with_the_run_it_was_given(api: Any, workflow_id: int) -> None:
    first, second = ready(api, workflow_id, "a", "b")
    node = api.new_node(workflow_id)
    with pytest.raises(upstream.exceptions.ApiException, match="run 1"):
        api.complete_job(first, "completed", 2, api.result(workflow_id, first, node, run_id=2))
    api.complete_job(first, "completed", 1, api.result(workflow_id, first, node))
    entry = upstream.JobCompletionEntry(
        job_id=second,
        status="failed",
        run_id=1,
        result=api.result(workflow_id, second, node, return_code=1, status="failed"),
    )
    answer = api.batch_complete_jobs(workflow_id, upstream.BatchCompleteJobsRequest(completions=[entry]))
    assert (answer.completed, answer.errors) == ([second], [])
    assert (status_of(api, first), status_of(api, second)) == ("completed", "failed")


def test_what_a_runner_holds_is_never_taken_by_hand(api: Any, workflow_id: int) -> None:
    (job,) = ready(api, workflow_id, "a")
    node, other = api.new_node(workflow_id), api.new_node(workflow_id)
    claimed = api.claim_next_jobs(workflow_id)
    assert [each.id for each in claimed.jobs] == [job]
    api.start_job(job, 1, node)
    for call in (
        lambda: api.complete_job(job, "completed", 1, api.result(workflow_id, job, other)),
        lambda: api.manage_status_change(job, "pending", 1),
    ):
        with pytest.raises(upstream.exceptions.ApiException):
            call()
    assert status_of(api, job) == "running"


def test_a_retried_job_says_so(api: Any, workflow_id: int) -> None:
    first, second = ready(api, workflow_id, "a", "b")
    node = api.new_node(workflow_id)
    api.complete_job(first, "failed", 1, api.result(workflow_id, first, node, return_code=1, status="failed"))
    assert api.retry_job(first, 1, 3).origin == "retry"
    assert api.get_job(second).origin is None
    assert [job.id for job in api.list_jobs(workflow_id, origin_is_set=True).items] == [first]


def test_a_requirement_without_a_cpu_is_refused(api: Any, workflow_id: int) -> None:
    record = upstream.ResourceRequirementsModel(
        workflow_id=workflow_id, name="none", num_cpus=0, num_gpus=0, num_nodes=1, memory="1m", runtime="PT1M"
    )
    with pytest.raises(upstream.exceptions.ApiException, match="at least 1 CPU"):
        api.create_resource_requirements(record)


@pytest.mark.parametrize("generations", [0, -1])
def test_a_bound_on_generations_is_at_least_one(api: Any, generations: int) -> None:
    with pytest.raises(upstream.exceptions.ApiException, match="max_iterations"):
        api.new_workflow(dynamic_jobs=upstream.DynamicJobsConfig(max_iterations=generations))
