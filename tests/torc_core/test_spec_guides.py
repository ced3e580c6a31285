"""The workflow files printed in the guides on failure handlers and actions work as they are."""

from pathlib import Path

import pytest

from torc_core.api.drafts import WorkflowDraft
from torc_core.spec.build import read_workflow

EXAMPLES = Path(__file__).parents[2] / "examples"

BASIC = """
failure_handlers:
  - name: job_recovery
    rules:
      - exit_codes: [10, 11, 12]
        recovery_script: ./recovery.sh
        max_retries: 3

jobs:
  - name: process_data
    command: python process.py
    failure_handler: job_recovery
"""
SHARED = """
failure_handlers:
  - name: simulation_recovery
    rules:
      - exit_codes: [10, 11, 12]
        recovery_script: ./recovery.sh
        max_retries: 3

jobs:
  - name: simulation_1
    command: python simulate.py --config config1.yaml
    failure_handler: simulation_recovery

  - name: simulation_2
    command: python simulate.py --config config2.yaml
    failure_handler: simulation_recovery
"""
SIMPLE_RETRY = """
failure_handlers:
  - name: simple_retry
    rules:
      - match_all_exit_codes: true
        max_retries: 3

jobs:
  - name: flaky_job
    command: ./flaky_script.sh
    failure_handler: simple_retry
"""
# The guides print these without jobs.
SEVERAL_RULES = """
failure_handlers:
  - name: comprehensive_recovery
    rules:
      - exit_codes: [10]
        recovery_script: ./adjust_params.sh
        max_retries: 3
      - exit_codes: [11]
        recovery_script: ./cleanup.sh
        max_retries: 2
      - exit_codes: [12]
        max_retries: 3
"""
MIXED = """
failure_handlers:
  - name: mixed_recovery
    rules:
      - exit_codes: [10]
        recovery_script: ./fix_convergence.sh
        max_retries: 3
      - match_all_exit_codes: true
        max_retries: 2
"""
CATCH_ALL = """
failure_handlers:
  - name: comprehensive_recovery
    rules:
      - exit_codes: [10, 11]
        recovery_script: ./recover.sh
        max_retries: 3
      - match_all_exit_codes: true
        max_retries: 1
"""
SIMULATION = """
name: failure_handler_simulation
description: Simulation sweep with automatic failure recovery

failure_handlers:
  - name: simulation_recovery
    rules:
      - exit_codes: [10]
        recovery_script: examples/scripts/recovery_demo.sh
        max_retries: 3
      - exit_codes: [11]
        recovery_script: examples/scripts/recovery_demo.sh
        max_retries: 2
      - exit_codes: [12]
        max_retries: 3

jobs:
  - name: simulate_m{model}_s{scenario}
    command: bash examples/scripts/failure_demo_job.sh --fail-rate 0.7
    failure_handler: simulation_recovery
    parameters:
      model: "0:2"
      scenario: "0:2"

  - name: aggregate_results
    command: echo "All simulations completed successfully!"
    depends_on:
      - simulate_m{model}_s{scenario}
    parameters:
      model: "0:2"
      scenario: "0:2"
"""
ACTIONS = """
jobs:
  - {name: train_model_1, command: x}
  - {name: train_model_2, command: x}
  - {name: eval_a, command: x}
slurm_schedulers:
  - {name: gpu_cluster, account: acc}
actions:
  - trigger_type: "on_workflow_start"
    action_type: "run_commands"
    commands:
      - "mkdir -p output logs"
      - "echo 'Workflow started at $(date)' > workflow.log"
  - trigger_type: "on_jobs_ready"
    action_type: "schedule_nodes"
    job_name_regexes: ["train_model_[0-9]+", "eval_.*"]
    scheduler: "gpu_cluster"
    scheduler_type: "slurm"
    num_allocations: 2
  - trigger_type: "on_jobs_complete"
    action_type: "run_commands"
    jobs: ["train_model_1"]
    job_name_regexes: ["eval_.*"]
    commands:
      - "echo done"
  - trigger_type: "on_worker_start"
    action_type: "run_commands"
    persistent: true  # Each worker executes this
    commands:
      - "echo 'Worker started on $(hostname) at $(date)' >> worker.log"
"""


def draft(text: str) -> WorkflowDraft:
    return read_workflow(text, file_name="workflow.yaml", user="ann")[0]


@pytest.mark.parametrize("text", [BASIC, SHARED, SIMPLE_RETRY])
def test_a_printed_workflow_works_as_it_is_also_without_a_name(text: str) -> None:
    made, report = read_workflow(text, file_name="workflow.yaml", user="ann")
    assert report.warnings == []
    assert all(job.failure_handler == 0 for job in made.jobs)


@pytest.mark.parametrize("text", [SEVERAL_RULES, MIXED, CATCH_ALL])
def test_a_printed_handler_works_in_a_workflow(text: str) -> None:
    name = "mixed_recovery" if text is MIXED else "comprehensive_recovery"
    made = draft(f"{text}\njobs: [{{name: a, command: x, failure_handler: {name}}}]")
    assert made.failure_handlers[0].rules[0].max_retries == 3


def test_a_catch_all_rule_that_allows_one_attempt_is_reported_to_never_retry() -> None:
    text = f"{CATCH_ALL}\njobs: [{{name: a, command: x, failure_handler: comprehensive_recovery}}]"
    _, report = read_workflow(text, file_name="w.yaml", user="ann")
    (warning,) = report.warnings
    assert "max_retries: 1 never retries" in warning


def test_the_simulation_makes_nine_pairs_of_jobs() -> None:
    made, report = read_workflow(SIMULATION, file_name="w.yaml", user="ann")
    assert len(made.jobs) == 18
    for position in range(9):
        assert made.jobs[position].name == f"simulate_m{position // 3}_s{position % 3}"
        assert made.jobs[9 + position].name == "aggregate_results"
        assert made.jobs[9 + position].depends_on == [position]
    (warning,) = report.warnings
    assert "9 jobs have the name 'aggregate_results'" in warning


def test_the_example_is_the_simulation_of_the_guide() -> None:
    assert draft((EXAMPLES / "yaml/failure_handler_simulation.yaml").read_text()) == draft(SIMULATION)


def test_the_printed_actions_find_their_jobs() -> None:
    actions = draft(ACTIONS).actions
    assert [action.jobs for action in actions] == [None, [0, 1, 2], [0, 2], None]
    assert [action.persistent for action in actions] == [False, False, False, True]


def test_the_scripts_of_the_examples_can_be_executed() -> None:
    for script in (EXAMPLES / "scripts").iterdir():
        assert script.stat().st_mode & 0o111, script
