"""Schedulers and schedule_nodes actions of a workflow file: what is wrong with them, and what they do not serve."""

import pytest

from torc_core.spec.build import check_workflow, read_workflow

HEAD = """name: w
resource_requirements: [{name: r, num_cpus: 1, memory: 2g, runtime: PT2H}]
"""
JOBS = "jobs: [{name: a, command: 'true', resource_requirements: r, scheduler: s}]\n"


def warnings(scheduler: str) -> list[str]:
    text = f"{HEAD}slurm_schedulers: [{{name: s, account: a{scheduler}}}]\n{JOBS}"
    return check_workflow(text, file_name="w.yaml").warnings


def test_jobs_that_their_scheduler_never_starts_are_warned_of() -> None:
    assert warnings(", walltime: '02:00:00', mem: 2g") == []
    assert warnings(", mem: 1500") == [
        "w.yaml:4:8: jobs[0]: its runtime PT2H is over the walltime 01:00:00; its memory 2g is over mem 1500: "
        "no allocation of s would start it"
    ]


def test_gpus_that_no_node_has_are_warned_of() -> None:
    text = f"{HEAD}slurm_schedulers: [{{name: s, account: a, walltime: '02:00:00', gres: 'gpu:a100:2'}}]\n{JOBS}"
    assert check_workflow(text.replace("num_cpus: 1", "num_cpus: 1, num_gpus: 2"), file_name="w.yaml").warnings == []
    (warning,) = check_workflow(text.replace("num_cpus: 1", "num_cpus: 1, num_gpus: 4"), file_name="w.yaml").warnings
    assert warning == (
        "w.yaml:4:8: jobs[0]: its 4 GPUs are more than gres gpu:a100:2 has: no allocation of s would start it"
    )


def test_labels_of_a_job_with_a_scheduler_are_refused() -> None:
    text = f"{HEAD}slurm_schedulers: [{{name: s, account: a, walltime: '02:00:00'}}]\n{JOBS}"
    (error,) = check_workflow(text.replace("name: a, c", "name: a, labels: [x], c"), file_name="w.yaml").errors
    assert error.startswith("w.yaml:4:18: jobs[0].labels: the runners of an allocation have no labels")


@pytest.mark.parametrize(("of_action", "expected"), [("", True), (", serialize_allocations: false", False)])
def test_a_scheduler_may_serialize_the_allocations_of_its_actions(of_action: str, *, expected: bool) -> None:
    text = (
        f"{HEAD}slurm_schedulers: [{{name: s, account: a, serialize_allocations: true}}]\n"
        f"actions: [{{{ACTION}{of_action}}}]\n{JOBS}"
    )
    draft, _ = read_workflow(text, file_name="w.yaml", user="u")
    assert draft.slurm_schedulers[0].serialize_allocations is True
    assert draft.actions[0].action_config["serialize_allocations"] is expected


ACTION = "trigger_type: on_workflow_start, action_type: schedule_nodes, scheduler: s, scheduler_type: slurm"


def test_all_that_an_action_says_about_allocations_reaches_the_server() -> None:
    more = "num_allocations: 4, serialize_allocations: true, max_at_once: 2, max_parallel_jobs: 3"
    text = f"{HEAD}slurm_schedulers: [{{name: s, account: a}}]\nactions: [{{{ACTION}, {more}}}]\n{JOBS}"
    draft, _ = read_workflow(text, file_name="w.yaml", user="u")
    [action] = draft.actions
    assert action.action_config == {
        "scheduler_type": "slurm",
        "num_allocations": 4,
        "start_one_worker_per_node": False,
        "serialize_allocations": True,
        "max_at_once": 2,
        "max_parallel_jobs": 3,
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (ACTION.replace("on_workflow_start", "on_worker_start"), "would let every allocation ask for more"),
        (f"{ACTION}, persistent: true", "asks once for allocations"),
        ("trigger_type: on_workflow_start, action_type: run_commands, commands: [x], max_at_once: 2", "belongs to"),
    ],
)
def test_actions_that_would_never_end_are_refused(changed: str, message: str) -> None:
    text = f"{HEAD}slurm_schedulers: [{{name: s, account: a}}]\nactions: [{{{changed}}}]\n{JOBS}"
    assert any(message in error for error in check_workflow(text, file_name="w.yaml").errors)


def test_defaults_that_torc_sets_itself_are_left_out() -> None:
    text = "name: w\nslurm_defaults: {output: x, mail_type: END}\njobs: [{name: a, command: 'true'}]\n"
    [warning] = check_workflow(text, file_name="w.yaml").warnings
    assert "slurm_defaults.output: is left out" in warning


PER_NODE = f"actions: [{{{ACTION}, start_one_worker_per_node: true}}]\n"


@pytest.mark.parametrize(
    ("config", "actions", "error"),
    [
        ("mode: slurm, limit_resources: true", "", None),
        ("mode: slurm, limit_resources: false", "", "limit_resources: has no meaning with the mode slurm"),
        ("mode: direct, enable_cpu_bind: false", "", None),
        ("mode: direct, enable_cpu_bind: true", "", "enable_cpu_bind: has no meaning with the mode direct"),
        ("mode: direct, srun_mpi: none", PER_NODE, None),
        ("mode: direct, srun_mpi: none", "", "srun_mpi: has no meaning with the mode direct, but for actions"),
        ("mode: slurm, srun_mpi: a b", "", "srun_mpi: expected one word, such as pmix or none"),
    ],
)
def test_settings_of_another_mode_are_refused_but_for_what_happens_anyway(
    config: str, actions: str, error: str | None
) -> None:
    text = (
        f"{HEAD}execution_config: {{{config}}}\n"
        f"slurm_schedulers: [{{name: s, account: a, walltime: '02:00:00'}}]\n{actions}{JOBS}"
    )
    errors = check_workflow(text, file_name="w.yaml").errors
    assert bool(errors) is (error is not None)
    assert error is None or f"execution_config.{error}" in errors[0]
