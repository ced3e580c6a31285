"""What runs after what, while the workflow goes on."""

import pytest
from helpers import make_workflow

from torc_client.execution_plan import plan_workflow
from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import JobModel


def test_a_job_that_comes_between_two_requests_is_left_out(
    shared_client: TorcClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id, (first, _) = make_workflow(
        shared_client, JobDraft(name="a", command="true"), JobDraft(name="b", command="true", depends_on=[0])
    )
    dependencies = shared_client.job_dependencies

    def late(workflow_id: int) -> object:
        late_job = JobModel(workflow_id=workflow_id, name="c", command="true", depends_on_job_ids=[first])
        shared_client.jobs.create(late_job)
        return dependencies(workflow_id)

    monkeypatch.setattr(shared_client, "job_dependencies", late)
    plan = plan_workflow(shared_client, workflow_id)
    assert list(plan.job_names) == ["a", "b"]
    assert [list(stage.jobs) for stage in plan.stages] == [[0], [1]]
