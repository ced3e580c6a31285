"""What the client sends."""

import pytest
from helpers import make_workflow

from torc_client.calls import Calls
from torc_client.http import TorcClient
from torc_core.api.base import Page
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import JobModel
from torc_core.errors import NotFoundError


def test_a_signature_is_a_part_of_the_path_whatever_it_holds(shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, JobDraft(name="a", command="true"))
    with pytest.raises(NotFoundError):
        shared_client.failures.evidence(workflow_id, signature="../../../ping#")
    assert shared_client.failures.evidence(workflow_id, signature="a?b#c").items == []


def test_a_list_is_read_page_after_page_to_its_limit(shared_client: TorcClient) -> None:
    jobs = [JobDraft(name=f"job{number}", command="true") for number in range(5)]
    workflow_id, ids = make_workflow(shared_client, *jobs)
    calls = Calls(shared_client.transport)
    query = {"workflow_id": workflow_id, "sort_by": "id"}
    page = Page[JobModel]
    read = [job.id for job in calls.each("/jobs", page, query, offset=1, limit=3, page_size=2)]
    assert read == ids[1:4]
    assert [job.id for job in calls.each("/jobs", page, query, page_size=2)] == ids
    assert list(calls.each("/jobs", page, query, limit=0)) == []
