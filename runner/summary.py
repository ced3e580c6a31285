"""The summary of a run: how it ended, and what it did."""

from dataclasses import dataclass
from enum import StrEnum

from runner.base.settings import Machine
from torc_core.api.jobs import JobNeed, Outlook
from torc_core.hints import Hint, Line, torc
from torc_core.jobs.status import SUCCESSFUL, JobStatus
from torc_core.resources.duration import describe_duration, parse_duration
from torc_core.resources.memory import describe_memory


class ExitReason(StrEnum):
    """The reasons for which a runner leaves."""

    COMPLETE = "complete"
    NOTHING_LEFT = "nothing_left"
    """Jobs are left, but none that could ever become ready for this runner."""
    WAITED = "waited"
    """Other runners are at work, and nothing came for this one in its waiting time."""
    CANCELED = "canceled"
    ANOTHER_RUN = "another_run"
    """The workflow was reset or recovered; what this runner does counts no more."""
    INTERRUPTED = "interrupted"
    TIME_UP = "time_up"


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A summary of what this runner did. The counts are of attempts it ran; `explanation` says why it left."""

    workflow_id: int
    run_id: int
    compute_node_id: int
    reason: ExitReason
    explanation: Line
    started: int
    completed: int
    failed: int
    terminated: int
    retried: int
    duration_s: float
    ready_left: int = 0
    """Jobs that were ready when it left, and needed more than it has."""

    @property
    def was_ended_early(self) -> bool:
        """Return whether somebody, or the clock, ended the run; it must not be continued by itself."""
        return self.reason in (ExitReason.INTERRUPTED, ExitReason.TIME_UP, ExitReason.CANCELED)


@dataclass(slots=True)
class Tally:
    """Counts while the run goes on."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    terminated: int = 0
    retried: int = 0

    def count(self, status: JobStatus, *, will_retry: bool) -> None:
        if will_retry:
            self.retried += 1
        elif status in SUCCESSFUL:
            self.completed += 1
        elif status is JobStatus.TERMINATED:
            self.terminated += 1
        else:
            self.failed += 1


def reason_to_leave(outlook: Outlook, *, is_persistent: bool = False) -> ExitReason | None:
    """Return why a runner that holds nothing and was given nothing leaves; None while something may still come.

    A persistent runner also waits for what a decision or a recovery would bring.
    """
    if outlook.is_canceled:
        return ExitReason.CANCELED
    if outlook.is_complete:
        return ExitReason.COMPLETE
    if is_persistent and (outlook.blocked or outlook.pending_failed):
        return None
    if outlook.active == 0 and outlook.ready_that_fit == 0:
        return ExitReason.NOTHING_LEFT
    return None


def explain(
    reason: ExitReason,
    outlook: Outlook | None,
    *,
    workflow_id: int,
    run_id: int,
    machine: Machine,
    left_s: float | None,
    is_strict: bool = False,
) -> Line:
    """Return one line for the user; `left_s` is the time that this runner still has, None: no limit.

    A runner that `is_strict` was given no jobs of other schedulers.
    """
    match reason:
        case ExitReason.COMPLETE:
            return f"workflow {workflow_id} is complete"
        case ExitReason.CANCELED:
            return f"workflow {workflow_id} was canceled"
        case ExitReason.ANOTHER_RUN:
            present = (outlook or Outlook()).run_id
            return f"workflow {workflow_id} is in run {present} now, and this runner belongs to run {run_id}"
        case ExitReason.INTERRUPTED:
            return "interrupted: running jobs were stopped, claimed ones released"
        case ExitReason.TIME_UP:
            return "the runner's time is up"
        case ExitReason.WAITED:
            return "other runners are at work, and nothing came for this one in its waiting time"
        case ExitReason.NOTHING_LEFT:
            return _what_is_left(outlook or Outlook(), workflow_id, machine, left_s, is_strict=is_strict)


def describe_machine(machine: Machine) -> str:
    gpus = _number(len(machine.gpus), "GPU") if machine.gpus else "no GPUs"
    cpus, nodes = _number(machine.cpus, "CPU"), _number(machine.node_count, "node")
    return f"{cpus}, {describe_memory(machine.memory_bytes)}, {gpus}, {nodes}"


def _what_is_left(
    outlook: Outlook, workflow_id: int, machine: Machine, left_s: float | None, *, is_strict: bool
) -> Line:
    parts: list[Line] = []
    if outlook.pending_failed:
        waiting = _jobs(outlook.pending_failed, "waits", "wait")
        parts.append(Hint("{} for a decision: `{}`", waiting, torc("failures list", workflow_id)))
    others = outlook.ready_with_other_labels
    if others:
        labeled = _jobs(others, "is ready for a runner with its labels", "are ready for runners with their labels")
        parts.append(Hint(f"{labeled}: `{{}}`", torc("jobs list", workflow_id, "--status", "ready")))
    if outlook.ready > others:
        rest = outlook.model_copy(update={"ready": outlook.ready - others})
        parts.append(_what_does_not_fit(rest, machine, left_s, is_strict=is_strict))
    if outlook.blocked:
        parts.append(f"{_jobs(outlook.blocked, 'waits', 'wait')} for others that did not complete")
    return Hint.joined("; ", parts or [f"nothing in workflow {workflow_id} can become ready"])


def _what_does_not_fit(outlook: Outlook, machine: Machine, left_s: float | None, *, is_strict: bool) -> str:
    verb = (
        ("is ready but belongs", "are ready but belong") if is_strict else ("is ready but needs", "are ready but need")
    )
    other = " to another scheduler, which a strict runner leaves alone, or needs" if is_strict else ""
    more = f"{_jobs(outlook.ready, *verb)}{other} more than this runner has"
    left = "" if left_s is None else f" and the {describe_duration(left_s)} that are left"
    need = outlook.smallest_need
    which = "it needs" if outlook.ready == 1 else "the smallest needs"
    example = "" if need is None else f": {which} {_describe_need(need, is_timed=left_s is not None)}"
    return f"{more} ({describe_machine(machine)}){left}{example}"


def _describe_need(need: JobNeed, *, is_timed: bool) -> str:
    nodes = f"{need.num_nodes} nodes, each with " if need.num_nodes > 1 else ""
    gpus = f", {_number(need.num_gpus, 'GPU')}" if need.num_gpus else ""
    runtime = f" for {describe_duration(parse_duration(need.runtime))}" if is_timed else ""
    memory = describe_memory(round(need.memory_gb * 2**30))
    return f"{nodes}{_number(need.num_cpus, 'CPU')}, {memory}{gpus}{runtime}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _jobs(number: int, one: str, many: str) -> str:
    return f"1 job {one}" if number == 1 else f"{number} jobs {many}"
