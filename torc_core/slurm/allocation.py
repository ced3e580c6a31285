"""Allocations and partitions as a scheduler reports them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final


class Phase(StrEnum):
    """Where an allocation stands, whatever word the scheduler has for it."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class AllocationRequest:
    """One batch script to submit.

    `key` is unique: it travels with the submission, so that one whose answer was lost is found again instead of being
    submitted twice. `options` are words of the command line and win over the options within the script.
    """

    key: str
    script: Path
    options: tuple[str, ...] = ()
    folder: Path | None = None
    """Where the script starts; None: the current folder."""


@dataclass(frozen=True, kw_only=True)
class AllocationStatus:
    """An allocation that the queue knows. `state` and `reason` are the scheduler's own words."""

    scheduler_id: int
    name: str
    state: str
    phase: Phase
    reason: str | None = None
    explanation: str | None = None
    """Why it is queued, in plain words."""
    will_not_start: bool = False
    """Whether the reason means that it stays in the queue until somebody changes the request or the cluster."""
    why_never: str | None = None
    """What such a reason means."""
    start_time: str | None = None
    """Begin, or the scheduler's estimate while it is queued; local time without a zone, as the scheduler prints it."""
    end_time: str | None = None
    nodes: str | None = None
    array_job_id: int | None = None
    array_task_id: str | None = None
    partition: str | None = None


SHORT_STEP_S: Final = 60.0
"""Two of the intervals at which clusters usually sample memory: of a step that ended earlier they saw little."""
_SIGNALS_FROM: Final = 128
"""A shell's exit codes from here on stand for the signal that killed its child."""
_ENDED_BY_ITSELF: Final = frozenset({"COMPLETED", "FAILED", "RUNNING"})


@dataclass(frozen=True, kw_only=True)
class AccountedStep:
    """One step of an allocation. `max_rss_bytes` is sampled, and of the task with the largest one."""

    name: str
    state: str
    job_name: str = ""
    exit_code: str | None = None
    max_rss_bytes: int | None = None
    cpu_time_s: float | None = None
    elapsed_s: float | None = None
    nodes: str | None = None
    node_count: int = 0
    cpus: int = 0

    @property
    def peak_is_low(self) -> bool:
        """Return whether the step needed more memory than its peak shows: it was killed, or too short for samples."""
        code, _, signal = (self.exit_code or "0:0").partition(":")
        was_killed = signal not in ("", "0") or (code.isdigit() and int(code) >= _SIGNALS_FROM)
        is_short = self.elapsed_s is not None and self.elapsed_s < SHORT_STEP_S
        return self.state not in _ENDED_BY_ITSELF or was_killed or is_short


@dataclass(frozen=True, kw_only=True)
class AccountingRecord:
    """The record that accounting has kept of one allocation: how it ended, when, where, and its steps."""

    scheduler_id: int
    name: str
    state: str
    exit_code: str | None = None
    derived_exit_code: str | None = None
    reason: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    elapsed_s: float | None = None
    nodes: str | None = None
    node_count: int = 0
    cpus: int = 0
    cpu_time_s: float | None = None
    """Of all steps that have ended."""
    partition: str | None = None
    array_job_id: int | None = None
    array_task_id: str | None = None
    steps: tuple[AccountedStep, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AllocationEnd:
    """The end of one allocation in the scheduler's words. `state` is None where it is not kept."""

    scheduler_id: int
    cluster: str | None = None
    state: str | None = None
    reason: str | None = None
    exit_code: str | None = None
    ended_at: datetime | None = None
    again_from: datetime | None = None
    """Set where it was sent back to the queue under the same id: it ended for the runners that began before this."""
    array_lives: bool = False
    """Whether other tasks of the array that bears this id wait or run: its runner is gone, its record stays open."""

    @property
    def runs_again(self) -> bool:
        return self.again_from is not None


@dataclass(frozen=True, kw_only=True)
class NodeClass:
    """Nodes of one partition that are alike."""

    partition: str
    count: int
    cpus: int
    memory_bytes: int
    gpus: int = 0
    gpu_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A queue and the nodes behind it; None is no limit. Amounts are those of its smallest node."""

    name: str
    is_default: bool = False
    is_up: bool = True
    max_time_s: float | None = None
    min_nodes: int = 1
    max_nodes: int | None = None
    max_nodes_per_user: int | None = None
    node_count: int = 0
    cpus_per_node: int | None = None
    memory_bytes_per_node: int | None = None
    gpus_per_node: int = 0
    node_classes: tuple[NodeClass, ...] = ()
    """Its kinds of nodes; empty where they are not known or all alike."""
    accounts: tuple[str, ...] = ()
    """The accounts that may use it; empty: all."""
    is_shared: bool = False
    """Whether allocations share nodes there."""
    is_explicit: bool = False
    """Whether it is used only when somebody names it."""


@dataclass(frozen=True, kw_only=True)
class ClusterLimits:
    """What a cluster takes at once: tasks of one array, and allocations queued or running; None is no limit."""

    max_array_tasks: int = 1000
    max_submitted: int | None = None
