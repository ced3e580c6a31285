"""The jobs that allocations are planned for, with what they state and their stages."""

from torc_client.http import TorcClient
from torc_client.planned_jobs import jobs_of_draft, jobs_of_workflow
from torc_core.api.drafts import ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobDraft
from torc_core.api.workflows import WorkflowModel
from torc_core.slurm.plan import PlannedJob, Requirement

DRAFT = WorkflowDraft(
    workflow=WorkflowModel(name="planned", user="tester"),
    resource_requirements=[
        ResourceRequirementsDraft(name="stated", num_cpus=2, num_gpus=1, num_nodes=3, memory="4g", runtime="PT1H"),
        ResourceRequirementsDraft(name="open", num_cpus=1, memory="0", runtime="PT0S"),
    ],
    jobs=[
        JobDraft(name="first", command="true", resource_requirements=0),
        JobDraft(name="second", command="true", resource_requirements=1, depends_on=[0]),
        JobDraft(name="third", command="true", depends_on=[1]),
    ],
)
STATED = Requirement(name="stated", cpus=2, gpus=1, nodes=3, memory_bytes=4 << 30, runtime_s=3600)
OPEN = Requirement(name="open")
UNSTATED = Requirement(name="default")


def test_a_draft_s_jobs_have_stages_and_only_what_they_state() -> None:
    assert jobs_of_draft(DRAFT) == [
        PlannedJob(name="first", requirement=STATED, stage=0),
        PlannedJob(name="second", requirement=OPEN, stage=1),
        PlannedJob(name="third", requirement=UNSTATED, stage=2),
    ]


def test_a_workflow_on_the_server_gives_the_same_jobs_as_its_draft(shared_client: TorcClient) -> None:
    workflow_id = shared_client.create_from_draft(DRAFT).workflow.id or 0
    assert jobs_of_workflow(shared_client, workflow_id) == jobs_of_draft(DRAFT)
