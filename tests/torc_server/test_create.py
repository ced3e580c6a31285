"""Workflows and jobs come into being whole, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import Bench, job

from torc_core.api.configs import ExecutionConfig
from torc_core.api.drafts import (
    ActionDraft,
    FailureHandlerDraft,
    FileDraft,
    JobDraft,
    ResourceRequirementsDraft,
    SlurmSchedulerDraft,
    UserDataDraft,
    WorkflowDraft,
)
from torc_core.api.failure_handlers import FAILURE_RULES, FailureRule
from torc_core.api.jobs import JobModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError, NotFoundError, StateConflictError
from torc_core.jobs.status import JobStatus
from torc_server.db.sql import sql
from torc_server.db.unit_of_work import UnitOfWork, write_unit
from torc_server.services.jobs.job_records import JobFilter, create_jobs, delete_job, delete_jobs, get_job, list_jobs
from torc_server.services.jobs.update_job import update_job
from torc_server.services.records.actions import list_actions
from torc_server.services.records.paging import PageRequest
from torc_server.services.records.workflows import (
    archive_workflow,
    create_workflow,
    delete_workflow,
    get_workflow,
    list_workflows,
    update_workflow,
)
from torc_server.services.runs.create import create_workflow_from_draft
from torc_server.services.runs.initialize import initialize_jobs

S = JobStatus
WORKFLOW = WorkflowModel(name="w", user="u")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def rows(bench: Bench, statement: str, **params: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in bench.read(UnitOfWork.rows, statement, **params)]


def test_a_draft_becomes_a_workflow_with_consecutive_ids_in_its_order(bench: Bench) -> None:
    bench.workflow([job("earlier")])
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="w", user="u", execution_config=ExecutionConfig(mode="direct"), env={"A": "1"}),
        files=[FileDraft(name="f0", path="p0", st_mtime=1.5), FileDraft(name="f1", path="p1")],
        user_data=[UserDataDraft(name="u0", data={"x": [1]}), UserDataDraft(name="u1", is_ephemeral=True)],
        resource_requirements=[ResourceRequirementsDraft(name="r", num_cpus=3, memory="2g", runtime="PT2H")],
        failure_handlers=[FailureHandlerDraft(name="h", rules=[FailureRule(exit_codes=[7], max_retries=2)])],
        slurm_schedulers=[SlurmSchedulerDraft(name="s", account="a")],
        jobs=[
            JobDraft(
                name="a",
                command="run a",
                invocation_script="#!/bin/sh",
                env={"B": "2"},
                supports_termination=True,
                priority=5,
                output_files=[0],
                output_user_data=[0],
                resource_requirements=0,
                failure_handler=0,
                scheduler=0,
            ),
            JobDraft(name="b", command="run b", depends_on=[0], input_files=[0, 1], input_user_data=[0, 1]),
        ],
        actions=[
            ActionDraft(
                trigger_type="on_jobs_complete",
                action_type="schedule_nodes",
                action_config={"num_allocations": 2},
                jobs=[1],
                scheduler=0,
            )
        ],
    )
    made = bench.write(create_workflow_from_draft, draft)
    assert (made.job_count, made.file_count, made.workflow.run_id) == (2, 2, 1)
    assert made.workflow.execution_config == ExecutionConfig(mode="direct")
    assert made.first_job_id is not None
    first, second = (bench.read(get_job, made.first_job_id + place) for place in (0, 1))
    assert (first.name, first.priority, first.env, first.supports_termination) == ("a", 5, {"B": "2"}, True)
    assert (first.status, first.attempt_id, first.invocation_script) == (S.UNINITIALIZED, 1, "#!/bin/sh")
    assert second.depends_on_job_ids == [first.id]
    assert second.input_file_ids == [file + (first.output_file_ids or [0])[0] for file in (0, 1)]
    assert second.input_user_data_ids == [datum + (first.output_user_data_ids or [0])[0] for datum in (0, 1)]
    amounts = rows(bench, "SELECT num_cpus, memory_bytes, runtime_s FROM job WHERE id >= :id ORDER BY id", id=first.id)
    assert amounts == [(3, 2 * 2**30, 7200.0), (1, 2**20, 60.0)]
    rules = FAILURE_RULES.validate_json(bench.count("SELECT rules FROM failure_handler"))
    assert rules == [FailureRule(exit_codes=[7], max_retries=2)]
    (action,) = bench.read(list_actions, made.workflow.id or 0)
    assert action.job_ids == [second.id]
    assert action.action_config == {"num_allocations": 2, "scheduler_id": first.scheduler_id}
    assert bench.count("SELECT data FROM user_data WHERE name = 'u0'") == '{"x":[1]}'


def test_a_requirement_named_default_is_the_default(bench: Bench) -> None:
    own = ResourceRequirementsDraft(name="default", num_cpus=7)
    run = bench.workflow([job("a")], resource_requirements=[own])
    assert rows(bench, "SELECT name, num_cpus FROM resource_requirements") == [("default", 7)]
    assert rows(bench, "SELECT num_cpus FROM job") == [(7,)]
    assert run.job("a").resource_requirements_id


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"jobs": [job("a", 1)]}, r"jobs\[0\] \('a'\).depends_on points outside"),
        ({"jobs": [job("a", -1)]}, "depends_on points outside"),
        ({"jobs": [job("a", input_files=[0])]}, "input_files points outside its list; allowed is nothing"),
        ({"jobs": [job("a", output_user_data=[3])]}, "output_user_data"),
        ({"jobs": [job("a", resource_requirements=0)]}, "resource_requirements"),
        ({"jobs": [job("a", failure_handler=0)]}, "failure_handler"),
        ({"jobs": [job("a", scheduler=0)]}, "scheduler"),
        ({"jobs": [job("a", 0)]}, "job 'a' waits for itself"),
        ({"jobs": [job("a", 2), job("b", 0), job("c", 1)]}, "wait for each other"),
        ({"jobs": [job("a", input_files=[0], output_files=[0])], "files": [FileDraft(name="f", path="p")]}, "itself"),
        (
            {
                "jobs": [job("a", 1, output_files=[0]), job("b", input_files=[0])],
                "files": [FileDraft(name="f", path="p")],
            },
            "wait for each other: a → b → a|wait for each other: b → a → b",
        ),
        (
            {
                "jobs": [
                    job("a", input_user_data=[1], output_user_data=[0]),
                    job("b", input_user_data=[0], output_user_data=[1]),
                ],
                "user_data": [UserDataDraft(name="x"), UserDataDraft(name="y")],
            },
            "wait for each other",
        ),
        ({"resource_requirements": [ResourceRequirementsDraft(name="r", memory="lots")]}, "lots"),
        ({"resource_requirements": [ResourceRequirementsDraft(name="r", runtime="1h")]}, "1h"),
        ({"actions": [ActionDraft(trigger_type="x", action_type="run_commands")]}, "trigger_type 'x'"),
        (
            {"actions": [ActionDraft(trigger_type="on_jobs_ready", action_type="run_commands", jobs=[4])]},
            r"actions\[0\].jobs points outside",
        ),
        ({"workflow": WorkflowModel(name="w", user="u", access_groups=["g"])}, "access group 'g'"),
    ],
)
def test_a_draft_that_cannot_be_right_creates_nothing(bench: Bench, parts: dict[str, Any], problem: str) -> None:
    draft = WorkflowDraft(**{"workflow": WORKFLOW, **parts})
    with pytest.raises(InvalidInputError, match=problem):
        bench.write(create_workflow_from_draft, draft)
    assert bench.count("SELECT (SELECT COUNT(*) FROM workflow) + (SELECT COUNT(*) FROM job)") == 0


def test_a_long_circle_is_named_shortly(bench: Bench) -> None:
    circle = [job(f"j{place}", (place + 1) % 500) for place in range(500)]
    with pytest.raises(InvalidInputError, match="…") as refused:
        bench.write(create_workflow_from_draft, WorkflowDraft(workflow=WORKFLOW, jobs=circle))
    assert len(refused.value.message) < 300


def test_a_workflow_alone_has_a_default_requirement_and_settings(bench: Bench) -> None:
    made = bench.write(create_workflow, WorkflowModel(name="w", user="u", metadata={"k": None}, description="a b"))
    assert (made.run_id, made.is_canceled, made.timestamp) == (1, False, "2026-01-01T00:00:00.000Z")
    assert made.metadata == {"k": None}
    assert made.compute_node_wait_for_new_jobs_seconds == 90
    assert rows(bench, "SELECT name, num_cpus, memory, runtime FROM resource_requirements") == [
        ("default", 1, "1m", "PT1M")
    ]


def test_updating_a_workflow_keeps_what_is_not_given_and_what_is_the_servers(bench: Bench) -> None:
    made = bench.write(create_workflow, WorkflowModel(name="w", user="u", project="p", env={"A": "1"}))
    assert made.id is not None
    changed = bench.write(
        update_workflow, made.id, WorkflowModel(name="new", user="u", run_id=9, is_canceled=True, is_archived=True)
    )
    assert (changed.name, changed.project, changed.env) == ("new", "p", {"A": "1"})
    assert (changed.run_id, changed.is_canceled, changed.is_archived) == (1, False, False)


def test_workflows_are_listed_by_name_user_description_and_archive(bench: Bench) -> None:
    for name, user, description in (("a", "x", "First one"), ("b", "x", "second ONE"), ("c", "y", None)):
        bench.write(create_workflow, WorkflowModel(name=name, user=user, description=description))
    bench.write(archive_workflow, 2, is_archived=True)

    def names(page: PageRequest | None = None, **wanted: Any) -> list[str]:
        return [found.name for found in bench.read(list_workflows, page or PageRequest(), **wanted).items]

    assert names() == ["a", "b", "c"]
    assert names(user="x", is_archived=False) == ["a"]
    assert names(description="one") == ["a", "b"]
    assert names(is_archived=True) == ["b"]
    assert names(PageRequest(offset=1, limit=1, sort_by="name", reverse_sort=True)) == ["b"]
    with pytest.raises(InvalidInputError, match="sort"):
        names(PageRequest(sort_by="1; DROP TABLE job"))


@pytest.mark.parametrize("checks_references", [True, False])
def test_deleting_a_workflow_leaves_nothing_of_it_and_all_of_the_others(bench: Bench, checks_references: bool) -> None:
    other = bench.workflow([job("x"), job("y", 0)])
    run = bench.workflow(
        [job("a", output_files=[0]), job("b", input_files=[0])],
        files=[FileDraft(name="f", path="p")],
        actions=[
            ActionDraft(
                trigger_type="on_jobs_ready", action_type="run_commands", action_config={"commands": ["x"]}, jobs=[0]
            )
        ],
    )
    run.begin("a")
    run.end("a")
    tables = [row[0] for row in rows(bench, "SELECT name FROM pragma_table_list WHERE schema = 'main'")]
    with write_unit(bench.database, bench.settings, checks_references=checks_references) as uow:
        delete_workflow(uow, run.workflow_id)
    with pytest.raises(NotFoundError):
        bench.read(get_workflow, run.workflow_id)
    owned = [
        table
        for table in tables
        if ("workflow_id",) in rows(bench, "SELECT name FROM pragma_table_info(:table)", table=table)
    ]
    count = "SELECT COUNT(*) FROM $table WHERE workflow_id = :id"
    assert {"job", "result", "workflow_action"} < set(owned)
    assert [table for table in owned if bench.count(sql(count, table=table), id=run.workflow_id)] == []
    assert bench.count("SELECT COUNT(*) FROM job_depends_on") == 1
    assert bench.count("SELECT COUNT(*) FROM pragma_foreign_key_check") == 0
    assert other.statuses() == {"x": "ready", "y": "blocked"}


def test_every_table_with_rows_of_a_workflow_is_emptied_when_it_is_deleted(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    tables = {row[0] for row in rows(bench, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    with write_unit(bench.database, bench.settings) as uow:
        driver = uow.session.connection().connection.driver_connection
        statements: list[str] = []
        driver.set_trace_callback(statements.append)
        delete_workflow(uow, run.workflow_id)
        driver.set_trace_callback(None)
    emptied = {words[2] for words in map(str.split, statements) if words[:2] == ["DELETE", "FROM"]}
    others = {"access_group", "alembic_version", "audit_entry", "sqlite_sequence", "user_group_membership"}
    assert tables - emptied == others


def test_references_are_checked_again_after_a_workflow_was_deleted(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    with write_unit(bench.database, bench.settings, checks_references=False) as uow:
        assert uow.value("PRAGMA foreign_keys") == 0
        delete_workflow(uow, run.workflow_id)
    with write_unit(bench.database, bench.settings) as uow:
        assert uow.value("PRAGMA foreign_keys") == 1
    with pytest.raises(ZeroDivisionError), write_unit(bench.database, bench.settings, checks_references=False):
        1 / 0  # noqa: B018
    with write_unit(bench.database, bench.settings) as uow:
        assert uow.value("PRAGMA foreign_keys") == 1


def test_jobs_are_added_in_bulk_and_taken_in_by_the_next_initialize(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    models = [
        JobModel(workflow_id=run.workflow_id, name=name, command="x", depends_on_job_ids=[run.id("a")])
        for name in ("b", "c")
    ]
    added = bench.write(create_jobs, models).jobs
    assert [found.name for found in added] == ["b", "c"]
    assert {found.status for found in added} == {S.UNINITIALIZED}
    run.end("a")
    bench.write(initialize_jobs, run.workflow_id, only_uninitialized=True)
    assert run.claim() == ["b", "c"]
    assert run.status("a") is S.COMPLETED
    assert bench.write(create_jobs, []).jobs == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"depends_on_job_ids": [99]}, "depends_on_job_ids names .*: 99"),
        ({"input_file_ids": [99]}, "input_file_ids"),
        ({"output_user_data_ids": [99]}, "output_user_data_ids"),
        ({"resource_requirements_id": 99}, "resource_requirements_id"),
        ({"failure_handler_id": 99}, "failure_handler_id"),
        ({"workflow_id": 2}, "several workflows"),
    ],
)
def test_jobs_that_refer_to_outsiders_are_refused_together(bench: Bench, fields: dict[str, Any], problem: str) -> None:
    bench.write(create_workflow, WORKFLOW)
    bench.write(create_workflow, WORKFLOW)
    models = [
        JobModel(workflow_id=1, name="ok", command="x"),
        JobModel(**{"workflow_id": 1, "name": "b", "command": "x", **fields}),
    ]
    with pytest.raises(InvalidInputError, match=problem):
        bench.write(create_jobs, models)
    assert bench.count("SELECT COUNT(*) FROM job") == 0


def test_jobs_are_listed_by_everything_that_is_asked_of_them(bench: Bench) -> None:
    run = bench.workflow(
        [job("a", output_files=[0]), job("b", input_files=[0]), job("c", 0)], files=[FileDraft(name="f", path="p")]
    )
    run.begin("a")
    file_id = (run.job("a").output_file_ids or [0])[0]

    def names(**wanted: Any) -> list[str]:
        found = bench.read(list_jobs, run.workflow_id, PageRequest(), wanted=JobFilter(**wanted)).items
        return [found_job.name for found_job in found]

    assert names() == ["a", "b", "c"]
    assert names(statuses=[S.BLOCKED]) == ["b", "c"]
    assert names(needs_file_id=file_id) == ["b"]
    assert names(upstream_job_id=run.id("a")) == ["b", "c"]
    assert names(active_compute_node_id=run.runner) == ["a"]
    assert names(name="b") == ["b"]
    assert names(command="ECHO") == ["a", "b", "c"]
    assert names(origin_is_set=True) == []
    page = bench.read(
        list_jobs,
        run.workflow_id,
        PageRequest(offset=1, limit=1, sort_by="name", reverse_sort=True),
        include_relationships=True,
    )
    assert (page.items[0].name, page.count, page.total_count, page.has_more) == ("b", 1, 3, True)
    assert page.items[0].depends_on_job_ids == [run.id("a")]
    assert bench.read(list_jobs, run.workflow_id, PageRequest(limit=1)).items[0].output_file_ids is None


def test_an_uninitialized_job_may_change_in_all_but_its_files(bench: Bench) -> None:
    run = bench.workflow(
        [job("a"), job("b"), job("c", 0)],
        initialize=False,
        resource_requirements=[ResourceRequirementsDraft(name="r", num_cpus=9)],
    )
    wanted = run.job("c").model_copy(
        update={
            "name": "new",
            "command": "other",
            "priority": 3,
            "env": {"A": "1"},
            "depends_on_job_ids": [run.id("b")],
            "resource_requirements_id": bench.count("SELECT id FROM resource_requirements WHERE name = 'r'"),
        }
    )
    changed = bench.write(update_job, run.id("c"), wanted)
    assert changed == wanted
    assert bench.count("SELECT num_cpus FROM job WHERE name = 'new'") == 9
    with pytest.raises(InvalidInputError, match="wait for each other"):
        bench.write(update_job, run.id("b"), run.job("b").model_copy(update={"depends_on_job_ids": [run.id("c")]}))
    assert run.job("b").depends_on_job_ids is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "x"}, "name of job"),
        ({"command": "x"}, "command of job"),
        ({"depends_on_job_ids": []}, "depends_on_job_ids of job"),
        ({"status": S.DISABLED}, "status of job"),
        ({"input_file_ids": [1]}, "input_file_ids of job"),
    ],
)
def test_a_job_that_has_begun_keeps_what_it_is(bench: Bench, change: dict[str, Any], problem: str) -> None:
    run = bench.workflow([job("a"), job("b", 0)], files=[FileDraft(name="f", path="p")])
    with pytest.raises(StateConflictError, match=problem):
        bench.write(update_job, run.id("b"), run.job("b").model_copy(update=change))
    assert bench.write(update_job, run.id("b"), run.job("b").model_copy(update={"priority": 7})).priority == 7


def test_disabling_a_job_lets_its_dependents_go_on(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)], initialize=False)
    bench.write(update_job, run.id("a"), run.job("a").model_copy(update={"status": S.DISABLED}))
    bench.write(initialize_jobs, run.workflow_id)
    assert run.statuses() == {"a": "disabled", "b": "ready"}
    with pytest.raises(StateConflictError, match="only be set to disabled"):
        other = bench.workflow([job("x")], initialize=False)
        bench.write(update_job, other.id("x"), other.job("x").model_copy(update={"status": S.READY}))


def test_deleting_a_job_releases_what_waited_for_it_alone(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b"), job("c", 0), job("d", 0, 1)])
    assert bench.write(delete_job, run.id("a")).name == "a"
    assert run.claim() == ["b", "c"]
    assert bench.count("SELECT status FROM job WHERE name = 'd'") == 1
    assert bench.write(delete_jobs, run.workflow_id).count == 3
