"""Packing: which jobs fit together into the free resources of a runner."""

from torc_core.api.jobs import Capacity
from torc_server.db.queries.jobs.claims import Candidate, Fit, Kind


class Packing:
    """Free resources of a runner; amounts are per node.

    Jobs of one node share the nodes (the sum counts, and each must fit on a node); a job of several nodes takes
    whole nodes for itself, from those that the shared ones can spare.
    """

    def __init__(self, free: Capacity) -> None:
        self._node = (free.num_cpus, free.num_gpus, int(free.memory_gb * 2**30))
        self._shared_nodes = free.num_nodes
        self._used = (0, 0, 0)

    def fit(self) -> Fit:
        """Return the most that the next job may need."""
        cpus, gpus, memory_bytes = (
            min(per_node, per_node * self._shared_nodes - used)
            for per_node, used in zip(self._node, self._used, strict=True)
        )
        return Fit(cpus, gpus, memory_bytes, self._spare_nodes(), *self._node)

    def may_take(self, kind: Kind) -> bool:
        """Return whether a job with these amounts could be taken, on one node or on several."""
        fit, needs = self.fit(), (kind.num_cpus, kind.num_gpus, kind.memory_bytes)
        shared, whole = (fit.num_cpus, fit.num_gpus, fit.memory_bytes), self._node
        return any(
            all(need <= has for need, has in zip(needs, offer, strict=True))
            for offer in ([shared, whole] if fit.nodes > 1 else [shared])
        )

    def take(self, job: Candidate) -> bool:
        """Take what the job needs, or nothing; return whether it fits."""
        fit = self.fit()
        if job.num_nodes > 1:
            fits = (
                job.num_nodes <= fit.nodes
                and job.num_cpus <= fit.node_cpus
                and job.num_gpus <= fit.node_gpus
                and job.memory_bytes <= fit.node_memory_bytes
            )
            self._shared_nodes -= job.num_nodes if fits else 0
            return fits
        fits = job.num_cpus <= fit.num_cpus and job.num_gpus <= fit.num_gpus and job.memory_bytes <= fit.memory_bytes
        if fits:
            cpus, gpus, memory_bytes = self._used
            self._used = (cpus + job.num_cpus, gpus + job.num_gpus, memory_bytes + job.memory_bytes)
        return fits

    def _spare_nodes(self) -> int:
        """Return how many of the shared nodes the jobs on them could do without."""
        needed = (-(-used // per_node) for per_node, used in zip(self._node, self._used, strict=True) if used)
        return self._shared_nodes - max(needed, default=0)
