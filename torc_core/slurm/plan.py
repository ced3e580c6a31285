"""The data of a plan of allocations: its options and requirements, and the allocations planned."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

DRAIN_S = 180.0
"""What an allocation needs beside its jobs: its runner starts, and has two minutes to report before the end."""
MARGIN = 1.5
"""Allocations are asked for this many times the runtime that jobs state: a job that takes longer still ends."""


MEGABYTE = 1 << 20


class GroupBy(StrEnum):
    """Which jobs share allocations, among those of one stage."""

    REQUIREMENTS = "resource-requirements"
    PARTITION = "partition"


class WalltimeStrategy(StrEnum):
    """How long allocations are: for one job after another as few as possible, or as long as the partition allows."""

    MAX_JOB_RUNTIME = "max-job-runtime"
    MAX_PARTITION_TIME = "max-partition-time"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """What one job needs, on each of its nodes. None where nothing is stated."""

    name: str
    cpus: int = 1
    memory_bytes: int | None = None
    gpus: int = 0
    nodes: int = 1
    runtime_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class NewAmounts:
    """What a job will have once it is retried; None: what it has now."""

    memory_bytes: int | None = None
    runtime_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job to find a place for. `stage` counts from 0: jobs of one stage can run at the same time."""

    name: str
    requirement: Requirement
    stage: int = 0


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What a person decided about the allocations."""

    account: str | None = None
    qos: str | None = None
    partition: str | None = None
    exclude: str | None = None
    """Nodes that no allocation may use, as `sbatch --exclude` takes them."""
    group_by: GroupBy = GroupBy.REQUIREMENTS
    single_allocation: bool = False
    max_allocations: int | None = None
    """So many allocations of a group at a time."""
    walltime_s: float | None = None
    walltime_strategy: WalltimeStrategy = WalltimeStrategy.MAX_JOB_RUNTIME
    margin: float = MARGIN
    drain_s: float = DRAIN_S


class AllocationGroup(BaseModel):
    """Allocations that are alike, for jobs that are alike. Amounts are for each node of an allocation."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    stage: int
    partition: str
    job_count: int
    allocations: int
    max_at_once: int | None = None
    """So many of the allocations may run at a time; None: all."""
    arrays: list[str]
    """The `--array` of each submission: `0-9%4`."""
    nodes: int
    cpus: int
    memory_bytes: int | None = None
    gpus: int = 0
    gpu_type: str | None = None
    concurrency: int
    """Jobs that run side by side in one allocation."""
    slots: int
    """Jobs that run one after the other in each place of an allocation."""
    walltime_minutes: int
    min_walltime_minutes: int | None = None
    """For `--time-min`: enough if no job takes longer than it states, so that a gap in the queue may be used."""
    node_hours: float
    """At most: all allocations to the end of their walltime."""
    job_names: list[str]
    jobs: tuple[int, ...] = Field(exclude=True)
    """Positions of the jobs in what was planned."""


class AllocationPlan(BaseModel):
    """All allocations of a workflow, in the order of stages."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    account: str | None = None
    qos: str | None = None
    exclude: str | None = None
    job_count: int
    allocations: int
    node_hours: float
    groups: list[AllocationGroup]
    warnings: list[str]

    def sbatch_options(self, group: AllocationGroup) -> list[str]:
        """Return what sbatch is asked for one allocation of the group; `--array` is added for several."""
        gres = ":".join(["gpu", *([group.gpu_type] if group.gpu_type else []), str(group.gpus)])
        megabytes = None if group.memory_bytes is None else -(-group.memory_bytes // MEGABYTE)
        given = {
            "account": self.account,
            "qos": self.qos,
            "exclude": self.exclude,
            "partition": group.partition,
            "nodes": group.nodes,
            "ntasks-per-node": 1,
            "cpus-per-task": group.cpus,
            "mem": None if megabytes is None else f"{megabytes}M",
            "gres": gres if group.gpus else None,
            "time": group.walltime_minutes,
            "time-min": group.min_walltime_minutes,
        }
        return [f"--{name}={value}" for name, value in given.items() if value is not None]
