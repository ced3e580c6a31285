"""The published client works with our server: jobs as records."""

from typing import Any

import pytest
import torc.openapi_client as upstream


def test_a_job_keeps_what_its_creator_sent(api: Any) -> None:
    workflow_id = api.new_workflow()
    [first] = api.new_jobs(workflow_id, "first")
    made = api.create_file(upstream.FileModel(workflow_id=workflow_id, name="in", path="in.txt"))
    written = api.create_file(upstream.FileModel(workflow_id=workflow_id, name="out", path="out.txt"))
    datum = api.create_user_data(upstream.UserDataModel(workflow_id=workflow_id, name="d", data={"x": 1}))
    needs = api.create_resource_requirements(
        upstream.ResourceRequirementsModel(workflow_id=workflow_id, name="big", num_cpus=2, memory="2g", runtime="PT2H")
    )
    handler = api.create_failure_handler(
        upstream.FailureHandlerModel(workflow_id=workflow_id, name="h", rules='[{"exit_codes": [1]}]')
    )
    job = api.create_job(
        upstream.JobModel(
            workflow_id=workflow_id,
            name="job",
            command="run me",
            invocation_script="bash wrap.sh",
            env={"A": "b"},
            cancel_on_blocking_job_failure=False,
            supports_termination=True,
            depends_on_job_ids=[first],
            input_file_ids=[made.id],
            output_file_ids=[written.id],
            input_user_data_ids=[datum.id],
            resource_requirements_id=needs.id,
            failure_handler_id=handler.id,
            priority=5,
        )
    )
    stored = api.get_job(job.id)
    assert stored == job
    assert (stored.status, stored.attempt_id, stored.priority) == ("uninitialized", 1, 5)
    assert stored.depends_on_job_ids == [first]
    assert stored.output_user_data_ids is None


def test_bulk_creates_keep_the_order_and_are_all_or_nothing(api: Any) -> None:
    workflow_id, other_id = api.new_workflow(), api.new_workflow()
    ids = api.new_jobs(workflow_id, "c", "a", "b")
    assert [api.get_job(job_id).name for job_id in ids] == ["c", "a", "b"]
    assert api.list_job_ids(workflow_id).job_ids == ids
    mixed = [upstream.JobModel(workflow_id=wf, name="x", command="true") for wf in (workflow_id, other_id)]
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        api.create_jobs(upstream.JobsModel(jobs=mixed))
    assert api.list_job_ids(workflow_id).count == 3
    assert api.create_jobs(upstream.JobsModel(jobs=[])).jobs == []


def test_lists_of_jobs_filter_by_everything_the_client_offers(api: Any) -> None:
    workflow_id = api.new_workflow()
    made = api.create_file(upstream.FileModel(workflow_id=workflow_id, name="in", path="in.txt"))
    first, second = api.new_jobs(workflow_id, "first", "second")
    third = api.create_job(
        upstream.JobModel(
            workflow_id=workflow_id,
            name="third",
            command="Echo HELLO",
            depends_on_job_ids=[first],
            input_file_ids=[made.id],
        )
    ).id

    def listed(**filters: Any) -> list[int]:
        return [job.id for job in api.list_jobs(workflow_id, **filters).items]

    assert listed() == [first, second, third]
    assert listed(name="second") == [second]
    assert listed(command="hello") == [third]
    assert listed(needs_file_id=made.id) == [third]
    assert listed(upstream_job_id=first) == [third]
    assert listed(status="uninitialized") == [first, second, third]
    assert listed(status="running") == []
    assert listed(origin_is_set=True) == []
    assert listed(sort_by="name", reverse_sort=True, limit=2) == [third, second]
    assert listed(offset=2) == [third]
    assert api.list_jobs(workflow_id).items[2].depends_on_job_ids is None
    assert api.list_jobs(workflow_id, include_relationships=True).items[2].depends_on_job_ids == [first]

    api.initialize_jobs(workflow_id)
    node_id = api.new_node(workflow_id)
    api.claim_next_jobs(workflow_id, limit=1)
    api.start_job(first, 1, node_id)
    assert listed(active_compute_node_id=node_id) == [first]
    assert listed(status="blocked") == [third]


def test_a_job_changes_only_where_it_may(api: Any) -> None:
    workflow_id = api.new_workflow()
    [job_id] = api.new_jobs(workflow_id, "job")

    def update(**changes: Any) -> Any:
        values = {"workflow_id": workflow_id, "name": "job", "command": "true", **changes}
        return api.update_job(job_id, upstream.JobModel(**values))

    assert update(command="false", priority=3).command == "false"
    assert update(command="false", status="disabled").status == "disabled"
    with pytest.raises(upstream.exceptions.UnprocessableEntityException):
        update(name="other")


def test_deleted_jobs_release_what_waited_for_them(api: Any) -> None:
    workflow_id = api.new_workflow()
    [first] = api.new_jobs(workflow_id, "first")
    [second] = api.new_jobs(workflow_id, "second", depends_on_job_ids=[first])
    api.initialize_jobs(workflow_id)
    assert api.delete_job(first).name == "first"
    assert api.get_job(second).status == "ready"
    assert api.delete_jobs(workflow_id).count == 1
    assert api.list_jobs(workflow_id).items == []


def test_relationships_are_listed_with_names(api: Any) -> None:
    workflow_id = api.new_workflow()
    made = api.create_file(upstream.FileModel(workflow_id=workflow_id, name="f", path="f.txt"))
    [writer] = api.new_jobs(workflow_id, "writer", output_file_ids=[made.id])
    [reader] = api.new_jobs(workflow_id, "reader", input_file_ids=[made.id])
    datum = api.create_user_data(
        upstream.UserDataModel(workflow_id=workflow_id, name="d"), producer_job_id=writer, consumer_job_id=reader
    )
    api.initialize_jobs(workflow_id)

    [dependency] = api.list_job_dependencies(workflow_id).items
    assert (dependency.job_name, dependency.depends_on_job_name) == ("reader", "writer")
    [pair] = api.list_job_file_relationships(workflow_id).items
    assert (pair.file_path, pair.producer_job_id, pair.consumer_job_name) == ("f.txt", writer, "reader")
    [pair] = api.list_job_user_data_relationships(workflow_id).items
    assert (pair.user_data_id, pair.producer_job_name, pair.consumer_job_id) == (datum.id, "writer", reader)
    assert api.list_required_existing_files(workflow_id).files == []
    assert api.list_missing_user_data(workflow_id).user_data == []


def test_ready_jobs_are_summed_up(api: Any) -> None:
    workflow_id = api.new_workflow()
    needs = api.create_resource_requirements(
        upstream.ResourceRequirementsModel(workflow_id=workflow_id, name="n", num_cpus=3, memory="1g", runtime="PT2H")
    )
    api.new_jobs(workflow_id, "a", "b", resource_requirements_id=needs.id)
    api.initialize_jobs(workflow_id)
    total = api.get_ready_job_requirements(workflow_id)
    assert (total.num_jobs, total.num_cpus, total.memory_gb, total.max_runtime) == (2, 6, 2.0, "PT2H")


def test_a_running_job_adds_jobs_that_wait_for_it(api: Any) -> None:
    workflow_id = api.new_workflow()
    [caller] = api.new_jobs(workflow_id, "loop")
    api.initialize_jobs(workflow_id)
    node_id = api.new_node(workflow_id)
    api.claim_next_jobs(workflow_id, limit=1)
    api.start_job(caller, 1, node_id)
    jobs = [
        upstream.SpawnJobModel(name="work", command="true"),
        upstream.SpawnJobModel(name="loop_2", command="true", depends_on=["work"], resource_requirements="default"),
    ]
    request = upstream.SpawnJobsRequest(lineage="loop", jobs=jobs, state={"n": 1})
    spawned = api.spawn_jobs(caller, request)
    assert spawned.iteration == 1
    work, loop_2 = spawned.spawned_job_ids
    assert api.spawn_jobs(caller, request) == spawned
    assert api.get_job(work).depends_on_job_ids == [caller]
    assert sorted(api.get_job(loop_2).depends_on_job_ids) == [caller, work]
    assert api.get_job(loop_2).env == {"TORC_ORCHESTRATOR_LINEAGE_ID": "loop"}
    assert [job.id for job in api.list_jobs(workflow_id, origin_is_set=True).items] == [work, loop_2]
    assert api.list_user_data(workflow_id).items[0].name == "__torc_lineage__loop__g000001"

    api.complete_job(caller, "completed", 1, api.result(workflow_id, caller, node_id))
    assert [api.get_job(job_id).status for job_id in (work, loop_2)] == ["ready", "blocked"]
    final = api.spawn_jobs(loop_2, upstream.SpawnJobsRequest(lineage="loop", jobs=[], state="done"))
    assert (final.iteration, final.spawned_job_ids) == (1, [])
