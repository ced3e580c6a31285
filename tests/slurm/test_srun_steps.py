"""Jobs as steps: the words of srun, what its answer means, and which node each gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.base.ledger import Need
from runner.base.node_ledger import NodeLedger
from runner.base.settings import NodeShare
from torc_core.slurm.srun import (
    STEP_ERROR_CODE,
    StepFault,
    StepOptions,
    StepRequest,
    parse_step_list,
    read_step_end,
    step_environment,
    step_words,
)

GIB = 1 << 30
NODES = [NodeShare(name="n1", cpus=4, memory_bytes=4 * GIB), NodeShare(name="n2", cpus=4, memory_bytes=4 * GIB)]


def need(cpus: int, *, nodes: int = 1, memory_bytes: int = GIB) -> Need:
    return Need(name="r", cpus=cpus, memory_bytes=memory_bytes, gpus=0, nodes=nodes, runtime_s=60.0)


def test_a_step_has_its_own_limits_and_output() -> None:
    request = StepRequest(
        name="wf1_j2_r1_a1", cpus=2, memory_bytes=300_000_000, time_s=61, stdout="/o/j.o", stderr="/o/j.e"
    )
    words = step_words(request, StepOptions(), "echo $HOME")
    assert words[0] == "srun"
    assert {
        "--job-name=wf1_j2_r1_a1",
        "--nodes=1",
        "--ntasks=1",
        "--exact",
        "--cpus-per-task=2",
        "--mem=287M",
        "--time=2",
        "--cpu-bind=none",
        "--wait=0",
        "--kill-on-bad-exit=0",
        "--output=/o/j.o",
        "--error=/o/j.e",
    } <= set(words)
    assert words[-3:] == ["bash", "-c", "echo $HOME"]
    assert not [word for word in words if word.startswith(("--signal", "--mpi", "--gpus", "--nodelist", "--gres"))]


def test_options_of_the_workflow_reach_srun() -> None:
    options = StepOptions(termination_signal="TERM@120", mpi="pmi2", binds_cpus=True)
    request = StepRequest(name="s", nodes=("n1", "n2"), node_count=2, gpus=1, stdout="/50%/j.log", stderr="/50%/j.log")
    words = step_words(request, options, "true")
    assert {
        "--signal=TERM@120",
        "--mpi=pmi2",
        "--ntasks=2",
        "--nodelist=n1,n2",
        "--gpus-per-node=1",
        "--mem=0",
        "--output=\\/50%/j.log",
    } <= set(words)
    assert not [word for word in words if word.startswith(("--error", "--cpu-bind", "--time"))]
    assert "--gres=none" in step_words(StepRequest(name="s", hides_gpus=True), options, "true")


def test_srun_reads_no_options_of_the_allocation() -> None:
    env = {
        "SLURM_JOB_ID": "7",
        "SLURM_MEM_PER_CPU": "100",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_CONF": "/c",
        "PATH": "/b",
    }
    assert step_environment(env) == {
        "SLURM_JOB_ID": "7",
        "SLURM_CONF": "/c",
        "PATH": "/b",
        "SLURM_EXIT_ERROR": str(STEP_ERROR_CODE),
    }


@pytest.mark.parametrize(
    ("code", "messages", "fault", "signal"),
    [
        (0, "", None, None),
        (3, "srun: error: n1: task 0: Exited with exit code 3\n", None, None),
        (139, "srun: error: n1: task 0: Segmentation fault\n", None, 11),
        (139, "srun: error: n1: task 0: Exited with exit code 139\n", None, None),
        (137, "srun: error: n1: task 0: Killed\nsrun: Force Terminated StepId=1.5\n", None, 9),
        (1, "srun: error: n1: task 0: Out Of Memory\n", StepFault.OUT_OF_MEMORY, None),
        (1, "srun: error: n1: tasks 0-3: Out Of Memory\n", StepFault.OUT_OF_MEMORY, None),
        (0, "srun: error: Node failure on n2\n", StepFault.NODE_FAILURE, None),
        (STEP_ERROR_CODE, "srun: error: n1: task 0: Exited with exit code 219\n", None, None),
        (STEP_ERROR_CODE, "srun: error: Unable to create step for job 1: Memory required", StepFault.REFUSED, None),
        (143, "srun: Job step aborted: Waiting up to 4 seconds for job step to finish.", StepFault.CANCELED, None),
        (-9, "", None, 9),
    ],
)
def test_what_srun_returns_is_distinguished(
    code: int, messages: str, fault: StepFault | None, signal: int | None
) -> None:
    end = read_step_end(code, messages)
    assert (end.fault, end.signal) == (fault, signal)


def test_why_a_step_was_refused_is_kept() -> None:
    end = read_step_end(STEP_ERROR_CODE, "srun: error: Unable to create step for job 1: Memory required\nmore\n")
    assert end.reason == "Unable to create step for job 1: Memory required"


@given(st.integers(-64, 255), st.text(max_size=200))
def test_any_answer_of_srun_is_survived(code: int, messages: str) -> None:
    read_step_end(code, messages)


def test_running_steps_are_found_by_their_names() -> None:
    assert parse_step_list("7.2|wf1_j2_r1_a1\n7.batch|batch\nwarning\n") == {"wf1_j2_r1_a1": "7.2", "batch": "7.batch"}


def test_a_job_gets_its_share_of_one_node() -> None:
    ledger = NodeLedger(NODES)
    grants = [ledger.take(need(3)) for _ in range(3)]
    assert [grant and grant.nodes for grant in grants] == [("n1",), ("n2",), None]
    assert ledger.take(need(1)) is not None
    room = ledger.room([])
    assert (room.nodes, room.cpus, room.slots) == (1, 1, 1)


def test_small_jobs_fill_one_node_before_they_begin_another() -> None:
    ledger = NodeLedger(NODES)
    assert {grant.nodes for _ in range(4) if (grant := ledger.take(need(1)))} == {("n1",)}
    room = ledger.room([])
    assert (room.nodes, room.cpus) == (1, 4)


def test_a_job_of_two_nodes_waits_for_both() -> None:
    ledger = NodeLedger(NODES)
    assert ledger.room([]).nodes == 2
    small = ledger.take(need(1))
    assert small is not None
    assert ledger.take(need(4, nodes=2)) is None
    ledger.free(small)
    both = ledger.take(need(4, nodes=2))
    assert both is not None
    assert set(both.nodes) == {"n1", "n2"}
    assert ledger.room([]).slots == 0
    ledger.free(both)
    assert (ledger.free_cpus, ledger.room([]).nodes, ledger.granted) == (8, 2, 0)


def test_a_failed_node_gets_no_more_jobs() -> None:
    ledger = NodeLedger(NODES)
    grant = ledger.take(need(4))
    assert grant is not None
    assert ledger.lose(grant.nodes) == list(grant.nodes)
    ledger.free(grant)
    assert ledger.lose(grant.nodes) == []
    other = ledger.take(need(4))
    assert other is not None
    assert other.nodes != grant.nodes
    assert (ledger.node_count, ledger.room([]).slots, ledger.take(need(1))) == (1, 0, None)
    ledger.lose(other.nodes)
    assert ledger.room([]).slots == 0


def test_without_srun_jobs_of_one_node_run_on_the_runner_s_own() -> None:
    ledger = NodeLedger(NODES, here="n2", gpus=["0", "1"])
    small = ledger.take(need(4))
    assert small is not None
    assert small.nodes == ()
    assert ledger.take(need(1)) is None
    assert ledger.take(need(1, nodes=2)) is None
    assert ledger.room([]).slots == 0
    ledger.free(small)
    assert ledger.room([]).nodes == 2
    both = ledger.take(need(4, nodes=2))
    assert both is not None
    assert set(both.nodes) == {"n1", "n2"}
    ledger.free(both)
    assert (ledger.free_cpus, ledger.room([]).nodes) == (8, 2)


def test_srun_names_the_nodes_that_failed() -> None:
    assert read_step_end(0, "srun: error: Node failure on n[2-3]\n").failed_nodes == ("n2", "n3")
    refused = "srun: error: Unable to create step for job 1: Requested node configuration is not available"
    assert read_step_end(STEP_ERROR_CODE, refused).nodes_are_gone
    away = read_step_end(STEP_ERROR_CODE, "srun: error: Unable to create step: Unable to contact slurm controller")
    assert (away.nodes_are_gone, away.scheduler_is_away) == (False, True)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 2)), max_size=20))
def test_nothing_is_granted_twice(jobs: list[tuple[int, int]]) -> None:
    ledger = NodeLedger(NODES, slots=6)
    grants = [grant for cpus, nodes in jobs if (grant := ledger.take(need(cpus, nodes=nodes)))]
    for name in ("n1", "n2"):
        assert sum(grant.cpus for grant in grants if name in grant.nodes) <= 4
    for grant in grants:
        ledger.free(grant)
    assert (ledger.free_cpus, ledger.free_memory_bytes, ledger.free_slots) == (8, 8 * GIB, 6)
