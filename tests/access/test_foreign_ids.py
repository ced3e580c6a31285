"""Bodies name records of their own workflow alone, whatever ids there are besides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from helpers import make_runner, make_workflow

from torc_client.http import TorcClient
from torc_core.api.actions import ClaimActionRequest, WorkflowActionModel
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import JobCompletion, JobModel
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import InvalidInputError
from torc_core.jobs.status import JobStatus


@dataclass
class Place:
    """A workflow with a job, a runner, a scheduler, an allocation and an action."""

    client: TorcClient
    workflow_id: int
    job_id: int
    node_id: int
    scheduler_id: int
    allocation_id: int = 0

    @classmethod
    def make(cls, client: TorcClient) -> "Place":
        workflow_id, [job_id] = make_workflow(client, JobDraft(name="a", command="true"))
        scheduler = client.slurm_schedulers.create(
            SlurmSchedulerModel(workflow_id=workflow_id, name="s", account="a", nodes=1, walltime="01:00:00")
        )
        place = cls(client, workflow_id, job_id, make_runner(client, workflow_id), scheduler.id or 0)
        place.allocation_id = place.allocation(place).id or 0
        return place

    def result(self, other: "Place") -> ResultModel:
        return ResultModel(
            job_id=self.job_id, workflow_id=self.workflow_id, run_id=1, compute_node_id=other.node_id, return_code=0,
            exec_time_minutes=1, completion_time="2026-01-01T00:00:00Z", status=JobStatus.COMPLETED,
        )  # fmt: skip

    def allocation(self, other: "Place", **fields: Any) -> ScheduledComputeNodeModel:
        return self.client.scheduled_compute_nodes.create(
            ScheduledComputeNodeModel(
                workflow_id=self.workflow_id, scheduler_id=1, scheduler_config_id=other.scheduler_id,
                scheduler_type="slurm", status="pending", **fields,
            )
        )  # fmt: skip

    def action(self, config: dict[str, Any]) -> int:
        kind = "schedule_nodes" if "scheduler_id" in config else "run_commands"
        action = WorkflowActionModel(
            workflow_id=self.workflow_id, trigger_type="on_workflow_start", action_type=kind, action_config=config
        )
        return self.client.create_action(self.workflow_id, action).id or 0


def change_runner(own: Place, other: Place) -> None:
    node = own.client.compute_nodes.get(own.node_id)
    own.client.compute_nodes.update(own.node_id, node.model_copy(update={"scheduler_config_id": other.scheduler_id}))


def create_result(own: Place, other: Place) -> None:
    made = own.client.results.create(own.result(other))
    # the job is ready: what its next attempt would collide with goes again
    own.client.results.delete(made.id or 0)


def change_result(own: Place, other: Place) -> None:
    made = own.client.results.create(own.result(own))
    try:
        own.client.results.update(made.id or 0, own.result(other))
    finally:
        own.client.results.delete(made.id or 0)


def change_allocation(own: Place, other: Place) -> None:
    known = own.client.scheduled_compute_nodes.get(own.allocation_id)
    changed = known.model_copy(update={"scheduler_config_id": other.scheduler_id})
    own.client.scheduled_compute_nodes.update(own.allocation_id, changed)


def change_job(own: Place, other: Place) -> None:
    job = JobModel(workflow_id=own.workflow_id, name="a", command="true", scheduler_id=other.scheduler_id)
    own.client.jobs.update(own.job_id, job)


def create_job(own: Place, other: Place) -> None:
    own.client.jobs.create(
        JobModel(workflow_id=own.workflow_id, name="b", command="true", scheduler_id=other.scheduler_id)
    )


def claim_action(own: Place, other: Place) -> None:
    request = ClaimActionRequest(compute_node_id=other.node_id)
    action_id = own.action({"commands": ["true"]})
    body = request.model_dump_json().encode()
    own.client.transport.request("POST", f"/workflows/{own.workflow_id}/actions/{action_id}/claim", body=body)


WAYS: dict[str, Callable[[Place, Place], object]] = {
    "a result": create_result,
    "a result, changed": change_result,
    "an allocation": lambda own, other: own.allocation(other),
    "an allocation of an array": lambda own, other: own.allocation(own, array_record_id=other.allocation_id),
    "an allocation, changed": change_allocation,
    "a runner, changed": change_runner,
    "a job": create_job,
    "a job, changed": change_job,
    "an action": lambda own, other: own.action({"scheduler_id": other.scheduler_id}),
    "the claim of an action": claim_action,
}


@pytest.mark.parametrize("way", WAYS)
def test_an_id_of_another_workflow_is_refused_and_an_own_one_taken(shared_client: TorcClient, way: str) -> None:
    own, other = Place.make(shared_client), Place.make(shared_client)
    with pytest.raises(InvalidInputError, match=f"workflow {own.workflow_id}"):
        WAYS[way](own, other)
    WAYS[way](own, own)


def test_the_report_of_a_job_names_no_runner_of_another_workflow(shared_client: TorcClient) -> None:
    own, other = Place.make(shared_client), Place.make(shared_client)
    shared_client.claim_next_jobs(own.workflow_id, limit=1)

    def report(runner: Place) -> list[str]:
        completion = JobCompletion(job_id=own.job_id, status=JobStatus.COMPLETED, run_id=1, result=own.result(runner))
        answer = shared_client.complete_jobs(own.workflow_id, [completion])
        return [error.code for error in answer.errors]

    assert report(other) == ["invalid_input"]
    assert shared_client.jobs.get(own.job_id).status is JobStatus.PENDING
    assert report(own) == []
