"""The scheduler port on a real Slurm: submitted once, read from the queue, ended, accounted for."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from slurm_cluster import NODE_CPUS, NODE_MEMORY_MB, TestCluster
from slurm_daemons import await_that

from torc_client.slurm.cluster import SlurmCluster, find_cluster
from torc_client.slurm.ends import find_ends
from torc_client.slurm.programs import Backoff, SlurmPrograms
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.allocation import AllocationRequest, AllocationStatus, Phase

UNKNOWN = 999_999
KEYS = count(1)
SLEEP = "exec sleep 600"


@dataclass
class Submitter:
    """Writes batch scripts and submits them through the port. `on_pause` happens at every pause of the port."""

    cluster: TestCluster
    folder: Path
    on_pause: Callable[[], None] = lambda: None
    pauses: list[float] = field(default_factory=list)

    @property
    def port(self) -> SlurmCluster:
        return self.with_programs(tries=4)

    def with_programs(self, *, tries: int, timeout_s: float = 90.0) -> SlurmCluster:
        def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            self.on_pause()

        backoff = Backoff(tries=tries, first_pause_s=1.0)
        environment = self.cluster.environment
        return SlurmCluster(SlurmPrograms(environment, timeout_s=timeout_s, backoff=backoff, pause=pause))

    def request(self, script: str, *options: str) -> AllocationRequest:
        key = f"torc-test-{next(KEYS)}"
        path = self.folder / f"{key}.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        output = f"--output={self.folder}/{key}.out"
        return AllocationRequest(key=key, script=path, options=(output, *options))

    def submit(self, script: str, *options: str) -> int:
        return self.port.submit(self.request(script, *options))

    def await_status(self, scheduler_id: int, condition: Callable[[AllocationStatus], bool], what: str) -> None:
        def holds() -> bool:
            return condition(self.port.status([scheduler_id])[scheduler_id])

        await_that(holds, f"allocation {scheduler_id} {what}")

    def count_named(self, key: str) -> int:
        return len(self.cluster.call("squeue", "-h", "-t", "all", f"--name={key}").split("\n")) - 1


@pytest.fixture
def submitter(cluster: TestCluster, tmp_path: Path) -> Submitter:
    return Submitter(cluster, tmp_path)


def test_partitions_are_what_the_cluster_has(submitter: Submitter) -> None:
    short, long, debug = submitter.port.partitions()
    assert (short.name, short.is_default, short.max_time_s, short.is_up) == ("short", True, 3600.0, True)
    assert (short.cpus_per_node, short.memory_bytes_per_node) == (NODE_CPUS, NODE_MEMORY_MB << 20)
    assert (long.name, long.max_time_s, long.node_count) == ("long", 2 * 86400.0, len(submitter.cluster.nodes))
    assert (debug.name, debug.max_nodes) == ("debug", 1)


def test_an_allocation_is_followed_from_the_queue_to_its_end(submitter: Submitter) -> None:
    scheduler_id = submitter.submit(SLEEP, "--time=5")
    submitter.await_status(scheduler_id, lambda one: one.phase is Phase.RUNNING, "runs")
    status = submitter.port.status([scheduler_id])[scheduler_id]
    assert status.nodes in submitter.cluster.nodes
    assert status.end_time is not None
    submitter.port.cancel([scheduler_id])
    submitter.await_status(scheduler_id, lambda one: one.phase is Phase.ENDED, "has ended")
    assert submitter.port.status([scheduler_id])[scheduler_id].state == "CANCELLED"
    ends = find_ends(submitter.port, [scheduler_id, UNKNOWN])
    assert {each: end.state for each, end in ends.items()} == {scheduler_id: "CANCELLED", UNKNOWN: None}
    ended_at = ends[scheduler_id].ended_at
    assert ended_at is not None
    assert abs(datetime.now(UTC) - ended_at) < timedelta(minutes=10)


def test_many_are_asked_for_in_one_call_and_unknown_ones_are_left_out(submitter: Submitter) -> None:
    first, second = submitter.submit(SLEEP), submitter.submit(SLEEP)
    found = submitter.port.status([first, UNKNOWN, second])
    assert set(found) == {first, second}
    assert submitter.port.status([UNKNOWN]) == {}
    assert submitter.port.status([UNKNOWN, UNKNOWN + 1]) == {}
    assert submitter.port.status([]) == {}


def test_an_array_lives_as_long_as_one_of_its_tasks(submitter: Submitter) -> None:
    array = submitter.submit('[ "$SLURM_ARRAY_TASK_ID" = 0 ] || exec sleep 600', "--array=0-2", "--time=5")

    def first_ended() -> bool:
        rows = submitter.cluster.call("squeue", "-h", "-r", "-t", "all", f"--jobs={array}", "-o", "%K %T")
        return "0 COMPLETED" in rows and "1 RUNNING" in rows

    await_that(first_ended, "the first task has ended and the second one runs")
    assert submitter.port.status([array])[array].phase is Phase.RUNNING


def test_the_task_that_bears_the_id_of_its_array_ends_before_the_array_does(submitter: Submitter) -> None:
    script = '[ "$SLURM_JOB_ID" = "$SLURM_ARRAY_JOB_ID" ] || exec sleep 600; exit 3'
    array = submitter.submit(script, "--array=0-1", "--time=5")
    await_that(lambda: array in find_ends(submitter.port, [array]), "the task with the id of the array has ended")
    end = find_ends(submitter.port, [array])[array]
    assert (end.state, end.array_lives) == ("FAILED", True)
    assert submitter.port.status([array])[array].phase is Phase.RUNNING
    submitter.port.cancel([array])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--partition=short", "--time=2:00:00"), "PartitionTimeLimit"),
        (("--partition=debug", "--nodes=2"), "PartitionNodeLimit"),
        (("--hold",), "JobHeldUser"),
    ],
)
def test_what_will_never_start_is_reported(submitter: Submitter, options: tuple[str, ...], reason: str) -> None:
    scheduler_id = submitter.submit(SLEEP, *options)
    submitter.await_status(scheduler_id, lambda one: one.reason == reason, f"waits for {reason}")
    assert submitter.port.status([scheduler_id])[scheduler_id].will_not_start


@pytest.mark.parametrize(
    "option",
    ["--account=nobody", "--partition=nowhere", "--qos=none", "--mem=900G", "--gres=gpu:1", "--nodelist=x99", "--frob"],
)
def test_a_refusal_is_an_error_that_is_not_repeated(submitter: Submitter, option: str) -> None:
    request = submitter.request(SLEEP, option)
    with pytest.raises(SchedulerError, match=f"refuses the allocation {request.key}") as raised:
        submitter.port.submit(request)
    assert not isinstance(raised.value, SchedulerUnreachableError)
    assert submitter.pauses == []


def test_cancelling_what_has_ended_is_no_error(submitter: Submitter) -> None:
    scheduler_id = submitter.submit("true")
    submitter.await_status(scheduler_id, lambda one: one.phase is Phase.ENDED, "has ended")
    running = submitter.submit(SLEEP)
    submitter.port.cancel([scheduler_id, running, UNKNOWN])
    submitter.await_status(running, lambda one: one.phase is Phase.ENDED, "has ended")


def test_an_allocation_is_found_by_its_key_in_the_queue_and_in_accounting(submitter: Submitter) -> None:
    request = submitter.request("true")
    scheduler_id = submitter.port.submit(request)
    assert submitter.port.find(request.key) == scheduler_id
    assert submitter.port.find("torc-no-such-key") is None
    port = submitter.port
    await_that(lambda: port._find_accounted(request.key) == scheduler_id, "accounting has the key")


def test_a_submission_whose_answer_was_lost_is_not_repeated(submitter: Submitter) -> None:
    controller = submitter.cluster.daemon("slurmctld")
    request = submitter.request(SLEEP)
    submitter.on_pause = controller.resume
    controller.pause()
    try:
        scheduler_id = submitter.port.submit(request)
    finally:
        controller.resume()
    assert submitter.pauses, "the first answer was lost"
    assert submitter.count_named(request.key) == 1
    assert submitter.port.status([scheduler_id])[scheduler_id].name == request.key


def test_a_controller_that_stays_away_is_an_error_with_a_way_to_look(submitter: Submitter) -> None:
    controller = submitter.cluster.daemon("slurmctld")
    request = submitter.request("true")
    controller.pause()
    try:
        with pytest.raises(SchedulerUnreachableError) as raised:
            submitter.with_programs(tries=1).submit(request)
    finally:
        controller.resume()
    assert f"--name={request.key}" in str(raised.value.hint)


def test_a_program_that_hangs_is_ended(submitter: Submitter) -> None:
    controller = submitter.cluster.daemon("slurmctld")
    controller.pause()
    try:
        with pytest.raises(SchedulerUnreachableError, match=r"did not end within 0\.5 seconds"):
            submitter.with_programs(tries=2, timeout_s=0.5).status([1])
    finally:
        controller.resume()
    assert len(submitter.pauses) == 1


def test_ended_allocations_are_accounted_for_with_their_steps(submitter: Submitter) -> None:
    good = submitter.submit("srun sh -c 'exit 0'; srun sh -c 'exit 3'; exit 4")

    def is_accounted() -> bool:
        record = submitter.port.accounting([good]).get(good)
        return record is not None and record.state == "FAILED" and len(record.steps) == 3

    await_that(is_accounted, "accounting has the allocation and its steps")
    record = submitter.port.accounting([good, UNKNOWN])[good]
    assert record.exit_code == "4:0"
    assert {step.name: step.exit_code for step in record.steps} == {"batch": "4:0", "0": "0:0", "1": "3:0"}
    assert record.nodes in submitter.cluster.nodes


def test_a_process_over_its_memory_is_accounted_as_out_of_memory(submitter: Submitter) -> None:
    if not submitter.cluster.limits_memory:
        pytest.skip("memory cannot be limited by control groups here")
    hungry = submitter.submit("python3 -c 'print(len(bytearray(600 << 20)))'", "--mem=100M")
    submitter.await_status(hungry, lambda one: one.phase is Phase.ENDED, "has ended")
    assert submitter.port.status([hungry])[hungry].state == "OUT_OF_MEMORY"


def test_an_allocation_on_a_node_without_power_is_queued_again_and_not_called_ended(submitter: Submitter) -> None:
    scheduler_id = submitter.submit(SLEEP, "--requeue", f"--nodelist={submitter.cluster.nodes[-1]}")
    submitter.await_status(scheduler_id, lambda one: one.phase is Phase.RUNNING, "runs")
    submitter.cluster.crash(submitter.cluster.nodes[-1])
    try:
        submitter.await_status(scheduler_id, lambda one: one.phase is Phase.QUEUED, "is queued again")
        await_that(
            lambda: submitter.port.accounting([scheduler_id])[scheduler_id].state == "NODE_FAIL",
            "accounting has the failure of the node",
        )
        assert find_ends(submitter.port, [scheduler_id]) == {}
    finally:
        submitter.cluster.boot(submitter.cluster.nodes[-1])


def test_two_submissions_at_the_same_time_are_two_allocations(submitter: Submitter) -> None:
    ids: list[int] = []
    requests = [submitter.request(SLEEP) for _ in range(2)]
    threads = [threading.Thread(target=lambda one=one: ids.append(submitter.port.submit(one))) for one in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 2


def test_a_cluster_is_found_by_its_programs(submitter: Submitter, tmp_path: Path) -> None:
    found = find_cluster(submitter.cluster.environment)
    assert found is not None
    assert len(found.partitions()) == 3
    assert find_cluster({"PATH": str(tmp_path)}) is None
