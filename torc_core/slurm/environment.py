"""The environment variables that Slurm sets for a process, and the share of an allocation that they describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from torc_core.evidence.record import SchedulerFacts
from torc_core.slurm.hostlist import expand_counts, expand_hostlist
from torc_core.slurm.quantities import parse_slurm_count

ALLOCATION_VARIABLE: Final = "SLURM_JOB_ID"
GPU_VARIABLES: Final = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
"""Comma-separated GPUs that the step, else the allocation, was given."""
VISIBLE_GPU_VARIABLES: Final = ("CUDA_VISIBLE_DEVICES", *GPU_VARIABLES)
_NO_GPUS: Final = frozenset({"-1", "NoDevFiles"})
_MB: Final = 1 << 20
_ALLOCATION_FACT: Final = "slurm_job_id"
_CLUSTER_FACT: Final = "cluster"
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, beyond which no point in time can be written."""


@dataclass(frozen=True, kw_only=True)
class AllocationShare:
    """What a process has of the allocation that it runs in; amounts are those of its own node, None where unknown.

    `nodes` are all nodes of the allocation, `cpus_per_node` their CPUs in the same order. `node_rank` counts the nodes
    of the process's step from 0, those of the allocation in the batch script.
    """

    scheduler_id: int
    array_job_id: int | None = None
    name: str | None = None
    cluster: str | None = None
    partition: str | None = None
    node: str | None = None
    """None on a machine that is no node of it, such as the login node where `salloc` was typed."""
    node_rank: int = 0
    step: str | None = None
    """None in the batch script: there srun starts steps beside the process, not within its own share."""
    step_tasks: int = 1
    nodes: tuple[str, ...] = ()
    cpus_per_node: tuple[int, ...] = ()
    cpus: int | None = None
    memory_bytes: int | None = None
    memory_is_per_cpu: bool = False
    gpus: tuple[str, ...] = ()
    start_at: datetime | None = None
    end_at: datetime | None = None

    @property
    def is_head(self) -> bool:
        """Return whether the process is the one of several that acts for the allocation."""
        return self.node_rank == 0

    def as_facts(self) -> dict[str, Any]:
        """Return what a runner registers; the names of the first three are upstream's."""
        facts: dict[str, Any] = {
            "type": "slurm",
            "scheduler_id": self.scheduler_id,
            _ALLOCATION_FACT: str(self.scheduler_id),
            _CLUSTER_FACT: self.cluster,
            "partition": self.partition,
            "node": self.node,
            "slurm_node_id": self.node_rank,
            "slurm_step_id": self.step,
        }
        return {name: value for name, value in facts.items() if value is not None}


def read_allocation(env: Mapping[str, str]) -> AllocationShare | None:
    """Return the share of an allocation that a process with this environment has; None outside of one."""
    scheduler_id = parse_slurm_count(env.get(ALLOCATION_VARIABLE, ""))
    if scheduler_id is None:
        return None
    cpus = _count(env, "SLURM_CPUS_ON_NODE")
    gpus = visible_gpus(env)
    if gpus is None:
        gpus = tuple(str(index) for index in range(min(_count(env, "SLURM_GPUS_ON_NODE") or 0, 1024)))
    return AllocationShare(
        scheduler_id=scheduler_id,
        array_job_id=_count(env, "SLURM_ARRAY_JOB_ID"),
        name=env.get("SLURM_JOB_NAME") or None,
        cluster=env.get("SLURM_CLUSTER_NAME") or None,
        partition=env.get("SLURM_JOB_PARTITION") or None,
        node=env.get("SLURMD_NODENAME") or None,
        node_rank=_count(env, "SLURM_NODEID") or 0,
        step=_step(env),
        step_tasks=_count(env, "SLURM_STEP_NUM_TASKS") or 1,
        nodes=expand_hostlist(env.get("SLURM_JOB_NODELIST", "")),
        cpus_per_node=expand_counts(env.get("SLURM_JOB_CPUS_PER_NODE", "")),
        cpus=cpus or None,
        memory_bytes=_memory_bytes(env, cpus=cpus or 0, gpus=len(gpus)),
        memory_is_per_cpu=not _count(env, "SLURM_MEM_PER_NODE") and bool(_count(env, "SLURM_MEM_PER_CPU")),
        gpus=gpus,
        start_at=_moment(env.get("SLURM_JOB_START_TIME", "")),
        end_at=_moment(env.get("SLURM_JOB_END_TIME", "")),
    )


def visible_gpus(env: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the names of the GPUs that the process may use, None where no variable says so."""
    for variable in VISIBLE_GPU_VARIABLES:
        if variable in env:
            names = tuple(name.strip() for name in env[variable].split(",") if name.strip())
            return () if len(names) == 1 and names[0] in _NO_GPUS else names
    return None


def read_scheduler_facts(env: Mapping[str, str]) -> SchedulerFacts | None:
    """Return the allocation that a process with this environment runs in, None outside of one."""
    job_id = env.get(ALLOCATION_VARIABLE)
    return SchedulerFacts(type="slurm", job_id=job_id) if job_id else None


def registered_allocation(scheduler: Any) -> str | None:
    """Return the allocation's id out of the `scheduler` field of a runner's record; clients write it as they like."""
    value = scheduler.get(_ALLOCATION_FACT) if isinstance(scheduler, dict) else None
    return None if value is None else str(value)


def registered_cluster(scheduler: Any) -> str | None:
    """Return the cluster of `registered_allocation`; None where the runner did not name one."""
    value = scheduler.get(_CLUSTER_FACT) if isinstance(scheduler, dict) else None
    return None if value is None else str(value)


def registered_node(scheduler: Any) -> str | None:
    """Return the cluster's name of the node that the runner works on; None where it did not name one."""
    value = scheduler.get("node") if isinstance(scheduler, dict) else None
    return None if value is None else str(value)


def _memory_bytes(env: Mapping[str, str], *, cpus: int, gpus: int) -> int | None:
    """Return the bytes on this node; None where the allocation has all of the node's memory, or none is stated."""
    for variable, number in (("SLURM_MEM_PER_NODE", 1), ("SLURM_MEM_PER_CPU", cpus), ("SLURM_MEM_PER_GPU", gpus)):
        if amount := _count(env, variable):
            return amount * number * _MB or None
    return None


def _step(env: Mapping[str, str]) -> str | None:
    """Return the step's number; interactive, batch and external steps have words or numbers beyond all others."""
    number = _count(env, "SLURM_STEP_ID")
    return None if number is None or number >= 0xFFFF_FF00 else str(number)


def _moment(text: str) -> datetime | None:
    seconds = parse_slurm_count(text)
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds <= _LAST_SECOND else None


def _count(env: Mapping[str, str], variable: str) -> int | None:
    return parse_slurm_count(env.get(variable, ""))
