"""The scheduler port over Slurm's own programs."""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from torc_client.slurm.programs import Backoff, SlurmPrograms
from torc_core.errors import InvalidInputError, SchedulerError, SchedulerUnreachableError
from torc_core.slurm.accounting import (
    accounting_document_words,
    accounting_words,
    accounting_words_by_name,
    parse_accounting,
)
from torc_core.slurm.allocation import (
    AccountingRecord,
    AllocationRequest,
    AllocationStatus,
    ClusterLimits,
    Partition,
    Phase,
)
from torc_core.slurm.partitions import (
    CONFIGURATION_WORDS,
    PARTITION_WORDS,
    association_words,
    node_words,
    parse_cluster_limits,
    parse_cluster_name,
    parse_kill_wait,
    parse_node_classes,
    parse_partitions,
    parse_submit_limit,
    with_nodes,
)
from torc_core.slurm.queue import find_liveliest, parse_queue, queue_words
from torc_core.slurm.srun import parse_step_list, signal_words, step_list_words
from torc_core.slurm.submission import (
    all_have_ended,
    cancel_words,
    complaint,
    estimate_words,
    is_unknown_job,
    parse_estimate,
    parse_submitted,
    submit_words,
)

_IDS_OF_ONE_CALL: Final = 5000
"""The kernel takes 128 KiB as one argument."""
_STEPS_OF_ONE_CALL: Final = 500
_LOOK_BACK: Final = "now-14days"
_LOOKS: Final = 2
NO_CLUSTER: Final = "Slurm's programs (sbatch, squeue, scancel) are not on PATH: there is no cluster to ask"


class SlurmCluster:
    """The Slurm cluster that the programs on PATH reach."""

    def __init__(self, programs: SlurmPrograms | None = None) -> None:
        self._programs = programs or SlurmPrograms()
        self._name: str | None = None

    def name(self) -> str:
        """Return the name of the cluster, which is asked once. Ids mean something together with this name only."""
        if self._name is None:
            self._name = parse_cluster_name(self._checked(CONFIGURATION_WORDS))
        if self._name is None:
            raise SchedulerError("scontrol names no cluster")
        return self._name

    def submit(self, request: AllocationRequest) -> int:
        """Submit the script once, also where answers are lost; return Slurm's id.

        Raises SchedulerError when Slurm refuses it, SchedulerUnreachableError when it does not answer for long.
        """
        failures = 0
        while True:
            try:
                return self._submit(request)
            except SchedulerUnreachableError as error:
                failures += 1
                if failures >= self._programs.backoff.tries:
                    raise SchedulerUnreachableError(
                        error.message,
                        hint=f"it may have been accepted: `squeue --states=all --name={request.key}` shows it",
                    ) from error
            # Slurm may have accepted what it did not answer, and may still be about to: a controller that was stopped
            # handles the old request and our look at the same time. So it is looked for twice before the next try.
            for _ in range(_LOOKS):
                self._programs.wait(failures)
                if (found := self._find_queued(request.key)) is not None:
                    return found

    def find(self, key: str) -> int | None:
        """Return the id of the allocation that was submitted under the key, also of one that ended days ago."""
        found = self._find_queued(key)
        return found if found is not None else self._find_accounted(key)

    def status(self, scheduler_ids: Collection[int]) -> Mapping[int, AllocationStatus]:
        """Return what the queue says of these allocations; one that is missing here has surely ended.

        An array is found under its own id as well as under its tasks'; its row is that of its liveliest task.
        """
        return find_liveliest(self.queue(scheduler_ids), scheduler_ids)

    def queue(self, scheduler_ids: Collection[int]) -> Sequence[AllocationStatus]:
        """Return the rows of the queue for these allocations: an array has one for each of its tasks."""
        rows: list[AllocationStatus] = []
        for part in _parts(sorted(set(scheduler_ids))):
            output = self._programs.run(queue_words(part))
            # Unknown ids are left out of the answer; only where none is known it is an error.
            if output.return_code != 0 and not is_unknown_job(output.stderr):
                raise SchedulerError(f"squeue: {complaint(output.stderr)}")
            rows.extend(parse_queue(output.stdout))
        return rows

    def cancel(self, scheduler_ids: Collection[int]) -> None:
        """Cancel these allocations; those that have ended are no error. Raises SchedulerError for others."""
        for part in _parts(sorted(set(scheduler_ids))):
            output = self._programs.run(cancel_words(part))
            if output.return_code != 0 and not all_have_ended(output.stderr):
                raise SchedulerError(f"scancel: {complaint(output.stderr)}")

    def cancel_queued(self, scheduler_ids: Collection[int]) -> list[int]:
        """Cancel those of these allocations that wait in the queue, and no other; return their ids.

        Of an array the tasks that have not begun are canceled, also while others run.
        """
        found = self.status(scheduler_ids)
        queued = sorted(each for each in scheduler_ids if each in found and _may_wait(each, found[each]))
        for part in _parts(queued):
            # by state: one that has started since then is not touched
            output = self._programs.run(cancel_words(part, state="PENDING"))
            if output.return_code != 0 and not all_have_ended(output.stderr):
                raise SchedulerError(f"scancel: {complaint(output.stderr)}")
        return queued

    def accounting(self, scheduler_ids: Collection[int]) -> Mapping[int, AccountingRecord]:
        """Return the records of these allocations. Raises SchedulerError where there is no accounting."""
        found: dict[int, AccountingRecord] = {}
        for part in _parts(sorted(set(scheduler_ids))):
            for record in self._accounted(accounting_words(part)):
                found[record.scheduler_id] = record
        return found

    def accounting_document(self, scheduler_id: int) -> str:
        """Return all that accounting has of one allocation, as the JSON that this release of Slurm prints."""
        return self._checked(accounting_document_words(scheduler_id))

    def partitions(self) -> Sequence[Partition]:
        """Return all partitions with their limits and the amounts of their smallest nodes, the default one first."""
        found = parse_partitions(self._checked(PARTITION_WORDS))
        return with_nodes(found, parse_node_classes(self._checked(node_words())))

    def limits(self, *, user: str, account: str | None = None) -> ClusterLimits:
        """Return what the cluster takes of the user at once; without accounting, accounts limit nothing."""
        limits = parse_cluster_limits(self._checked(CONFIGURATION_WORDS))
        try:
            associations = self._checked(association_words(user))
        except SchedulerUnreachableError:
            raise
        except SchedulerError:
            return limits
        return replace(limits, max_submitted=parse_submit_limit(associations, account))

    def array_limit(self) -> int:
        """Return how many tasks one array may have."""
        return parse_cluster_limits(self._checked(CONFIGURATION_WORDS)).max_array_tasks

    def signal_steps(self, scheduler_id: int, names: Sequence[str], signal: str) -> None:
        """Send a signal to every process of the allocation's steps of these names; those that have ended are no error.

        Raises SchedulerError when the scheduler refuses it.
        """
        running = parse_step_list(self._checked(step_list_words(scheduler_id)))
        steps = [running[name] for name in names if name in running]
        for part in [steps[place : place + _STEPS_OF_ONE_CALL] for place in range(0, len(steps), _STEPS_OF_ONE_CALL)]:
            output = self._programs.run(signal_words(part, signal))
            if output.return_code != 0 and not all_have_ended(output.stderr):
                raise SchedulerError(f"scancel: {complaint(output.stderr)}")

    def kill_wait_s(self) -> float | None:
        """Return the seconds between the signal that asks an allocation to end and its kill, None where not stated."""
        return parse_kill_wait(self._checked(CONFIGURATION_WORDS))

    def estimate_start(self, options: Sequence[str]) -> str | None:
        """Return when an allocation with these options of sbatch would start, None where Slurm does not say.

        Raises SchedulerError when Slurm would refuse it.
        """
        output = self._programs.run(estimate_words(options))
        if output.return_code != 0:
            raise SchedulerError(f"Slurm would refuse such an allocation: {complaint(output.stderr)}")
        return parse_estimate(output.stderr + output.stdout)

    def _submit(self, request: AllocationRequest) -> int:
        output = self._programs.run_once(submit_words(request))
        if output.return_code != 0:
            raise SchedulerError(
                f"Slurm refuses the allocation {request.key}: {complaint(output.stderr)}",
                hint=f"nothing was submitted; the script is {request.script}",
            )
        scheduler_id = parse_submitted(output.stdout)
        if scheduler_id is None:
            raise SchedulerError(f"sbatch gave no id for the allocation {request.key}: {output.stdout[:200]!r}")
        return scheduler_id

    def _find_queued(self, key: str) -> int | None:
        rows = [row for row in parse_queue(self._checked(queue_words(name=key))) if row.name == key]
        return min((row.array_job_id or row.scheduler_id for row in rows), default=None)

    def _find_accounted(self, key: str) -> int | None:
        """Return the id under the key that the queue has forgotten; None where the cluster keeps no accounting."""
        try:
            records = self._accounted(accounting_words_by_name(key, since=_LOOK_BACK))
        except SchedulerUnreachableError:
            raise
        except SchedulerError:
            return None
        return min((record.scheduler_id for record in records if record.name == key), default=None)

    def _accounted(self, words: Sequence[str]) -> list[AccountingRecord]:
        return parse_accounting(self._checked(words))

    def _checked(self, words: Sequence[str]) -> str:
        """Return what the program printed. Raises SchedulerError when it failed."""
        output = self._programs.run(words)
        if output.return_code != 0:
            raise SchedulerError(f"{words[0]}: {complaint(output.stderr)}")
        return output.stdout


def find_cluster(
    environment: Mapping[str, str], *, tries: int | None = None, timeout_s: float = 90.0
) -> SlurmCluster | None:
    """Return the Slurm cluster of this machine, None where its programs are not on PATH.

    `tries` is how often a program is run while Slurm does not answer, for those who cannot wait for it; each time it
    is ended after `timeout_s`.
    """
    path = environment.get("PATH")
    if any(shutil.which(program, path=path) is None for program in ("sbatch", "squeue", "scancel")):
        return None
    backoff = Backoff() if tries is None else Backoff(tries=tries)
    return SlurmCluster(SlurmPrograms(environment, timeout_s=timeout_s, backoff=backoff))


def require_cluster(environment: Mapping[str, str]) -> SlurmCluster:
    """Return the Slurm cluster of this machine, for a command at which somebody waits.

    Raises InvalidInputError where its programs are not on PATH.
    """
    cluster = find_cluster(environment, tries=1)
    if cluster is None:
        raise InvalidInputError(NO_CLUSTER, hint="run this on a machine where allocations are submitted")
    return cluster


def _parts(scheduler_ids: Sequence[int]) -> Iterator[list[int]]:
    rest = iter(scheduler_ids)
    while part := list(islice(rest, _IDS_OF_ONE_CALL)):
        yield part


def _may_wait(scheduler_id: int, status: AllocationStatus) -> bool:
    return status.phase is Phase.QUEUED or (status.phase is Phase.RUNNING and status.array_job_id == scheduler_id)
