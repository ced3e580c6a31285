"""Every key of a workflow file arrives where it belongs, and what is left out stays unsaid."""

import json
from typing import Any

import pytest

from torc_core.api.drafts import WorkflowDraft
from torc_core.errors import SpecError
from torc_core.spec.build import check_workflow, read_workflow

FULL: dict[str, Any] = {
    "name": "full",
    "user": "somebody",
    "description": "all keys",
    "project": "p",
    "metadata": {"team": "a"},
    "env": {"THREADS": 4, "DEBUG": True, "RATE": 0.5, "WORD": "x"},
    "use_pending_failed": False,
    "max_raise": 2.5,
    "enable_ro_crate": True,
    "access_groups": ["g"],
    "notifications": [{"to": "ops", "on": ["waiting", "gave_up"]}, {"to": "me"}],
    "slurm_defaults": {"account": "acc", "exclusive": True},
    "compute_node_wait_for_new_jobs_seconds": 10,
    "compute_node_ignore_workflow_completion": True,
    "compute_node_wait_for_healthy_database_minutes": 5,
    "compute_node_expiration_buffer_seconds": 60,
    "compute_node_min_time_for_new_jobs_seconds": 30,
    "resource_monitor": {"enabled": True, "granularity": "time_series", "sample_interval_seconds": 2},
    "execution_config": {"mode": "direct", "limit_resources": False, "oom_exit_code": 137},
    "resource_requirements": [
        {"name": "big", "num_cpus": 4, "num_gpus": 1, "num_nodes": 2, "memory": "8g", "runtime": "PT4H"},
        {"name": "bare", "num_cpus": 1, "memory": 1048576},
    ],
    "failure_handlers": [
        {
            "name": "h",
            "rules": [
                {"exit_codes": [10, 11], "recovery_script": "./fix.sh", "recovery_timeout_s": 30, "max_retries": 4},
                {"match_all_exit_codes": True},
            ],
        }
    ],
    "slurm_schedulers": [
        {
            "name": "s",
            "account": "acc",
            "nodes": 2,
            "walltime": "04:00:00",
            "partition": "gpu",
            "qos": "high",
            "gres": "gpu:1",
            "mem": "240G",
            "ntasks_per_node": 1,
            "tmp": "1T",
            "extra": "--exclusive",
        }
    ],
    "files": [{"name": "f", "path": "f.txt", "st_mtime": 1.5}],
    "user_data": [{"name": "u", "data": [1, {"a": None}], "is_ephemeral": True}],
    "jobs": [
        {
            "name": "a",
            "command": "run",
            "invocation_script": "bash x.sh",
            "env": {"A": "1"},
            "priority": 5,
            "supports_termination": True,
            "cancel_on_blocking_job_failure": False,
            "resource_requirements": "big",
            "failure_handler": "h",
            "scheduler": "s",
            "output_files": ["f"],
            "output_user_data": ["u"],
        },
        {"name": "b", "command": "run", "depends_on": ["a"], "input_files": ["f"], "input_user_data": ["u"]},
    ],
    "actions": [
        {"trigger_type": "on_workflow_start", "action_type": "run_commands", "commands": ["mkdir x"]},
        {
            "trigger_type": "on_jobs_ready",
            "action_type": "schedule_nodes",
            "jobs": ["b"],
            "job_name_regexes": ["^a$"],
            "scheduler": "s",
            "scheduler_type": "slurm",
            "num_allocations": 2,
            "start_one_worker_per_node": True,
            "max_parallel_jobs": 3,
        },
    ],
}


def draft(spec: dict[str, Any]) -> WorkflowDraft:
    return read_workflow(json.dumps(spec), file_name="wf.json", user="ann")[0]


def test_a_full_file_becomes_a_full_draft() -> None:
    made = draft(FULL)
    workflow = made.workflow
    assert (workflow.name, workflow.user, workflow.project, workflow.metadata) == (
        "full",
        "ann",
        "p",
        {"team": "a", "notifications": [{"to": "ops", "on": ["waiting", "gave_up"]}, {"to": "me"}]},
    )
    assert workflow.env == {"THREADS": "4", "DEBUG": "true", "RATE": "0.5", "WORD": "x"}
    assert workflow.use_pending_failed is False
    assert workflow.max_raise == 2.5
    assert workflow.slurm_defaults == {"account": "acc", "exclusive": True}
    assert workflow.compute_node_min_time_for_new_jobs_seconds == 30
    assert workflow.resource_monitor_config is not None
    assert workflow.resource_monitor_config.sample_interval_seconds == 2
    assert workflow.execution_config is not None
    assert workflow.execution_config.limit_resources is False
    assert made.resource_requirements[0].model_dump() == FULL["resource_requirements"][0]
    assert made.resource_requirements[1].memory == "1048576"
    assert made.resource_requirements[1].runtime == "PT1H"
    assert made.slurm_schedulers[0].model_dump(exclude_none=True) == FULL["slurm_schedulers"][0]
    rules = made.failure_handlers[0].rules
    assert (rules[0].exit_codes, rules[0].recovery_script, rules[0].recovery_timeout_s, rules[0].max_retries) == (
        [10, 11],
        "./fix.sh",
        30.0,
        4,
    )
    assert (rules[1].match_all_exit_codes, rules[1].max_retries, rules[1].recovery_script) == (True, 3, None)
    first, second = made.jobs
    assert (first.priority, first.supports_termination, first.cancel_on_blocking_job_failure) == (5, True, False)
    assert (first.resource_requirements, first.failure_handler, first.scheduler) == (0, 0, 0)
    assert second.cancel_on_blocking_job_failure is True
    assert second.resource_requirements is None
    assert (second.depends_on, second.input_files, second.input_user_data) == ([0], [0], [0])
    assert made.user_data[0].data == [1, {"a": None}]
    assert made.files[0].st_mtime == 1.5
    assert made.actions[0].action_config == {"commands": ["mkdir x"]}
    action = made.actions[1]
    assert (action.jobs, action.scheduler) == ([0, 1], 0)
    assert action.action_config == {
        "scheduler_type": "slurm",
        "num_allocations": 2,
        "start_one_worker_per_node": True,
        "max_parallel_jobs": 3,
    }


def test_the_draft_survives_the_wire_unchanged() -> None:
    made = draft(FULL)
    assert WorkflowDraft.model_validate_json(made.model_dump_json()) == made


def test_what_a_file_does_not_say_stays_open() -> None:
    made = draft({"name": "w", "jobs": [{"name": "a", "command": "x"}]})
    assert made.workflow.model_dump(exclude_none=True) == {"name": "w", "user": "ann"}
    assert made.jobs[0].resource_requirements is None


def test_null_stands_for_a_key_that_is_not_there() -> None:
    nulls: dict[str, Any] = dict.fromkeys(set(FULL) - {"name", "jobs"})
    job: dict[str, Any] = dict.fromkeys(("depends_on", "env", "priority", "stdio", "parameters", "scheduler"))
    assert draft({**nulls, "name": "w", "jobs": [{"name": "a", "command": "x", **job}]}).jobs[0].priority == 0


def test_a_file_without_a_name_lends_its_own() -> None:
    made, _ = read_workflow("jobs: [{name: a, command: x}]", file_name="dir/my_flow.yaml", user="ann")
    assert made.workflow.name == "my_flow"


@pytest.mark.parametrize("metadata", ['{"a": 1}', {"a": 1}])
def test_metadata_may_be_a_mapping_or_a_text_that_holds_one(metadata: object) -> None:
    made = draft({"name": "w", "metadata": metadata, "jobs": [{"name": "a", "command": "x"}]})
    assert made.workflow.metadata == {"a": 1}


@pytest.mark.parametrize(
    ("trigger", "written", "persistent"),
    [
        ("on_worker_start", None, True),
        ("on_worker_complete", None, True),
        ("on_worker_start", False, False),
        ("on_workflow_start", None, False),
    ],
)
def test_worker_actions_are_persistent_unless_they_say_otherwise(
    trigger: str, written: bool | None, persistent: bool
) -> None:
    action = {"trigger_type": trigger, "action_type": "run_commands", "commands": ["x"], "persistent": written}
    made = draft({"name": "w", "jobs": [{"name": "a", "command": "x"}], "actions": [action]})
    assert made.actions[0].persistent is persistent


def test_yaml_words_that_other_readers_change_stay_text() -> None:
    text = """
name: 2024-01-01
jobs: [{name: yes, command: "x", parameters: {model: 1:10}}]
slurm_schedulers: [{name: s, account: no, walltime: 04:00:00}]
"""
    made, _ = read_workflow(text, file_name="wf.yaml", user="ann")
    assert (made.workflow.name, made.jobs[0].name, len(made.jobs)) == ("2024-01-01", "yes", 10)
    assert (made.slurm_schedulers[0].account, made.slurm_schedulers[0].walltime) == ("no", "04:00:00")


def test_anchors_and_merge_keys_work() -> None:
    text = """
jobs:
  - &base {name: a, command: x, priority: 3}
  - {<<: *base, name: b}
"""
    made, _ = read_workflow(text, file_name="wf.yaml", user="ann")
    assert [(job.name, job.priority) for job in made.jobs] == [("a", 3), ("b", 3)]


@pytest.mark.parametrize("file_name", ["wf.json", "wf.yaml", "wf.txt", "-", "wf"])
def test_json_is_read_under_any_suffix(file_name: str) -> None:
    made, _ = read_workflow(json.dumps(FULL), file_name=file_name, user="ann")
    assert len(made.jobs) == 2


def test_characters_that_json_escapes_as_pairs_are_read_under_any_suffix() -> None:
    text = json.dumps({"name": "😀", "jobs": [{"name": "a", "command": "x"}]})
    assert read_workflow(text, file_name="wf.yaml", user="ann")[0].workflow.name == "😀"


def test_the_report_counts_what_the_file_makes() -> None:
    text = 'name: w\njobs: [{name: "a_{i}", command: x, parameters: {i: "1:3"}}]'
    summary = check_workflow(text, file_name="wf.yaml").summary
    assert (summary.job_count, summary.job_count_before_expansion) == (3, 1)
    assert summary.job_names == ["a_1", "a_2", "a_3"]


def test_reading_refuses_a_file_with_unknown_keys() -> None:
    with pytest.raises(SpecError, match="unknown key 'jbos'; did you mean 'jobs'"):
        read_workflow("jbos: []\njobs: [{name: a, command: x}]", file_name="wf.yaml", user="ann")
