"""Partitions and their nodes: what scontrol and sinfo are asked for, and how their answers are read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from torc_core.slurm.allocation import ClusterLimits, NodeClass, Partition
from torc_core.slurm.quantities import parse_slurm_count, parse_slurm_memory, parse_slurm_walltime
from torc_core.slurm.queue import SEPARATOR

PARTITION_WORDS: Final = ("scontrol", "show", "partition", "--oneliner")
ASSOCIATION_FIELDS: Final = ("Account", "Partition", "MaxSubmitJobs", "GrpSubmitJobs")
NODE_FIELDS: Final = ("%R", "%D", "%c", "%m", "%G")
CONFIGURATION_WORDS: Final = ("scontrol", "show", "config")
_GPUS: Final = re.compile(r"\bgpu(?::([^:,()|]+))?:(\d{1,6})", re.ASCII)
_CLUSTER: Final = re.compile(r"^ClusterName\s*=\s*(\S+)\s*$", re.MULTILINE | re.ASCII)
_KILL_WAIT: Final = re.compile(r"^KillWait\s*=\s*(\d{1,9})\b", re.MULTILINE | re.ASCII)
_ARRAY_SIZE: Final = re.compile(r"^MaxArraySize\s*=\s*(\d{1,9})\s*$", re.MULTILINE | re.ASCII)


def node_words() -> list[str]:
    """Return the words of a sinfo that shows the node classes of every partition, without summing up."""
    return ["sinfo", "--noheader", "--exact", f"--format={SEPARATOR.join(NODE_FIELDS)}"]


def parse_node_classes(text: str, fields: Sequence[str] = NODE_FIELDS) -> list[NodeClass]:
    """Return the node classes of sinfo's answer; lines that are no rows are skipped."""
    found: list[NodeClass] = []
    for line in text.splitlines():
        cells = line.split(SEPARATOR)
        if len(cells) != len(fields):
            continue
        row = dict(zip(fields, cells, strict=True))
        cpus, memory = parse_slurm_count(row.get("%c", "")), parse_slurm_memory(row.get("%m", "").rstrip("+"))
        if cpus is None or memory is None:
            continue
        gpus = [(kind, int(number)) for kind, number in _GPUS.findall(row.get("%G", ""))]
        found.append(
            NodeClass(
                partition=row.get("%R", row.get("%P", "")).rstrip("*"),
                count=parse_slurm_count(row.get("%D", "")) or 0,
                cpus=cpus,
                memory_bytes=memory,
                gpus=sum(number for _, number in gpus),
                gpu_type=next((kind for kind, number in gpus if kind and number), None),
            )
        )
    return found


def parse_partitions(text: str) -> list[Partition]:
    """Return the partitions of scontrol's answer, on one line each or on several, the default one first."""
    found = [_read_partition(record) for record in _records(text)]
    return sorted(found, key=lambda partition: not partition.is_default)


def with_nodes(partitions: Sequence[Partition], classes: Sequence[NodeClass]) -> list[Partition]:
    """Return the partitions with their classes and the amounts of their smallest nodes: what every node can give."""
    return [_with_nodes(each, [one for one in classes if one.partition == each.name]) for each in partitions]


def _with_nodes(partition: Partition, classes: Sequence[NodeClass]) -> Partition:
    if not classes:
        return partition
    memory = min(each.memory_bytes for each in classes)
    bound = partition.memory_bytes_per_node
    return replace(
        partition,
        cpus_per_node=min(each.cpus for each in classes),
        memory_bytes_per_node=memory if bound is None else min(memory, bound),
        gpus_per_node=min(each.gpus for each in classes),
        node_classes=_merged(classes, bound),
    )


def _merged(classes: Sequence[NodeClass], bound: int | None) -> tuple[NodeClass, ...]:
    """Return the classes without repetitions: sinfo has a row for every state that nodes of one class are in."""
    counts: dict[NodeClass, int] = {}
    for each in classes:
        memory = each.memory_bytes if bound is None else min(each.memory_bytes, bound)
        alike = replace(each, count=0, memory_bytes=memory)
        counts[alike] = counts.get(alike, 0) + each.count
    return tuple(replace(each, count=count) for each, count in counts.items())


def parse_cluster_limits(text: str) -> ClusterLimits:
    """Return the limits in the answer to CONFIGURATION_WORDS, the careful default where it names none."""
    match = _ARRAY_SIZE.search(text)
    # the largest index is one less than MaxArraySize, and arrays begin with 0
    return ClusterLimits(max_array_tasks=max(int(match[1]), 1)) if match else ClusterLimits()


def parse_cluster_name(text: str) -> str | None:
    """Return the name of the cluster in the answer to CONFIGURATION_WORDS."""
    match = _CLUSTER.search(text)
    return match[1] if match else None


def parse_kill_wait(text: str) -> float | None:
    """Return the seconds of KillWait in the answer to CONFIGURATION_WORDS, None where it names none."""
    match = _KILL_WAIT.search(text)
    return float(match[1]) if match else None


def association_words(user: str) -> list[str]:
    """Return the words of an sacctmgr that shows what the user may submit, by account."""
    fields = ",".join(ASSOCIATION_FIELDS)
    return [
        "sacctmgr",
        "--noheader",
        "--parsable2",
        "show",
        "associations",
        "where",
        f"user={user}",
        f"format={fields}",
    ]


def parse_submit_limit(text: str, account: str | None) -> int | None:
    """Return how many allocations the account, or the least limited of all, takes at once; None where unlimited.

    Limits of a partition alone are left out: they bind only what goes there.
    """
    limits: list[int | None] = []
    for line in text.splitlines():
        cells = line.split(SEPARATOR)
        if len(cells) != len(ASSOCIATION_FIELDS):
            continue
        name, partition, *bounds = (cell.strip() for cell in cells)
        if partition or (account is not None and name != account):
            continue
        known = [count for bound in bounds if (count := parse_slurm_count(bound)) is not None]
        limits.append(max(min(known), 1) if known else None)
    return None if not limits or None in limits else max(limit for limit in limits if limit is not None)


def _records(text: str) -> Sequence[Mapping[str, str]]:
    records: list[dict[str, str]] = []
    for word in text.split():
        key, is_pair, value = word.partition("=")
        if key == "PartitionName":
            records.append({})
        if records and is_pair:
            records[-1].setdefault(key, value)
    return records


def _read_partition(record: Mapping[str, str]) -> Partition:
    accounts = record.get("AllowAccounts", "ALL")
    return Partition(
        name=record.get("PartitionName", ""),
        is_default=record.get("Default") == "YES",
        is_up=record.get("State", "UP") == "UP",
        max_time_s=parse_slurm_walltime(record.get("MaxTime", "")),
        min_nodes=max(parse_slurm_count(record.get("MinNodes", "")) or 1, 1),
        max_nodes=parse_slurm_count(record.get("MaxNodes", "")),
        node_count=parse_slurm_count(record.get("TotalNodes", "")) or 0,
        memory_bytes_per_node=parse_slurm_memory(record.get("MaxMemPerNode", "")),
        accounts=() if accounts in ("ALL", "(null)", "") else tuple(accounts.split(",")),
        is_shared=record.get("OverSubscribe", "NO").partition(":")[0] in ("YES", "FORCE"),
    )
