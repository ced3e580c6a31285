"""Scheduler configurations."""

from torc_core.api.base import ApiModel


class SlurmSchedulerModel(ApiModel):
    id: int | None = None
    workflow_id: int
    name: str | None = None
    account: str
    nodes: int
    walltime: str
    partition: str | None = None
    qos: str | None = None
    gres: str | None = None
    mem: str | None = None
    ntasks_per_node: int | None = None
    tmp: str | None = None
    extra: str | None = None
    serialize_allocations: bool | None = None
    """Whether the allocations of the scheduler run one after the other."""


class LocalSchedulerModel(ApiModel):
    id: int | None = None
    workflow_id: int
    name: str | None = None
    memory: str | None = None
    num_cpus: int | None = None
