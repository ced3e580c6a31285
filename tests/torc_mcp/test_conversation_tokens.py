"""A whole conversation about many failures shows every group to the model, and costs little more than its parts."""

from benchmarks.tokens import converse
from benchmarks.triage import fail_all
from torc_client.http import TorcClient
from torc_core.jobs.status import JobStatus

CAUSES = 60


def test_a_model_sees_and_decides_every_group_in_a_conversation_of_bounded_size(shared_client: TorcClient) -> None:
    workflow_id, _ = fail_all(shared_client, 120, CAUSES)
    found = converse(shared_client, workflow_id)
    assert found.groups_seen == found.groups == CAUSES
    # a decision is a line of a request, and what it did to each job is not repeated
    assert found.turns[-1] < 150 * CAUSES
    assert found.once < found.resent
    assert shared_client.workflow_status(workflow_id).jobs_by_status[JobStatus.READY] == 120
