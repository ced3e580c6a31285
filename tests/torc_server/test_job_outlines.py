"""Outlines of jobs: some facts of all jobs of a large workflow, in columns."""

from torc_client.http import TorcClient
from torc_client.planned_jobs import jobs_of_workflow, ready_jobs
from torc_core.api.drafts import JobDraft, ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.workflows import JobOutlines, WorkflowModel
from torc_core.jobs.status import JobStatus


def make_chain(client: TorcClient, count: int) -> int:
    """A workflow of jobs that all wait for the first."""
    jobs = [
        JobDraft(
            name=f"job{number}", command="true", depends_on=[0] if number else [], resource_requirements=number % 2
        )
        for number in range(count)
    ]
    needs = [
        ResourceRequirementsDraft(name=name, num_cpus=cpus, memory="1g", runtime="PT1M")
        for name, cpus in (("one", 1), ("two", 2))
    ]
    workflow = WorkflowModel(name="chain", user="tester")
    draft = WorkflowDraft(workflow=workflow, jobs=jobs, resource_requirements=needs)
    workflow_id = client.create_from_draft(draft).workflow.id or 0
    client.initialize_jobs(workflow_id)
    return workflow_id


def test_outlines_agree_with_the_records(shared_client: TorcClient) -> None:
    workflow_id = make_chain(shared_client, 4)
    records = shared_client.jobs.list_all(workflow_id=workflow_id, sort_by="id")
    outlines = shared_client.job_outlines(workflow_id)
    assert [tuple(each) for each in outlines] == [
        (job.id, job.name, job.status, job.resource_requirements_id) for job in records
    ]
    assert [each.name for each in shared_client.job_outlines(workflow_id, JobStatus.READY)] == ["job0"]
    assert [each.name for each in shared_client.job_outlines(workflow_id, JobStatus.BLOCKED, JobStatus.READY)] == [
        f"job{number}" for number in range(4)
    ]
    assert shared_client.job_outlines(workflow_id, JobStatus.FAILED) == []


def test_outlines_come_part_by_part(shared_client: TorcClient) -> None:
    workflow_id = make_chain(shared_client, 5)
    path, found, after = f"/workflows/{workflow_id}/job_outlines", [], 0
    for left in (True, True, False):
        answer = shared_client.transport.request("GET", path, query={"after": after, "limit": 2})
        part = JobOutlines.model_validate_json(answer)
        found += part.names
        assert (part.next_after is not None) is left
        after = part.next_after or 0
    assert found == [f"job{number}" for number in range(5)]


def test_what_is_planned_has_the_requirements_and_stages_of_the_jobs(shared_client: TorcClient) -> None:
    workflow_id = make_chain(shared_client, 3)
    planned = jobs_of_workflow(shared_client, workflow_id)
    assert [(job.name, job.requirement.name, job.requirement.cpus, job.stage) for job in planned] == [
        ("job0", "one", 1, 0),
        ("job1", "two", 2, 1),
        ("job2", "one", 1, 1),
    ]
    assert [job.name for job in ready_jobs(shared_client, workflow_id)] == ["job0"]
    blocked = shared_client.job_outlines(workflow_id)[2].id
    assert [job.name for job in ready_jobs(shared_client, workflow_id, [blocked])] == ["job0", "job2"]
