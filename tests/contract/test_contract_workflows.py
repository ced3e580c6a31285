"""The published client works with our server: workflows."""

from typing import Any

import pytest
import torc.openapi_client as upstream


def test_the_server_names_itself(api: Any) -> None:
    assert api.ping().status == "ok"
    assert api.get_version().api_version == "0.35.0"


def test_a_workflow_keeps_what_its_creator_sent(api: Any) -> None:
    created = api.create_workflow(
        upstream.WorkflowModel(
            name="everything",
            user="alice",
            description="a long one",
            project="p",
            metadata={"key": [1, None]},
            env={"A": "b"},
            use_pending_failed=True,
            submission_directory="/work",
            compute_node_wait_for_new_jobs_seconds=5,
            slurm_defaults={"account": "x"},
            dynamic_jobs=upstream.DynamicJobsConfig(max_iterations=3),
            execution_config=upstream.ExecutionConfig(
                mode="direct", limit_resources=False, stdio=upstream.StdioConfig(mode="combined")
            ),
            resource_monitor_config=upstream.ResourceMonitorConfig(
                enabled=True, sample_interval_seconds=7, jobs=upstream.JobMonitorConfig(enabled=True)
            ),
        )
    )
    stored = api.get_workflow(created.id)
    assert stored == created
    assert (stored.run_id, stored.is_canceled, stored.is_archived) == (1, False, False)
    assert stored.metadata == {"key": [1, None]}
    assert stored.execution_config.stdio.mode == "combined"
    assert stored.resource_monitor_config.sample_interval_seconds == 7
    assert stored.dynamic_jobs.max_iterations == 3
    assert stored.timestamp.endswith("Z")


def test_an_update_writes_what_is_given_and_keeps_the_rest(api: Any) -> None:
    workflow_id = api.new_workflow(description="old", project="kept")
    updated = api.update_workflow(
        workflow_id, upstream.WorkflowModel(name="renamed", user="tester", description="new", is_archived=True)
    )
    assert (updated.name, updated.description, updated.project) == ("renamed", "new", "kept")
    assert updated.is_archived is False


def test_lists_filter_sort_and_page(api: Any) -> None:
    ids = []
    for number in range(3):
        model = upstream.WorkflowModel(name=f"listed_{number}", user="lister", description=f"Find Me {number}")
        ids.append(api.create_workflow(model).id)
    api.archive_workflow(ids[0], upstream.ArchiveWorkflowRequest(is_archived=True))

    everything = api.list_workflows(user="lister")
    assert [item.id for item in everything.items] == ids
    assert (everything.count, everything.total_count, everything.has_more) == (3, 3, False)
    assert everything.max_limit == 100_000
    page = api.list_workflows(user="lister", sort_by="name", reverse_sort=True, offset=1, limit=1)
    assert [item.id for item in page.items] == [ids[1]]
    assert (page.offset, page.total_count, page.has_more) == (1, 3, True)
    assert [item.id for item in api.list_workflows(user="lister", is_archived=True).items] == ids[:1]
    assert [item.id for item in api.list_workflows(user="lister", is_archived=False).items] == ids[1:]
    assert [item.id for item in api.list_workflows(name="listed_2").items] == ids[2:]
    assert [item.id for item in api.list_workflows(user="lister", description="me 1").items] == ids[1:2]


def test_a_deleted_workflow_is_gone_with_all_that_belonged_to_it(api: Any) -> None:
    workflow_id = api.new_workflow()
    [job_id] = api.new_jobs(workflow_id, "a")
    assert api.delete_workflow(workflow_id).id == workflow_id
    with pytest.raises(upstream.exceptions.NotFoundException) as missing:
        api.get_workflow(workflow_id)
    assert str(workflow_id) in str(missing.value.body)
    with pytest.raises(upstream.exceptions.NotFoundException):
        api.get_job(job_id)


def test_an_archived_workflow_cannot_begin_a_new_run(api: Any) -> None:
    workflow_id = api.new_workflow()
    assert api.archive_workflow(workflow_id, upstream.ArchiveWorkflowRequest(is_archived=True)).is_archived
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.reset_workflow_status(workflow_id)
    api.archive_workflow(workflow_id, upstream.ArchiveWorkflowRequest(is_archived=False))
    api.reset_workflow_status(workflow_id)
    assert api.get_workflow(workflow_id).run_id == 2


def test_groups_share_workflows(api: Any) -> None:
    group = api.create_access_group(upstream.AccessGroupModel(name="readers", description="d"))
    with pytest.raises(upstream.exceptions.ConflictException):
        api.create_access_group(upstream.AccessGroupModel(name="readers"))
    member = api.add_user_to_group(
        group.id, upstream.UserGroupMembershipModel(group_id=group.id, user_name="bob", role="member")
    )
    workflow_id = api.new_workflow(access_groups=["readers"])
    other_id = api.new_workflow()
    assert api.add_workflow_to_group(other_id, group.id).workflow_id == other_id
    assert api.get_workflow(workflow_id).access_groups == ["readers"]
    assert [item.id for item in api.list_workflow_groups(other_id).items] == [group.id]
    assert [item.name for item in api.list_user_groups("bob").items] == ["readers"]
    assert [item.user_name for item in api.list_group_members(group.id).items] == ["bob"]
    assert group.id in [item.id for item in api.list_access_groups().items]
    assert api.get_access_group(group.id).name == "readers"
    assert api.check_workflow_access(workflow_id, "bob").has_access
    assert api.remove_workflow_from_group(other_id, group.id).group_id == group.id
    assert api.remove_user_from_group(group.id, "bob").id == member.id
    assert api.delete_access_group(group.id).id == group.id
    assert api.reload_auth().user_count == 0
