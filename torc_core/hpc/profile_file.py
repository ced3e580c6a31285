"""Profiles as YAML: those that come with Torc, those of users, and one made by asking a cluster."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml
from pydantic import ValidationError

from torc_core.errors import InvalidInputError
from torc_core.hpc.profile import Detection, HpcProfile, ProfileNodes, ProfilePartition
from torc_core.resources.memory import format_memory
from torc_core.slurm.allocation import Partition
from torc_core.slurm.quantities import format_slurm_walltime

CLUSTER_PROFILE: Final = "slurm"
"""The name of the profile that is made by asking the cluster of this machine."""
CLUSTER_TITLE: Final = "The Slurm cluster of this machine"


def parse_profile(text: str, *, source: str) -> HpcProfile:
    """Return the profile of a YAML text. Raises InvalidInputError that names the source and every problem."""
    try:
        return HpcProfile.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidInputError(f"{source}: {error}", hint="correct or remove this profile") from error
    except ValidationError as error:
        problems = [f"{source}: {_place(each['loc'])}{each['msg']}" for each in error.errors()[:20]]
        raise InvalidInputError("\n".join(problems), hint="correct or remove this profile") from error


def format_profile(profile: HpcProfile) -> str:
    """Return the profile as YAML that `parse_profile` reads."""
    fields = profile.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


@cache
def builtin_profiles() -> Mapping[str, HpcProfile]:
    """Return the profiles that come with Torc, by name; the files are read once per process."""
    folder = resources.files("torc_core.hpc") / "profiles"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    found = [parse_profile(entry.read_text("utf-8"), source=entry.name) for entry in files]
    return {profile.name: profile for profile in found}


def profile_of_partitions(
    partitions: Sequence[Partition], *, name: str = CLUSTER_PROFILE, display_name: str | None = None
) -> HpcProfile:
    """Return the profile of a cluster that was asked for its partitions. Raises InvalidInputError when it has none."""
    usable = [each for each in partitions if each.name]
    if not usable:
        raise InvalidInputError("the cluster names no partition", hint="see what `scontrol show partition` prints")
    try:
        return HpcProfile(
            name=name,
            display_name=display_name or (CLUSTER_TITLE if name == CLUSTER_PROFILE else f"Slurm cluster {name}"),
            partitions=tuple(_profile_partition(each) for each in usable),
        )
    except ValidationError as error:
        raise InvalidInputError(
            "\n".join(f"{_place(each['loc'])}{each['msg']}" for each in error.errors()),
            hint="a name holds letters, digits, dots, dashes and underscores",
        ) from error


def detect_profile(
    profiles: Sequence[HpcProfile],
    *,
    environment: Mapping[str, str],
    hostname: str,
    file_exists: Callable[[str], bool],
) -> tuple[HpcProfile, Detection] | None:
    """Return the first profile of which a sign is here, with the sign, None where there is none."""
    for profile in profiles:
        for sign in profile.detection:
            if _is_here(sign, environment, hostname, file_exists):
                return profile, sign
    return None


def _is_here(
    sign: Detection, environment: Mapping[str, str], hostname: str, file_exists: Callable[[str], bool]
) -> bool:
    if sign.environment is not None:
        name, _, value = sign.environment.partition("=")
        return environment.get(name) == value
    if sign.hostname is not None:
        return re.fullmatch(sign.hostname, hostname) is not None
    return sign.file is not None and file_exists(sign.file)


def _profile_partition(partition: Partition) -> ProfilePartition:
    classes = partition.node_classes
    memory = partition.memory_bytes_per_node
    return ProfilePartition(
        name=partition.name,
        default=partition.is_default,
        cpus=partition.cpus_per_node or None,
        memory=format_memory(memory) if memory else None,
        max_walltime=None if partition.max_time_s is None else format_slurm_walltime(max(partition.max_time_s, 60)),
        nodes=partition.node_count or None,
        min_nodes=partition.min_nodes,
        max_nodes=partition.max_nodes or None,
        max_nodes_per_user=partition.max_nodes_per_user,
        gpus=partition.gpus_per_node,
        gpu_type=classes[0].gpu_type if len(classes) == 1 else None,
        shared=partition.is_shared,
        explicit=partition.is_explicit or not partition.is_up,
        accounts=partition.accounts,
        node_classes=tuple(
            ProfileNodes(
                count=each.count,
                cpus=max(each.cpus, 1),
                memory=format_memory(each.memory_bytes),
                gpus=each.gpus,
                gpu_type=each.gpu_type,
            )
            for each in (classes if len(classes) > 1 else ())
        ),
    )


def _place(path: Sequence[Any]) -> str:
    return "".join(f"{part}: " if isinstance(part, str) else f"{part + 1}: " for part in path)
