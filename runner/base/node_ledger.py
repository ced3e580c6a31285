"""The ledger of an allocation of several nodes, where each job gets its share of one node, or of several."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from runner.base.ledger import Grant, Ledger, Need, Room
from runner.base.settings import NodeShare
from torc_core.errors import RunnerError


@dataclass(slots=True)
class _Node:
    """What is free of a node."""

    share: NodeShare
    cpus: int
    memory_bytes: int
    gpus: int

    @classmethod
    def of(cls, share: NodeShare) -> "_Node":
        return cls(share, share.cpus, share.memory_bytes, share.gpus)

    @property
    def is_idle(self) -> bool:
        return (self.cpus, self.memory_bytes, self.gpus) == (
            self.share.cpus,
            self.share.memory_bytes,
            self.share.gpus,
        )

    def fits(self, need: Need) -> bool:
        return need.cpus <= self.cpus and need.memory_bytes <= self.memory_bytes and need.gpus <= self.gpus

    def add(self, need: Need | Grant, gpus: int, sign: int) -> None:
        self.cpus += sign * need.cpus
        self.memory_bytes += sign * need.memory_bytes
        self.gpus += sign * gpus


class NodeLedger(Ledger):
    """Counts per node, as Slurm does for steps: a job that fits the sum of two nodes fits none of them.

    Slurm gives the devices of a step their names, so that a grant only counts GPUs. `here` is the runner's own node
    where it starts jobs without srun: those of one node run there, and `gpus` are its devices.
    """

    def __init__(
        self,
        nodes: Sequence[NodeShare],
        *,
        slots: int | None = None,
        here: str | None = None,
        gpus: Sequence[str] = (),
    ) -> None:
        super().__init__(
            cpus=sum(node.cpus for node in nodes),
            memory_bytes=sum(node.memory_bytes for node in nodes),
            gpus=[f"{node.name}:{index}" for node in nodes for index in range(node.gpus)],
            slots=slots,
        )
        self._nodes = {node.name: _Node.of(node) for node in nodes}
        self._lost: set[str] = set()
        self._here = here
        self._gpus_here = list(gpus)

    @property
    def node_count(self) -> int:
        """Return on how many nodes jobs can run."""
        return len(self._nodes) - len(self._lost)

    def lose(self, nodes: Collection[str]) -> list[str]:
        """Grant nothing on these nodes any more; return those that were not lost before."""
        lost = sorted((self._nodes.keys() & set(nodes)) - self._lost)
        self._lost.update(lost)
        return lost

    def _usable(self) -> list[_Node]:
        return [node for name, node in self._nodes.items() if name not in self._lost]

    def room(self, queue: Collection[Need]) -> Room:
        """Return what is left once the queued jobs have started: of all idle nodes, else of the one with most CPUs."""
        nodes = [replace(node) for node in self._usable()]
        if not nodes:
            return Room(cpus=0, memory_bytes=0, gpus=0, nodes=1, slots=0)
        for need in queue:
            for node in self._place(nodes, need):
                node.add(need, need.gpus, -1)
        idle = [node for node in nodes if node.is_idle]
        if self._here is not None and len(idle) < len(nodes):
            offered = [node for node in nodes if node.share.name == self._here] or nodes[:1]
        else:
            offered = idle or [max(nodes, key=lambda node: (node.cpus, node.memory_bytes))]
        cpus = min(node.cpus for node in offered)
        slots = cpus * len(offered)
        return Room(
            cpus,
            min(node.memory_bytes for node in offered),
            min(node.gpus for node in offered),
            len(offered),
            slots if self.free_slots is None else min(slots, max(0, self.free_slots - len(queue))),
        )

    def take(self, need: Need) -> Grant | None:
        """Grant the job its share of the fullest node where it fits, or of as many as it needs."""
        placed = self._place(self._usable(), need) if self.has_slot else []
        if not placed:
            return None
        for node in placed:
            node.add(need, need.gpus, -1)
        self._count(need, -len(placed))
        self.granted += 1
        if self.free_slots is not None:
            self.free_slots -= 1
        if self._here is not None and need.nodes <= 1:
            devices = tuple(self._gpus_here[: need.gpus])
            del self._gpus_here[: need.gpus]
            return Grant(need.cpus, need.memory_bytes, devices)
        names = tuple(f"{node.share.name}:{index}" for node in placed for index in range(need.gpus))
        return Grant(need.cpus, need.memory_bytes, names, tuple(node.share.name for node in placed))

    def free(self, grant: Grant) -> None:
        """Free a grant, each once. Raises RunnerError when nothing is granted."""
        if self.granted == 0:
            raise RunnerError("resources were freed that nobody holds")
        nodes = grant.nodes
        if not nodes and self._here is not None:
            nodes = (self._here,)
            self._gpus_here.extend(grant.gpus)
        for name in nodes:
            self._nodes[name].add(grant, len(grant.gpus) // len(nodes), 1)
        self._count(grant, len(nodes))
        self.granted -= 1
        if self.free_slots is not None:
            self.free_slots += 1

    def _count(self, amounts: Need | Grant, times: int) -> None:
        self.free_cpus += times * amounts.cpus
        self.free_memory_bytes += times * amounts.memory_bytes

    def _place(self, nodes: Sequence[_Node], need: Need) -> list[_Node]:
        """Return the nodes for the job, the fullest ones where it fits; none where there are too few."""
        count = max(1, need.nodes)
        if count == 1 and self._here is not None:
            nodes = [node for node in nodes if node.share.name == self._here]
        fitting = sorted((node for node in nodes if node.fits(need)), key=lambda node: (node.cpus, node.memory_bytes))
        return fitting[:count] if len(fitting) >= count else []
