"""What is known of one HPC site: how it is recognized, what it charges, and its partitions."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from torc_core.errors import InvalidInputError
from torc_core.resources.memory import parse_memory
from torc_core.slurm.allocation import NodeClass, Partition
from torc_core.slurm.quantities import parse_slurm_walltime


def _checked_memory(text: str) -> str:
    try:
        parse_memory(text)
    except InvalidInputError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error
    return text


def _checked_walltime(text: str) -> str:
    if parse_slurm_walltime(text) is None:
        raise ValueError(f"{text!r} is no time; write minutes, 04:00:00 or 2-00:00:00")
    return text


def _checked_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Memory = Annotated[str, BeforeValidator(_as_text), AfterValidator(_checked_memory)]
Walltime = Annotated[str, BeforeValidator(_as_text), AfterValidator(_checked_walltime)]
Count = Annotated[int, Field(ge=1)]


class _FileModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Detection(_FileModel):
    """One sign by which a site is recognized; exactly one field is given."""

    environment: Annotated[str, Field(pattern=r"^\w+=.*$")] | None = None
    """`NAME=value` of an environment variable."""
    hostname: Annotated[str, AfterValidator(_checked_expression)] | None = None
    """A regular expression that the whole host name matches."""
    file: str | None = None
    """A file that exists there."""

    @model_validator(mode="after")
    def _has_one_sign(self) -> Self:
        if sum(sign is not None for sign in (self.environment, self.hostname, self.file)) != 1:
            raise ValueError("give one of environment, hostname and file")
        return self

    def __str__(self) -> str:
        if self.environment is not None:
            return f"environment variable {self.environment}"
        return f"host name {self.hostname}" if self.hostname is not None else f"file {self.file}"


class ProfileNodes(_FileModel):
    """Nodes of a partition that are alike."""

    count: Annotated[int, Field(ge=0)]
    cpus: Count
    memory: Memory
    gpus: Annotated[int, Field(ge=0)] = 0
    gpu_type: str | None = None


class ProfilePartition(_FileModel):
    """A partition; what is left out has no limit or is not known. Amounts are those of its smallest node."""

    name: Annotated[str, Field(min_length=1)]
    description: str | None = None
    default: bool = False
    cpus: Count | None = None
    memory: Memory | None = None
    max_walltime: Walltime | None = None
    nodes: Count | None = None
    """How many nodes it has."""
    min_nodes: Count = 1
    max_nodes: Count | None = None
    """The most nodes of one allocation."""
    max_nodes_per_user: Count | None = None
    gpus: Annotated[int, Field(ge=0)] = 0
    gpu_type: str | None = None
    gpu_memory: Memory | None = None
    local_disk: Memory | None = None
    shared: bool = False
    """Whether allocations share nodes."""
    explicit: bool = False
    """Whether it is used only when somebody names it."""
    accounts: tuple[str, ...] = ()
    node_classes: tuple[ProfileNodes, ...] = ()
    """Its kinds of nodes, where they differ."""

    def for_planner(self) -> Partition:
        """Return the partition as the planner takes it."""
        return Partition(
            name=self.name,
            is_default=self.default,
            max_time_s=parse_slurm_walltime(self.max_walltime) if self.max_walltime else None,
            min_nodes=self.min_nodes,
            max_nodes=self.max_nodes,
            max_nodes_per_user=self.max_nodes_per_user,
            node_count=self.nodes or 0,
            cpus_per_node=self.cpus,
            memory_bytes_per_node=parse_memory(self.memory) if self.memory else None,
            gpus_per_node=self.gpus,
            node_classes=self._classes(),
            accounts=self.accounts,
            is_shared=self.shared,
            is_explicit=self.explicit,
        )

    def _classes(self) -> tuple[NodeClass, ...]:
        if not self.node_classes and self.gpu_type and self.cpus and self.memory:
            alike = ProfileNodes(
                count=self.nodes or 0, cpus=self.cpus, memory=self.memory, gpus=self.gpus, gpu_type=self.gpu_type
            )
            return (_node_class(self.name, alike),)
        return tuple(_node_class(self.name, each) for each in self.node_classes)


class HpcProfile(_FileModel):
    """One site. The order of partitions decides between equals."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]
    display_name: str
    description: str | None = None
    detection: tuple[Detection, ...] = ()
    """Any of these signs is enough."""
    default_account: str | None = None
    charge_factor_cpu: Annotated[float, Field(ge=0)] = 1
    """What an hour of a node without GPUs is charged."""
    charge_factor_gpu: Annotated[float, Field(ge=0)] = 10
    partitions: Annotated[tuple[ProfilePartition, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_each_partition_once(self) -> Self:
        names = [each.name for each in self.partitions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the partition {twice[0]} is there twice")
        return self

    def for_planner(self) -> list[Partition]:
        """Return the partitions as the planner takes them."""
        return [each.for_planner() for each in self.partitions]


def _node_class(partition: str, nodes: ProfileNodes) -> NodeClass:
    return NodeClass(
        partition=partition,
        count=nodes.count,
        cpus=nodes.cpus,
        memory_bytes=parse_memory(nodes.memory),
        gpus=nodes.gpus,
        gpu_type=nodes.gpu_type,
    )
