"""The published client works with our server: the records around jobs."""

from typing import Any

import pytest
import torc.openapi_client as upstream

Missing = upstream.exceptions.NotFoundException
Unprocessable = upstream.exceptions.UnprocessableEntityException


def test_files_are_created_alone_or_in_bulk_and_listed_by_their_place_in_the_graph(api: Any) -> None:
    workflow_id = api.new_workflow()
    one = api.create_file(upstream.FileModel(workflow_id=workflow_id, name="one", path="/one", st_mtime=1.5))
    models = [upstream.FileModel(workflow_id=workflow_id, name=name, path=f"/{name}") for name in ("two", "three")]
    two, three = api.create_files(upstream.FilesModel(files=models)).files
    [job_id] = api.new_jobs(workflow_id, "job", input_file_ids=[one.id], output_file_ids=[two.id])

    def listed(**filters: Any) -> list[int]:
        return [item.id for item in api.list_files(workflow_id, **filters).items]

    assert listed() == [one.id, two.id, three.id]
    assert listed(name="one") == [one.id]
    assert listed(path="/three") == [three.id]
    assert listed(produced_by_job_id=job_id) == [two.id]
    assert listed(is_output=True) == [two.id]
    assert listed(is_output=False) == [one.id, three.id]
    assert listed(sort_by="name") == [one.id, three.id, two.id]
    assert api.list_required_existing_files(workflow_id).files == [one.id]

    changed = api.update_file(
        one.id, upstream.FileModel(workflow_id=workflow_id, name="one", path="/elsewhere", st_mtime=2)
    )
    assert api.get_file(one.id) == changed
    assert (changed.path, changed.st_mtime) == ("/elsewhere", 2)
    assert api.delete_file(three.id).name == "three"
    with pytest.raises(Missing):
        api.get_file(three.id)
    assert api.delete_files(workflow_id).count == 2


def test_user_data_is_any_json_and_knows_its_jobs(api: Any) -> None:
    workflow_id = api.new_workflow()
    writer, reader = api.new_jobs(workflow_id, "writer", "reader")
    linked = api.create_user_data(
        upstream.UserDataModel(workflow_id=workflow_id, name="Linked"), consumer_job_id=reader, producer_job_id=writer
    )
    models = [
        upstream.UserDataModel(workflow_id=workflow_id, name="plain", data=value, is_ephemeral=True)
        for value in ([1, {"a": None}], "text")
    ]
    first, second = api.create_user_data_list(upstream.UserDataListModel(user_data=models)).user_data
    assert (first.data, second.data) == ([1, {"a": None}], "text")

    def listed(**filters: Any) -> list[int]:
        return [item.id for item in api.list_user_data(workflow_id, **filters).items]

    assert listed() == [linked.id, first.id, second.id]
    assert listed(consumer_job_id=reader) == listed(producer_job_id=writer) == [linked.id]
    assert listed(name="link") == [linked.id]
    assert listed(is_ephemeral=True) == [first.id, second.id]
    assert listed(is_ephemeral=False) == [linked.id]

    api.update_user_data(linked.id, upstream.UserDataModel(workflow_id=workflow_id, name="Linked", data={"n": 1}))
    assert api.get_user_data(linked.id).data == {"n": 1}
    assert api.delete_user_data(first.id).id == first.id
    api.delete_all_user_data(workflow_id)
    assert listed() == []


def test_resource_requirements_are_checked_and_jobs_follow_their_changes(api: Any) -> None:
    workflow_id = api.new_workflow()
    with pytest.raises(Unprocessable):
        api.create_resource_requirements(
            upstream.ResourceRequirementsModel(workflow_id=workflow_id, name="bad", memory="lots")
        )
    needs = api.create_resource_requirements(
        upstream.ResourceRequirementsModel(
            workflow_id=workflow_id, name="n", num_cpus=8, num_gpus=1, num_nodes=2, memory="2g", runtime="PT2H"
        )
    )
    [job_id] = api.new_jobs(workflow_id, "job", resource_requirements_id=needs.id)

    def listed(**filters: Any) -> list[str]:
        return [item.name for item in api.list_resource_requirements(workflow_id, **filters).items]

    assert listed() == ["default", "n"]
    for filters in (
        {"job_id": job_id},
        {"name": "n"},
        {"memory": "2g"},
        {"num_cpus": 8},
        {"num_gpus": 1},
        {"num_nodes": 2},
        {"runtime": 7200},
    ):
        assert listed(**filters) == ["n"], filters

    api.update_resource_requirements(
        needs.id, upstream.ResourceRequirementsModel(workflow_id=workflow_id, name="n", num_cpus=1, memory="1g")
    )
    assert api.get_resource_requirements(needs.id).memory == "1g"
    api.initialize_jobs(workflow_id)
    small = upstream.ComputeNodesResources(num_cpus=1, num_gpus=0, num_nodes=1, memory_gb=1)
    assert [job.id for job in api.claim_jobs_based_on_resources(workflow_id, 1, small).jobs] == [job_id]
    assert api.list_events(workflow_id, category="user_action").count == 1

    with pytest.raises(Unprocessable):
        api.delete_resource_requirement(needs.id)
    with pytest.raises(Unprocessable):
        api.delete_resource_requirements(workflow_id)
    api.delete_jobs(workflow_id)
    assert api.delete_resource_requirement(needs.id).name == "n"
    api.delete_resource_requirements(workflow_id)
    assert listed() == []


def test_results_are_records_of_attempts(api: Any) -> None:
    workflow_id = api.new_workflow()
    first, second = api.new_jobs(workflow_id, "first", "second")
    node_id = api.new_node(workflow_id)
    stored = api.create_result(
        api.result(workflow_id, first, node_id, peak_memory_bytes=2**33, avg_cpu_percent=150.5, attempt_id=2)
    )
    assert api.get_result(stored.id) == stored
    assert (stored.job_name, stored.attempt_id, stored.peak_memory_bytes) == ("first", 2, 2**33)
    with pytest.raises(upstream.exceptions.ConflictException):
        api.create_result(api.result(workflow_id, first, node_id, attempt_id=2))
    other = api.create_result(api.result(workflow_id, second, node_id, run_id=2, return_code=3, status="failed"))

    def listed(**filters: Any) -> list[int]:
        return [item.id for item in api.list_results(workflow_id, all_runs=True, **filters).items]

    assert api.list_results(workflow_id).items == []  # no job has ended
    assert listed() == [stored.id, other.id]
    assert listed(compute_node_id=node_id) == [stored.id, other.id]
    for filters in ({"job_id": second}, {"run_id": 2}, {"return_code": 3}, {"status": "failed"}):
        assert listed(**filters) == [other.id], filters
    assert listed(sort_by="return_code", reverse_sort=True) == [other.id, stored.id]
    updated = api.update_result(other.id, api.result(workflow_id, second, node_id, return_code=4, status="failed"))
    assert (updated.return_code, updated.run_id) == (4, 2)
    assert api.delete_result(other.id).id == other.id
    api.delete_results(workflow_id)
    assert listed() == []


def test_events_are_kept_and_filtered(api: Any) -> None:
    workflow_id = api.new_workflow()
    first = api.create_event(upstream.EventModel(workflow_id=workflow_id, timestamp=5, data={"category": "a"}))
    second = api.create_event(upstream.EventModel(workflow_id=workflow_id, timestamp=9, data={"category": "b"}))
    assert api.get_event(first.id) == first
    assert [item.id for item in api.list_events(workflow_id).items] == [first.id, second.id]
    assert [item.id for item in api.list_events(workflow_id, category="b").items] == [second.id]
    assert [item.id for item in api.list_events(workflow_id, after_timestamp=5).items] == [second.id]
    assert api.update_event(first.id, {"category": "c"}).data == {"category": "c"}
    assert api.delete_event(first.id).id == first.id
    api.delete_events(workflow_id)
    assert api.list_events(workflow_id).total_count == 0


def test_runners_come_and_go(api: Any) -> None:
    workflow_id = api.new_workflow()
    [job_id] = api.new_jobs(workflow_id, "job")
    node_id = api.new_node(workflow_id)
    node = api.get_compute_node(node_id)
    assert (node.is_active, node.hostname) == (True, "node1")
    node.scheduler = {"scheduler_id": 77}
    node.is_active = False
    node.duration_seconds = 3.5
    assert api.update_compute_node(node_id, node).duration_seconds == 3.5

    def listed(**filters: Any) -> list[int]:
        return [item.id for item in api.list_compute_nodes(workflow_id, **filters).items]

    assert listed() == listed(hostname="node1") == listed(is_active=False) == [node_id]
    assert listed(scheduled_compute_node_id=77) == [node_id]
    assert listed(is_active=True) == listed(scheduled_compute_node_id=78) == []

    busy_id = api.new_node(workflow_id)
    api.initialize_jobs(workflow_id)
    api.claim_next_jobs(workflow_id)
    api.start_job(job_id, 1, busy_id)
    with pytest.raises(Unprocessable):
        api.delete_compute_node(busy_id)
    assert api.delete_compute_node(node_id).id == node_id
    api.complete_job(job_id, "completed", 1, api.result(workflow_id, job_id, busy_id))
    assert api.delete_compute_nodes(workflow_id).count == 1


def test_allocations_are_followed(api: Any) -> None:
    workflow_id = api.new_workflow()
    node = api.create_scheduled_compute_node(
        upstream.ScheduledComputeNodesModel(
            workflow_id=workflow_id,
            scheduler_id=123,
            scheduler_config_id=987654,
            scheduler_type="slurm",
            status="pending",
        )
    )
    with pytest.raises(Unprocessable):
        api.reset_workflow_status(workflow_id)
    node.status = "complete"
    api.update_scheduled_compute_node(node.id, node)
    assert api.get_scheduled_compute_node(node.id).status == "complete"
    for filters in ({}, {"scheduler_id": "123"}, {"scheduler_config_id": "987654"}, {"status": "complete"}):
        assert api.list_scheduled_compute_nodes(workflow_id, **filters).count == 1, filters
    assert api.list_scheduled_compute_nodes(workflow_id, status="pending").count == 0
    assert api.delete_scheduled_compute_node(node.id).id == node.id
    assert api.delete_scheduled_compute_nodes(workflow_id).count == 0


def test_schedulers_are_kept(api: Any) -> None:
    workflow_id = api.new_workflow()
    slurm = api.create_slurm_scheduler(
        upstream.SlurmSchedulerModel(
            workflow_id=workflow_id, name="s", account="a", nodes=2, walltime="04:00:00", partition="p", gres="gpu:1"
        )
    )
    slurm.nodes = 3
    assert api.update_slurm_scheduler(slurm.id, slurm).nodes == 3
    assert api.get_slurm_scheduler(slurm.id) == slurm
    assert [item.id for item in api.list_slurm_schedulers(workflow_id).items] == [slurm.id]
    assert api.delete_slurm_scheduler(slurm.id).id == slurm.id
    assert api.delete_slurm_schedulers(workflow_id).count == 0

    local = api.create_local_scheduler(
        upstream.LocalSchedulerModel(workflow_id=workflow_id, name="l", memory="8g", num_cpus=4)
    )
    local.num_cpus = 6
    assert api.update_local_scheduler(local.id, local).num_cpus == 6
    assert api.get_local_scheduler(local.id).memory == "8g"
    assert api.list_local_schedulers(workflow_id, memory="8g", num_cpus=6).count == 1
    assert api.list_local_schedulers(workflow_id, num_cpus=4).count == 0
    assert api.delete_local_scheduler(local.id).name == "l"
    assert api.delete_local_schedulers(workflow_id).count == 0


def test_failure_handlers_are_checked(api: Any) -> None:
    workflow_id = api.new_workflow()
    rules = '[{"exit_codes": [137], "recovery_script": "fix.sh", "max_retries": 2}]'
    handler = api.create_failure_handler(upstream.FailureHandlerModel(workflow_id=workflow_id, name="h", rules=rules))
    assert api.get_failure_handler(handler.id).rules == rules
    assert [item.id for item in api.list_failure_handlers(workflow_id).items] == [handler.id]
    with pytest.raises(Unprocessable) as refused:
        api.create_failure_handler(
            upstream.FailureHandlerModel(workflow_id=workflow_id, name="h", rules='[{"exit_codes": "all"}]')
        )
    assert "rules.0.exit_codes" in str(refused.value.body)
    assert api.delete_failure_handler(handler.id).name == "h"


def test_actions_are_triggered_and_claimed_once(api: Any) -> None:
    workflow_id = api.new_workflow()
    ids = api.new_jobs(workflow_id, "a", "b")
    node_id = api.new_node(workflow_id)

    def action(**settings: Any) -> Any:
        values = {
            "workflow_id": workflow_id,
            "action_type": "run_commands",
            "action_config": {"commands": ["echo hello"]},
            **settings,
        }
        return api.create_workflow_action(workflow_id, upstream.WorkflowActionModel.from_dict(values))

    started = action(trigger_type="on_workflow_start")
    persistent = action(trigger_type="on_worker_start", persistent=True)
    gated = action(trigger_type="on_jobs_complete", job_ids=ids)
    assert (gated.required_triggers, gated.job_ids) == (2, ids)
    assert [item.id for item in api.get_workflow_actions(workflow_id)] == [started.id, persistent.id, gated.id]
    assert api.get_pending_actions(workflow_id) == []

    api.initialize_jobs(workflow_id)
    assert [item.id for item in api.get_pending_actions(workflow_id)] == [started.id, persistent.id]
    wanted = api.get_pending_actions(workflow_id, trigger_type=["on_workflow_start", "on_jobs_complete"])
    assert [item.id for item in wanted] == [started.id]
    claim = upstream.ClaimActionRequest(compute_node_id=node_id)
    for _ in range(2):
        assert api.claim_action(workflow_id, persistent.id, claim).success
    assert api.claim_action(workflow_id, started.id, claim).success
    with pytest.raises(upstream.exceptions.ConflictException):
        api.claim_action(workflow_id, started.id, claim)
    with pytest.raises(Missing):
        api.claim_action(workflow_id, 99_999_999, claim)

    api.claim_next_jobs(workflow_id)
    for job_id in ids:
        api.complete_job(job_id, "completed", 1, api.result(workflow_id, job_id, node_id))
    assert gated.id in [item.id for item in api.get_pending_actions(workflow_id)]
    with pytest.raises(Unprocessable):
        action(trigger_type="on_workflow_start", action_config={"comands": ["x"]})
    with pytest.raises(Unprocessable):
        action(trigger_type="on_full_moon")


def test_an_action_that_comes_late_counts_the_jobs_that_were_there_first(api: Any) -> None:
    workflow_id = api.new_workflow()
    [first] = api.new_jobs(workflow_id, "first")
    [second] = api.new_jobs(workflow_id, "second", depends_on_job_ids=[first])
    api.initialize_jobs(workflow_id)
    node_id = api.new_node(workflow_id)
    api.create_workflow_action(
        workflow_id,
        upstream.WorkflowActionModel(
            workflow_id=workflow_id,
            trigger_type="on_jobs_ready",
            action_type="run_commands",
            action_config={"commands": ["true"]},
            job_ids=[first, second],
        ),
    )
    assert api.get_pending_actions(workflow_id) == []
    api.claim_next_jobs(workflow_id)
    api.complete_job(first, "completed", 1, api.result(workflow_id, first, node_id))
    assert len(api.get_pending_actions(workflow_id)) == 1


def test_scheduler_statistics_are_kept_once_for_each_attempt(api: Any) -> None:
    workflow_id = api.new_workflow()
    [job_id] = api.new_jobs(workflow_id, "job")
    for memory in (1, 2):
        stats = api.create_slurm_stats(
            upstream.SlurmStatsModel(
                workflow_id=workflow_id,
                job_id=job_id,
                run_id=1,
                attempt_id=1,
                slurm_job_id="55",
                max_rss_bytes=memory,
                ave_cpu_seconds=1.5,
            )
        )
    [stored] = api.list_slurm_stats(workflow_id, job_id=job_id, run_id=1, attempt_id=1).items
    assert stored == stats
    assert stored.max_rss_bytes == 2
    [correlation] = api.get_slurm_job_correlations(workflow_id).items
    assert (correlation.job_name, correlation.slurm_job_id) == ("job", "55")


def test_remote_workers_are_names(api: Any) -> None:
    workflow_id = api.new_workflow()
    created = api.create_remote_workers(workflow_id, ["b@host", "a@host", "b@host"])
    assert [item.worker for item in created] == ["a@host", "b@host"]
    assert api.delete_remote_worker(workflow_id, "a@host").worker == "a@host"
    assert [item.worker for item in api.list_remote_workers(workflow_id)] == ["b@host"]
    with pytest.raises(Missing):
        api.delete_remote_worker(workflow_id, "a@host")


def test_provenance_is_kept(api: Any) -> None:
    workflow_id = api.new_workflow()
    made = api.create_file(upstream.FileModel(workflow_id=workflow_id, name="f", path="/f"))
    entity = api.create_ro_crate_entity(
        upstream.RoCrateEntityModel(
            workflow_id=workflow_id, entity_id="#e", entity_type="File", metadata={"a": [1]}, file_id=made.id
        )
    )
    entity.entity_type = "Dataset"
    assert api.update_ro_crate_entity(entity.id, entity).entity_type == "Dataset"
    assert api.get_ro_crate_entity(entity.id) == entity
    assert api.list_ro_crate_entities(workflow_id, file_id=made.id, entity_id="#e").count == 1
    assert "deleted" in api.delete_ro_crate_entity(entity.id).message
    assert api.delete_ro_crate_entities(workflow_id).deleted_count == 0
