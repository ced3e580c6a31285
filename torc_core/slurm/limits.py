"""What a cluster never starts: Slurm may take such an allocation, and leave it in its queue for ever."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.resources.duration import describe_duration
from torc_core.resources.memory import describe_memory
from torc_core.slurm.allocation import NodeClass, Partition
from torc_core.slurm.quantities import parse_slurm_memory, parse_slurm_walltime

_GPUS: Final = re.compile(r"\bgpu(?::[^:,]+)?:(\d{1,6})", re.ASCII)


def never_starts(scheduler: SlurmSchedulerModel, partitions: Sequence[Partition]) -> str | None:
    """Return why no partition that the scheduler names starts its allocations; None where one does."""
    if scheduler.partition is None:
        chosen = [each for each in partitions if each.is_default] or list(partitions)
    else:
        names = scheduler.partition.split(",")
        chosen = [each for each in partitions if each.name in names]
    if not chosen:
        known = ", ".join(each.name for each in partitions) or "none"
        return f"there is no partition {scheduler.partition}; there is: {known}"
    reasons = [list(_reasons(scheduler, each)) for each in chosen]
    return None if not all(reasons) else f"partition {chosen[0].name}: {' and '.join(reasons[0])}"


def _reasons(scheduler: SlurmSchedulerModel, partition: Partition) -> Iterator[str]:
    if not partition.is_up:
        yield "it is down"
    if partition.accounts and scheduler.account not in partition.accounts:
        yield f"the account {scheduler.account} may not use it"
    walltime_s = parse_slurm_walltime(scheduler.walltime)
    if walltime_s is not None and partition.max_time_s is not None and walltime_s > partition.max_time_s:
        yield f"the walltime {scheduler.walltime} is over its limit of {describe_duration(partition.max_time_s)}"
    most = min((each for each in (partition.max_nodes, partition.node_count or None) if each), default=None)
    if most is not None and scheduler.nodes > most:
        yield f"{scheduler.nodes} nodes are over its limit of {most}"
    yield from _of_nodes(scheduler, partition)


def _of_nodes(scheduler: SlurmSchedulerModel, partition: Partition) -> Iterator[str]:
    classes: Sequence[NodeClass] = partition.node_classes
    memory = max((each.memory_bytes for each in classes), default=partition.memory_bytes_per_node)
    wanted = parse_slurm_memory(scheduler.mem)
    if memory is not None and wanted is not None and wanted > memory:
        yield f"its nodes have {describe_memory(memory)}, and mem is {scheduler.mem}"
    cpus = max((each.cpus for each in classes), default=partition.cpus_per_node)
    if cpus is not None and (scheduler.ntasks_per_node or 0) > cpus:
        yield f"its nodes have {cpus} CPUs, and ntasks_per_node is {scheduler.ntasks_per_node}"
    gpus = sum(int(count) for count in _GPUS.findall(scheduler.gres or ""))
    if gpus > max((each.gpus for each in classes), default=partition.gpus_per_node):
        yield f"its nodes do not have the GPUs of {scheduler.gres}"
