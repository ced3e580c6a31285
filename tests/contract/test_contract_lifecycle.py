"""The published client works with our server: the life of jobs."""

from typing import Any

import pytest
import torc.openapi_client as upstream
from helpers import wait_until

CPUS = upstream.ComputeNodesResources(num_cpus=2, num_gpus=0, num_nodes=1, memory_gb=4)


def _statuses(api: Any, workflow_id: int) -> dict[str, str]:
    return {job.name: str(job.status.value) for job in api.list_jobs(workflow_id).items}


def _chain(api: Any) -> tuple[int, list[int], int]:
    """A workflow a → b → c, initialized, and a runner."""
    workflow_id = api.new_workflow(use_pending_failed=False)
    ids: list[int] = []
    for name in "abc":
        ids += api.new_jobs(workflow_id, name, depends_on_job_ids=ids[-1:] or None)
    assert api.is_workflow_uninitialized(workflow_id).is_uninitialized
    api.initialize_jobs(workflow_id)
    return workflow_id, ids, api.new_node(workflow_id)


def _fail(api: Any, workflow_id: int, job_id: int, node_id: int) -> Any:
    return api.complete_job(
        job_id, "failed", 1, api.result(workflow_id, job_id, node_id, status="failed", return_code=1)
    )


def test_a_chain_runs_from_its_beginning_to_its_end(api: Any) -> None:
    workflow_id, ids, node_id = _chain(api)
    assert not api.is_workflow_uninitialized(workflow_id).is_uninitialized
    for place, job_id in enumerate(ids):
        assert list(_statuses(api, workflow_id).values())[place] == "ready"
        claimed = api.claim_jobs_based_on_resources(workflow_id, 5, CPUS)
        assert [(job.id, job.status) for job in claimed.jobs] == [(job_id, "pending")]
        assert claimed.reason is None
        assert api.start_job(job_id, 1, node_id).status == "running"
        [running] = api.get_running_jobs(workflow_id).items
        assert (running.job_id, running.compute_node_name, running.scheduler_type) == (job_id, "node1", "local")
        assert running.start_time
        ended = api.complete_job(job_id, "completed", 1, api.result(workflow_id, job_id, node_id))
        assert ended.status == "completed"
    assert api.claim_jobs_based_on_resources(workflow_id, 5, CPUS).jobs == []
    finished = api.is_workflow_complete(workflow_id)
    assert (finished.is_complete, finished.is_canceled) == (True, False)
    status = api.get_workflow_status(workflow_id)
    assert (status.total_jobs, status.jobs_by_status.completed, status.is_complete) == (3, 3, True)
    assert status.total_exec_time_minutes == 1.5
    assert status.active_compute_nodes == 1


def test_claims_respect_resources_limits_and_cancellation(api: Any) -> None:
    workflow_id = api.new_workflow()
    api.new_jobs(workflow_id, *"abcde")
    needs = api.create_resource_requirements(
        upstream.ResourceRequirementsModel(workflow_id=workflow_id, name="wide", num_cpus=8)
    )
    api.new_jobs(workflow_id, "wide", resource_requirements_id=needs.id, priority=9)
    api.initialize_jobs(workflow_id)
    assert [job.name for job in api.claim_jobs_based_on_resources(workflow_id, 5, CPUS).jobs] == ["a", "b"]
    assert [job.name for job in api.claim_next_jobs(workflow_id, limit=2).jobs] == ["wide", "c"]
    limited = upstream.ComputeNodesResources.from_dict({**CPUS.to_dict(), "time_limit": "PT1S"})
    assert api.claim_jobs_based_on_resources(workflow_id, 5, limited).jobs == []
    api.cancel_workflow(workflow_id)
    canceled = api.claim_jobs_based_on_resources(workflow_id, 5, CPUS)
    assert (canceled.jobs, canceled.reason) == ([], "Workflow is canceled")


def test_scheduler_ids_bind_jobs_unless_nothing_else_is_there(api: Any) -> None:
    workflow_id = api.new_workflow()
    own, other = (
        api.create_slurm_scheduler(
            upstream.SlurmSchedulerModel(workflow_id=workflow_id, account="a", nodes=1, walltime="01:00:00")
        ).id
        for _ in range(2)
    )
    api.new_jobs(workflow_id, "bound", scheduler_id=other)
    api.initialize_jobs(workflow_id)
    asking = upstream.ComputeNodesResources.from_dict({**CPUS.to_dict(), "scheduler_config_id": own})
    strict = api.claim_jobs_based_on_resources(workflow_id, 1, asking, strict_scheduler_match=True)
    assert strict.jobs == []
    assert [job.name for job in api.claim_jobs_based_on_resources(workflow_id, 1, asking).jobs] == ["bound"]


def test_a_batch_tells_what_is_wrong_with_each_completion(api: Any) -> None:
    workflow_id = api.new_workflow()
    ids = api.new_jobs(workflow_id, *"abc")
    api.initialize_jobs(workflow_id)
    node_id = api.new_node(workflow_id)
    api.claim_next_jobs(workflow_id, limit=2)
    entries = [
        upstream.JobCompletionEntry(
            job_id=job_id, run_id=run_id, status="completed", result=api.result(workflow_id, job_id, node_id)
        )
        for job_id, run_id in zip(ids, (1, 1, 2), strict=True)
    ]
    answer = api.batch_complete_jobs(workflow_id, upstream.BatchCompleteJobsRequest(completions=entries))
    assert answer.completed == ids[:2]
    [error] = answer.errors
    assert (error.job_id, "not in run 2" in error.message) == (ids[2], True)
    again = api.batch_complete_jobs(workflow_id, upstream.BatchCompleteJobsRequest(completions=entries[:2]))
    assert (again.completed, again.errors) == (ids[:2], [])


def test_a_failure_cancels_everything_behind_it_and_leaves_no_results_there(api: Any) -> None:
    workflow_id, ids, node_id = _chain(api)
    api.claim_next_jobs(workflow_id, limit=1)
    api.start_job(ids[0], 1, node_id)
    assert _fail(api, workflow_id, ids[0], node_id).status == "failed"
    assert _statuses(api, workflow_id) == {"a": "failed", "b": "canceled", "c": "canceled"}
    assert [result.job_id for result in api.list_results(workflow_id, all_runs=True).items] == [ids[0]]


def test_a_retry_gives_the_job_another_attempt_and_keeps_the_result(api: Any) -> None:
    workflow_id, ids, node_id = _chain(api)
    api.claim_next_jobs(workflow_id, limit=1)
    api.start_job(ids[0], 1, node_id)
    _fail(api, workflow_id, ids[0], node_id)
    retried = api.retry_job(ids[0], 1, 2)
    assert (retried.status, retried.attempt_id) == ("ready", 2)
    assert _statuses(api, workflow_id) == {"a": "ready", "b": "blocked", "c": "blocked"}
    assert api.list_results(workflow_id).items == []
    assert [result.attempt_id for result in api.list_results(workflow_id, all_runs=True).items] == [1]
    assert api.list_events(workflow_id, category="job_retried").count == 1
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.retry_job(ids[0], 1, 2)


def test_failed_jobs_are_reset_and_run_again_in_a_new_run(api: Any) -> None:
    workflow_id, ids, node_id = _chain(api)
    api.claim_next_jobs(workflow_id, limit=1)
    api.start_job(ids[0], 1, node_id)
    _fail(api, workflow_id, ids[0], node_id)
    api.reset_workflow_status(workflow_id)
    reset = api.reset_job_status(workflow_id, failed_only=True)
    assert (reset.updated_count, reset.status, reset.reset_type) == (3, "uninitialized", "failed_only")
    api.initialize_jobs(workflow_id, only_uninitialized=True)
    assert _statuses(api, workflow_id) == {"a": "ready", "b": "blocked", "c": "blocked"}
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.start_job(ids[0], 1, node_id)
    api.claim_next_jobs(workflow_id, limit=1)
    result = api.result(workflow_id, ids[0], node_id, run_id=2, attempt_id=api.get_job(ids[0]).attempt_id)
    assert api.complete_job(ids[0], "completed", 2, result).status == "completed"


def test_a_status_is_changed_by_hand_where_the_lifecycle_allows_it(api: Any) -> None:
    _, ids, _ = _chain(api)
    changed = api.manage_status_change(ids[0], "uninitialized", 1)
    assert changed.status == "uninitialized"
    for status in ("completed", "running"):
        with pytest.raises(upstream.exceptions.UnprocessableEntityException):
            api.manage_status_change(ids[0], status, 1)
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.manage_status_change(ids[0], "disabled", 99)


def test_changed_inputs_are_found_and_reset(api: Any) -> None:
    workflow_id = api.new_workflow()
    datum = api.create_user_data(upstream.UserDataModel(workflow_id=workflow_id, name="d", data=1))
    [job_id] = api.new_jobs(workflow_id, "job", input_user_data_ids=[datum.id])
    api.initialize_jobs(workflow_id)
    assert api.process_changed_job_inputs(workflow_id, dry_run=True).reinitialized_jobs == []
    api.update_user_data(datum.id, upstream.UserDataModel(workflow_id=workflow_id, name="d", data=2))
    assert api.process_changed_job_inputs(workflow_id, dry_run=True).reinitialized_jobs == ["job"]
    assert api.get_job(job_id).status == "ready"
    assert api.process_changed_job_inputs(workflow_id).reinitialized_jobs == ["job"]
    assert api.get_job(job_id).status == "uninitialized"


def test_a_canceled_workflow_is_complete_and_can_begin_again(api: Any) -> None:
    workflow_id, ids, node_id = _chain(api)
    api.claim_next_jobs(workflow_id, limit=1)
    api.start_job(ids[0], 1, node_id)
    api.cancel_workflow(workflow_id)
    finished = api.is_workflow_complete(workflow_id)
    assert (finished.is_complete, finished.is_canceled) == (True, True)
    assert api.get_job(ids[0]).status == "canceled"
    assert api.list_events(workflow_id, category="workflow_canceled").count == 1
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.complete_job(ids[0], "completed", 1, api.result(workflow_id, ids[0], node_id))
    api.reset_workflow_status(workflow_id, force=True)
    workflow = api.get_workflow(workflow_id)
    assert (workflow.run_id, workflow.is_canceled) == (2, False)


def test_a_new_run_is_refused_while_jobs_are_at_work(api: Any) -> None:
    workflow_id, _, _ = _chain(api)
    api.claim_next_jobs(workflow_id, limit=1)
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.reset_workflow_status(workflow_id)
    assert api.get_workflow(workflow_id).run_id == 1


def test_a_background_operation_that_is_refused_is_a_failed_task(api: Any) -> None:
    workflow_id = api.new_workflow()
    files = [api.create_file(upstream.FileModel(workflow_id=workflow_id, name=name, path=name)).id for name in "xy"]
    for name, reads, writes in (("c", 0, 1), ("d", 1, 0)):
        api.new_jobs(workflow_id, name, input_file_ids=[files[reads]], output_file_ids=[files[writes]])
    task = api.initialize_jobs(workflow_id, var_async=True)
    wait_until(lambda: api.get_task(task.id).status == "failed", "the task has failed")
    assert "wait for each other" in api.get_task(task.id).error


def test_an_operation_in_the_background_is_a_task_that_can_be_looked_up(api: Any) -> None:
    workflow_id = api.new_workflow()
    api.new_jobs(workflow_id, "a")
    task = api.initialize_jobs(workflow_id, var_async=True)
    assert (task.workflow_id, task.operation, task.status) == (workflow_id, "initialize_jobs", "queued")
    wait_until(lambda: api.get_task(task.id).status == "succeeded", "the task has ended")
    ended = api.get_task(task.id)
    assert task.created_at_ms <= ended.started_at_ms <= ended.finished_at_ms
    assert api.get_active_task_for_workflow(workflow_id).task is None
    assert _statuses(api, workflow_id) == {"a": "ready"}
    with pytest.raises(upstream.exceptions.NotFoundException):
        api.get_task(99_999_999)
