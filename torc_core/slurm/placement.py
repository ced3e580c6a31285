"""Which partition, and which of its kinds of nodes, a requirement fits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import describe_duration
from torc_core.resources.memory import format_memory
from torc_core.slurm.allocation import NodeClass, Partition
from torc_core.slurm.plan import PlanOptions, Requirement

_TESTING = "debug"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One kind of nodes of one partition; None is no limit."""

    partition: str
    position: int
    is_default: bool
    max_time_s: float | None
    min_nodes: int
    max_nodes: int | None
    max_nodes_per_user: int | None
    cpus: int | None
    memory_bytes: int | None
    gpus: int
    gpu_type: str | None


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """An amount that a place lacks: `share` of what is needed is there, `text` says it to people."""

    share: float
    text: str


def list_places(partitions: Sequence[Partition], options: PlanOptions) -> list[Place]:
    """Return the places that may be used: of the partition named, else of all that need not be named.

    Raises InvalidInputError where none is left.
    """
    if options.partition is not None:
        chosen = [each for each in partitions if each.name == options.partition]
        if not chosen:
            names = ", ".join(each.name for each in partitions) or "none"
            raise InvalidInputError(f"there is no partition {options.partition!r}", hint=f"there is: {names}")
        if refused := [each for each in chosen if not _is_open(each, options.account)]:
            why = f"not open to the account {options.account}" if refused[0].is_up else "down"
            raise InvalidInputError(
                f"the partition {refused[0].name} is {why}", hint="name another partition or account"
            )
    else:
        chosen = [each for each in partitions if _is_open(each, options.account) and not each.is_explicit]
        chosen = [each for each in chosen if _TESTING not in each.name] or chosen
    if not chosen:
        raise InvalidInputError(
            "no partition may be used: all are down, not open to the account, or have to be named",
            hint="name one with --partition",
        )
    return [place for position, each in enumerate(chosen) for place in _places_of(each, position)]


def choose_place(places: Sequence[Place], requirement: Requirement, *, least_s: float) -> Place | None:
    """Return the best place for a requirement whose allocation lasts at least so long, None where it fits none.

    Nodes with GPUs are left to jobs that want them; then the default partition, least memory and shortest limit win.
    """
    fitting = [place for place in places if not shortfalls(place, requirement, least_s=least_s)]
    return min(fitting, key=lambda place: _rank(place, requirement), default=None)


def shortfalls(place: Place, requirement: Requirement, *, least_s: float) -> list[Shortfall]:
    """Return everything that the place lacks for the requirement."""
    amounts: tuple[tuple[float | None, float, str, Callable[[float], str]], ...] = (
        (place.cpus, requirement.cpus, "{} CPUs a node ({} needed)", _whole),
        (place.memory_bytes, requirement.memory_bytes or 0, "{} a node ({} needed)", _memory),
        (place.gpus, requirement.gpus, "{} GPUs a node ({} needed)", _whole),
        (place.max_nodes, requirement.nodes, "{} nodes ({} needed)", _whole),
        (place.max_time_s, least_s, "at most {} ({} needed)", describe_duration),
    )
    return [
        Shortfall(share=has / needs, text=text.format(describe(has), describe(needs)))
        for has, needs, text, describe in amounts
        if has is not None and needs > has
    ]


def nearest_place(places: Sequence[Place], requirement: Requirement, *, least_s: float) -> tuple[Place, str]:
    """Return the place that lacks least, and what it has: fewest kinds of amounts, then the largest share of them."""

    def distance(place: Place) -> tuple[int, float, int]:
        lacking = shortfalls(place, requirement, least_s=least_s)
        return len(lacking), -min((each.share for each in lacking), default=1.0), place.position

    nearest = min(places, key=distance)
    return nearest, " and ".join(each.text for each in shortfalls(nearest, requirement, least_s=least_s))


def _whole(amount: float) -> str:
    return str(int(amount))


def _memory(amount: float) -> str:
    return format_memory(int(amount))  # as partitions and jobs spell it, so that the two can be compared


def _is_open(partition: Partition, account: str | None) -> bool:
    allowed = not partition.accounts or account is None or account in partition.accounts
    return partition.is_up and allowed


def _places_of(partition: Partition, position: int) -> Iterator[Place]:
    classes = partition.node_classes or (None,)
    yield from (_place(partition, position, each) for each in classes)


def _place(partition: Partition, position: int, nodes: NodeClass | None) -> Place:
    count = nodes.count if nodes else partition.node_count
    bounds = [bound for bound in (partition.max_nodes, partition.max_nodes_per_user, count or None) if bound]
    return Place(
        partition=partition.name,
        position=position,
        is_default=partition.is_default,
        max_time_s=partition.max_time_s,
        min_nodes=partition.min_nodes,
        max_nodes=min(bounds, default=None),
        max_nodes_per_user=partition.max_nodes_per_user,
        cpus=nodes.cpus if nodes else partition.cpus_per_node,
        memory_bytes=nodes.memory_bytes if nodes else partition.memory_bytes_per_node,
        gpus=nodes.gpus if nodes else partition.gpus_per_node,
        gpu_type=nodes.gpu_type if nodes else None,
    )


def _rank(place: Place, requirement: Requirement) -> tuple[int, bool, float, float, int]:
    unlimited = float("inf")
    return (
        place.gpus if not requirement.gpus else place.gpus - requirement.gpus,
        not place.is_default,
        place.memory_bytes or unlimited,
        place.max_time_s or unlimited,
        place.position,
    )
