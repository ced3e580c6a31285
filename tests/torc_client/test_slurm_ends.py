"""How allocations ended: read from the queue, and by accounting where the queue has forgotten them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from allocations_scenes import SchedulerInMemory

from torc_client.slurm.ends import REQUEUED, find_ends
from torc_client.slurm.programs import Backoff, clean_environment
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.allocation import AccountingRecord, AllocationEnd, AllocationStatus, Phase
from torc_core.slurm.queue import find_liveliest


def test_what_the_queue_knows_is_not_looked_up_in_accounting() -> None:
    scheduler = SchedulerInMemory(phases={1: Phase.QUEUED, 2: Phase.RUNNING, 3: Phase.ENDED})
    assert find_ends(scheduler, [1, 2, 3]) == {3: AllocationEnd(scheduler_id=3, state="ended")}
    assert scheduler.asked_accounting == []


def test_an_allocation_that_is_queued_again_has_not_ended_although_accounting_says_so() -> None:
    failed = AccountingRecord(scheduler_id=1, name="a", state="NODE_FAIL")
    assert find_ends(SchedulerInMemory(phases={1: Phase.QUEUED}, accounted={1: failed}), [1]) == {}


def test_what_the_queue_has_forgotten_is_looked_up_once() -> None:
    record = AccountingRecord(scheduler_id=1, name="a", state="TIMEOUT", exit_code="0:0")
    scheduler = SchedulerInMemory(phases={3: Phase.RUNNING}, accounted={1: record})
    ends = find_ends(scheduler, [1, 2, 3])
    assert ends == {
        1: AllocationEnd(scheduler_id=1, state="TIMEOUT", exit_code="0:0"),
        2: AllocationEnd(scheduler_id=2),
    }
    assert scheduler.asked_accounting == [[1, 2]]


@pytest.mark.parametrize("error", [SchedulerError("none"), SchedulerUnreachableError("away")])
def test_without_accounting_an_end_is_known_and_its_state_is_not(error: SchedulerError) -> None:
    class WithoutAccounting(SchedulerInMemory):
        def accounting(self, scheduler_ids: Collection[int]) -> Mapping[int, AccountingRecord]:
            raise error

    assert find_ends(WithoutAccounting(), [1]) == {1: AllocationEnd(scheduler_id=1)}


def test_an_allocation_that_is_queued_again_ended_for_the_runners_that_it_had() -> None:
    begun = datetime.now(UTC) - timedelta(hours=1)
    scheduler = SchedulerInMemory(phases={1: Phase.QUEUED, 2: Phase.QUEUED})
    [end] = find_ends(scheduler, [1, 2], begun={2: begun}).values()
    assert (end.scheduler_id, end.state, end.runs_again) == (2, REQUEUED, True)
    assert end.again_from is not None
    assert begun < end.again_from


def test_an_allocation_that_was_started_again_ended_for_earlier_runners_only() -> None:
    scheduler = SchedulerInMemory(phases={1: Phase.RUNNING}, starts={1: "2025-03-01T12:00:00"})
    started = datetime(2025, 3, 1, 12, 0).astimezone()
    earlier, soon_after = started - timedelta(minutes=5), started + timedelta(seconds=20)
    [end] = find_ends(scheduler, [1], begun={1: earlier}).values()
    assert end.again_from is not None
    assert earlier < end.again_from < soon_after
    assert find_ends(scheduler, [1], begun={1: soon_after}) == {}
    skewed = started - timedelta(seconds=20)
    assert find_ends(scheduler, [1], begun={1: skewed}) == {}, "clocks of nodes differ by seconds"


def test_pauses_double_up_to_the_longest_and_differ_from_each_other() -> None:
    backoff = Backoff(first_pause_s=2.0, longest_pause_s=10.0)
    assert [backoff.pause_s(failures, 0.5) for failures in (1, 2, 3, 4, 50)] == [2.0, 4.0, 8.0, 10.0, 10.0]
    assert (backoff.pause_s(2, 0.0), backoff.pause_s(2, 1.0)) == (2.0, 6.0)


def test_programs_see_nothing_that_changes_formats_or_describes_another_allocation() -> None:
    environment = {
        "PATH": "/bin",
        "SLURM_CONF": "/etc/slurm.conf",
        "SBATCH_ACCOUNT": "proj",
        "SBATCH_RESERVATION": "week",
        "SLURM_TIME_FORMAT": "relative",
        "SQUEUE_FORMAT": "%i",
        "SLURM_JOB_ID": "7",
        "SLURM_MEM_PER_NODE": "100",
        "LC_ALL": "de_DE.UTF-8",
    }
    assert clean_environment(environment) == {
        "PATH": "/bin",
        "SLURM_CONF": "/etc/slurm.conf",
        "SBATCH_RESERVATION": "week",
        "LC_ALL": "C.UTF-8",
    }


def test_a_task_that_bears_the_id_of_its_array_has_its_own_end_while_a_sibling_runs() -> None:
    lost = _task(7, 1, "NODE_FAIL", Phase.ENDED)
    rows = [_task(8, 0, "RUNNING", Phase.RUNNING), lost]
    ends = find_ends(_Rows(rows), [7, 8], begun={7: datetime.now(UTC), 8: datetime.now(UTC)})
    assert ends == {7: AllocationEnd(scheduler_id=7, state="NODE_FAIL", array_lives=True)}


def test_a_task_that_bears_the_id_of_its_array_does_not_get_the_end_of_a_sibling() -> None:
    rows = [_task(8, 0, "COMPLETED", Phase.ENDED), _task(7, 1, "NODE_FAIL", Phase.ENDED)]
    ends = find_ends(_Rows(rows), [7, 8])
    assert {each: (end.state, end.array_lives) for each, end in ends.items()} == {
        7: ("NODE_FAIL", False),
        8: ("COMPLETED", False),
    }


def test_a_task_that_the_queue_has_forgotten_has_ended_although_its_array_lives() -> None:
    scheduler = _Rows([_task(8, 0, "RUNNING", Phase.RUNNING)])
    assert find_ends(scheduler, [7, 8]) == {}
    ends = find_ends(scheduler, [7, 8], begun={7: datetime.now(UTC)})
    assert ends == {7: AllocationEnd(scheduler_id=7, array_lives=True)}


class _Rows(SchedulerInMemory):
    """A queue of these rows."""

    def __init__(self, rows: Sequence[AllocationStatus]) -> None:
        super().__init__()
        self._rows = rows

    def queue(self, scheduler_ids: Collection[int]) -> Sequence[AllocationStatus]:
        return self._rows

    def status(self, scheduler_ids: Collection[int]) -> Mapping[int, AllocationStatus]:
        return find_liveliest(self._rows, scheduler_ids)


def _task(scheduler_id: int, task: int, state: str, phase: Phase) -> AllocationStatus:
    return AllocationStatus(
        scheduler_id=scheduler_id, name="a", state=state, phase=phase, array_job_id=7, array_task_id=str(task)
    )
