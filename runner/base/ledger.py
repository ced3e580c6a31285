"""The ledger of this machine's resources and of what jobs hold of them: pure accounting; nothing is granted twice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.errors import RunnerError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory


@dataclass(frozen=True, slots=True)
class Need:
    """The resources that one job needs. `name` is that of its requirement; `runtime_s` in seconds."""

    name: str
    cpus: int
    memory_bytes: int
    gpus: int
    nodes: int
    runtime_s: float

    @classmethod
    def of(cls, requirement: ResourceRequirementsModel) -> Self:
        return cls(
            name=requirement.name,
            cpus=requirement.num_cpus,
            memory_bytes=parse_memory(requirement.memory),
            gpus=requirement.num_gpus,
            nodes=requirement.num_nodes,
            runtime_s=parse_duration(requirement.runtime),
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """The resources that one job holds; `gpus` are the names of the devices that are its own."""

    cpus: int
    memory_bytes: int
    gpus: tuple[str, ...]
    nodes: tuple[str, ...] = ()
    """Where the job's step runs; empty on the runner's own machine."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a runner can take now: amounts are those of each of the `nodes`, `slots` the most jobs."""

    cpus: int
    memory_bytes: int
    gpus: int
    nodes: int
    slots: int


class Ledger:
    """Free CPUs, memory, GPUs and slots. `slots` None: as many jobs at once as resources allow."""

    def __init__(self, *, cpus: int, memory_bytes: int, gpus: Sequence[str] = (), slots: int | None = None) -> None:
        self.free_cpus = cpus
        self.free_memory_bytes = memory_bytes
        self.free_slots = slots
        self._free_gpus = list(gpus)
        self.granted = 0

    @property
    def free_gpus(self) -> int:
        return len(self._free_gpus)

    @property
    def node_count(self) -> int:
        """Return on how many nodes jobs can run."""
        return 1

    def lose(self, nodes: Collection[str]) -> list[str]:
        """Grant nothing on these nodes any more; return those that were not lost before. The runner's own stays."""
        del nodes
        return []

    @property
    def has_slot(self) -> bool:
        return self.free_slots is None or self.free_slots > 0

    def room(self, queue: Collection[Need]) -> Room:
        """Return what is left once the queued jobs have started."""
        cpus = max(0, self.free_cpus - sum(need.cpus for need in queue))
        slots = cpus if self.free_slots is None else min(cpus, max(0, self.free_slots - len(queue)))
        if slots == 0:
            # asked in every step of the loop: what follows walks over the whole queue again
            return Room(cpus=0, memory_bytes=0, gpus=0, nodes=1, slots=0)
        memory_bytes = max(0, self.free_memory_bytes - sum(need.memory_bytes for need in queue))
        gpus = max(0, self.free_gpus - sum(need.gpus for need in queue))
        return Room(cpus, memory_bytes, gpus, 1, slots)

    def take(self, need: Need) -> Grant | None:
        """Grant the job its share; None when it does not fit now."""
        if (
            need.cpus > self.free_cpus
            or need.memory_bytes > self.free_memory_bytes
            or need.gpus > len(self._free_gpus)
            or not self.has_slot
        ):
            return None
        gpus = tuple(self._free_gpus[: need.gpus])
        del self._free_gpus[: need.gpus]
        self.free_cpus -= need.cpus
        self.free_memory_bytes -= need.memory_bytes
        self.granted += 1
        if self.free_slots is not None:
            self.free_slots -= 1
        return Grant(need.cpus, need.memory_bytes, gpus)

    def free(self, grant: Grant) -> None:
        """Free a grant, each once. Raises RunnerError when nothing is granted."""
        if self.granted == 0:
            raise RunnerError("resources were freed that nobody holds")
        self.granted -= 1
        self.free_cpus += grant.cpus
        self.free_memory_bytes += grant.memory_bytes
        self._free_gpus.extend(grant.gpus)
        if self.free_slots is not None:
            self.free_slots += 1
