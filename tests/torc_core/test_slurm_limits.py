"""Allocations that a cluster would take and never start."""

import pytest

from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.slurm.allocation import NodeClass, Partition
from torc_core.slurm.limits import never_starts

GPU_NODES = NodeClass(partition="gpu", count=2, cpus=8, memory_bytes=8 << 30, gpus=4)
PARTITIONS = (
    Partition(
        name="short", is_default=True, max_time_s=3600, node_count=3, cpus_per_node=4, memory_bytes_per_node=4 << 30
    ),
    Partition(name="gpu", max_time_s=7200, node_count=2, node_classes=(GPU_NODES,), accounts=("proj",)),
    Partition(name="down", is_up=False),
)


def reason(**fields: object) -> str | None:
    given = {"workflow_id": 1, "name": "s", "account": "proj", "nodes": 1, "walltime": "01:00:00"}
    return never_starts(SlurmSchedulerModel.model_validate(given | fields), PARTITIONS)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mem": "4g", "ntasks_per_node": 4},
        {"partition": "gpu", "gres": "gpu:4", "walltime": "02:00:00"},
        {"partition": "short,gpu", "walltime": "02:00:00"},
    ],
)
def test_what_fits_has_no_reason(fields: dict[str, object]) -> None:
    assert reason(**fields) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"partition": "nosuch"}, "there is no partition nosuch; there is: short, gpu, down"),
        ({"partition": "down"}, "it is down"),
        ({"partition": "gpu", "account": "other"}, "the account other may not use it"),
        ({"walltime": "61"}, "the walltime 61 is over its limit of 1h"),
        ({"nodes": 4}, "4 nodes are over its limit of 3"),
        ({"mem": "5g"}, "its nodes have 4 GB, and mem is 5g"),
        ({"ntasks_per_node": 5}, "its nodes have 4 CPUs, and ntasks_per_node is 5"),
        ({"partition": "gpu", "gres": "gpu:a100:5"}, "its nodes do not have the GPUs of gpu:a100:5"),
    ],
)
def test_what_does_not_fit_is_named(fields: dict[str, object], words: str) -> None:
    assert words in (reason(**fields) or "")
