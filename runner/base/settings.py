"""The options of a run, and the resources of this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from torc_core.credentials import JobToken
from torc_core.errors import InvalidInputError
from torc_core.slurm.environment import AllocationShare, read_allocation, visible_gpus

_CGROUP_MEMORY: Final = Path("/sys/fs/cgroup/memory.max")
_NVIDIA_GPUS: Final = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, kw_only=True)
class RunnerOptions:
    """Choices of the user for one run; None means detected, or the workflow's own setting.

    `poll_interval_s` is the longest a request waits on the server for work. `wait_for_server_s` is how long the
    server may be away before the runner gives up, `wait_at_start_s` the same for each request before its jobs run.
    """

    output_dir: Path = Path("output")
    num_cpus: int | None = None
    memory_gb: float | None = None
    num_gpus: int | None = None
    max_parallel_jobs: int | None = None
    time_limit_s: float | None = None
    end_time: datetime | None = None
    poll_interval_s: float = 5.0
    sample_interval_s: float | None = None
    wait_at_start_s: float = 0.0
    wait_for_server_s: float | None = None
    strict_scheduler_match: bool = False
    heartbeat_interval_s: float = 30.0
    oom_counter: Path | None = None
    """Counts kills for lack of memory, like `memory.events` of a control group."""
    job_token: JobToken | None = None
    submits_allocations: bool = True
    """Whether schedule_nodes actions are carried out where the scheduler's programs are on PATH."""
    scheduler_config_id: int | None = None
    is_persistent: bool = False
    """The runner stays while jobs are left that may become ready, also when others must act first."""
    labels: tuple[str, ...] = ()
    """Jobs with labels are given to runners that have all of them; a runner without takes jobs without."""
    node_type: str = "local"
    node_facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the scheduler that started this runner, registered with its compute node."""

    def __post_init__(self) -> None:
        checks: tuple[tuple[str, float | None, float], ...] = (
            ("num_cpus", self.num_cpus, 1),
            ("memory_gb", self.memory_gb, 0.001),
            ("num_gpus", self.num_gpus, 0),
            ("max_parallel_jobs", self.max_parallel_jobs, 1),
            ("poll_interval_s", self.poll_interval_s, 0.01),
        )
        for name, value, least in checks:
            if value is not None and value < least:
                raise InvalidInputError(f"{name} is {value}, but must be at least {least}")
        if self.end_time is not None and self.end_time.tzinfo is None:
            raise InvalidInputError("end_time has no time zone", hint="write it like 2030-01-31T18:00:00Z")


@dataclass(frozen=True, kw_only=True)
class NodeShare:
    """What steps may use of one node."""

    name: str
    cpus: int
    memory_bytes: int
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The resources that jobs may use; `gpus` are the names of the devices.

    `nodes` are those where jobs run as steps; the amounts are then those of the largest node. Empty: jobs run here.
    """

    cpus: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    nodes: tuple[NodeShare, ...] = ()

    @property
    def node_count(self) -> int:
        return len(self.nodes) or 1

    @property
    def memory_gb(self) -> float:
        return self.memory_bytes / (1 << 30)


def detect_machine(options: RunnerOptions, env: Mapping[str, str] | None = None) -> Machine:
    """Return what jobs may use here: the options where they are set, else the share of the allocation, or all of it."""
    env = os.environ if env is None else env
    share = share_of_this_node(env)
    gpus = share.gpus if share else _gpu_names(env)
    if options.num_gpus is not None:
        gpus = gpus[: options.num_gpus] if len(gpus) >= options.num_gpus else _count(options.num_gpus)
    cpus = options.num_cpus or (share and share.cpus) or len(os.sched_getaffinity(0))
    memory_bytes = _memory_bytes()
    if options.memory_gb is not None:
        memory_bytes = int(options.memory_gb * (1 << 30))
    elif share and share.memory_bytes:
        # a cluster may count more memory than a node has
        memory_bytes = min(share.memory_bytes, memory_bytes)
    return Machine(cpus=cpus, memory_bytes=memory_bytes, gpus=gpus)


def with_nodes_of(machine: Machine, share: AllocationShare, *, cpus: int | None = None) -> Machine:
    """Return the machine for jobs that run as steps on all nodes of the allocation; GPUs are alike on all of them.

    `cpus` is how many of each node the user allows, None: all.
    """
    names = share.nodes or (share.node or "",)
    of_each = share.cpus_per_node if len(share.cpus_per_node) == len(names) else (machine.cpus,) * len(names)
    memory_per_cpu = 0.0
    if share.memory_is_per_cpu and share.cpus and share.memory_bytes:
        memory_per_cpu = share.memory_bytes / share.cpus
    nodes = tuple(
        NodeShare(
            name=name,
            cpus=number if cpus is None else min(number, cpus),
            memory_bytes=int(memory_per_cpu * number) or machine.memory_bytes,
            gpus=len(machine.gpus),
        )
        for name, number in zip(names, of_each, strict=True)
    )
    return Machine(
        cpus=max(node.cpus for node in nodes),
        memory_bytes=max(node.memory_bytes for node in nodes),
        gpus=machine.gpus,
        nodes=nodes,
    )


def share_of_this_node(env: Mapping[str, str]) -> AllocationShare | None:
    """Return the share of an allocation that limits processes here; None where no scheduler started this process.

    Where `salloc` was typed the variables describe nodes elsewhere, and what runs here has all of this machine.
    """
    share = read_allocation(env)
    return share if share is not None and share.node is not None else None


def _memory_bytes() -> int:
    """Return the machine's memory, or the control group's limit where that is lower, in bytes."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(total, int(_CGROUP_MEMORY.read_text()))
    except (OSError, ValueError):
        return total


def _gpu_names(env: Mapping[str, str]) -> tuple[str, ...]:
    named = visible_gpus(env)
    if named is not None:
        return named
    try:
        return _count(len(list(_NVIDIA_GPUS.iterdir())))
    except OSError:
        return ()


def _count(number: int) -> tuple[str, ...]:
    return tuple(str(index) for index in range(number))
