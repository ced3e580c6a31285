"""The HPC sites that this machine knows: profiles of Torc and of the user, and the cluster that can be asked."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torc_client.settings import config_home
from torc_client.slurm.cluster import NO_CLUSTER, SlurmCluster, find_cluster
from torc_core.errors import InvalidInputError, NotFoundError, SchedulerError
from torc_core.hints import Hint, torc
from torc_core.hpc.profile import Detection, HpcProfile
from torc_core.hpc.profile_file import (
    CLUSTER_PROFILE,
    builtin_profiles,
    detect_profile,
    parse_profile,
    profile_of_partitions,
)
from torc_core.slurm.allocation import ClusterLimits, Partition
from torc_core.spec.problems import did_you_mean

Source = Literal["torc", "user", "cluster"]


@dataclass(frozen=True, kw_only=True)
class HpcSite:
    """A profile, where it comes from, and its partitions as the planner takes them."""

    profile: HpcProfile
    source: Source
    partitions: tuple[Partition, ...]
    sign: Detection | None = None
    """What it was recognized by, where it was."""


class HpcSites:
    """Looks sites up. The environment, the host name and the cluster are arguments for tests."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        hostname: str | None = None,
        cluster: SlurmCluster | None = None,
    ) -> None:
        self._environment = os.environ if environment is None else environment
        self._hostname = socket.gethostname() if hostname is None else hostname
        self._cluster = cluster or find_cluster(self._environment)

    @property
    def has_cluster(self) -> bool:
        """Return whether Slurm's programs are here, so that the cluster can be asked."""
        return self._cluster is not None

    def known(self) -> list[HpcSite]:
        """Return the profiles of the user, then those of Torc that no profile of the user replaces, by name.

        Raises InvalidInputError, naming the file, for a profile of the user that is wrong.
        """
        own = _user_profiles(config_home(self._environment) / "torc" / "hpc")
        theirs = {name: profile for name, profile in builtin_profiles().items() if name not in own}
        return [*(_site(each, "user") for each in own.values()), *(_site(each, "torc") for each in theirs.values())]

    def detect(self) -> HpcSite | None:
        """Return the site of which a sign is here, None where there is none. The cluster is not asked."""
        known = {site.profile.name: site for site in self.known()}
        found = detect_profile(
            [site.profile for site in known.values()],
            environment=self._environment,
            hostname=self._hostname,
            file_exists=lambda path: Path(path).exists(),
        )
        return None if found is None else replace(known[found[0].name], sign=found[1])

    def find(self, name: str) -> HpcSite:
        """Return the site of that name; `slurm` is the cluster of this machine. Raises NotFoundError."""
        known = {site.profile.name: site for site in self.known()}
        if name in known:
            return known[name]
        if name == CLUSTER_PROFILE:
            return self.ask_cluster()
        names = [*known, CLUSTER_PROFILE]
        raise NotFoundError(
            f"there is no HPC profile {name!r}{did_you_mean(name, names)}", hint=f"there is: {', '.join(names)}"
        )

    def choose(self, name: str | None) -> HpcSite:
        """Return the site of that name, else the one detected, else what the cluster of this machine says of itself.

        Raises InvalidInputError where there is none, SchedulerError when Slurm does not answer.
        """
        site = self.find(name) if name is not None else self.detect()
        if site is not None:
            return site
        hint = Hint("name a profile with --profile; {} shows them", torc("hpc list"))
        if self._cluster is None:
            raise InvalidInputError(
                "no HPC profile was named, and this machine belongs to no known site and has no Slurm", hint=hint
            )
        try:
            return self.ask_cluster()
        except SchedulerError as error:
            error.hint = hint
            raise

    def ask_cluster(self, *, name: str = CLUSTER_PROFILE, display_name: str | None = None) -> HpcSite:
        """Return the site that the cluster of this machine describes itself as.

        Raises InvalidInputError where Slurm's programs are not on PATH, SchedulerError when Slurm does not answer.
        """
        if self._cluster is None:
            raise InvalidInputError(NO_CLUSTER, hint="run this where allocations are submitted")
        partitions = tuple(self._cluster.partitions())
        profile = profile_of_partitions(partitions, name=name, display_name=display_name)
        return HpcSite(profile=profile, source="cluster", partitions=partitions)

    def limits(self, site: HpcSite, *, user: str, account: str | None) -> ClusterLimits:
        """Return what the site takes of the user at once: asked of the cluster where it is here, else a guess."""
        is_here = site.source == "cluster" or site.sign is not None
        if self._cluster is None or not is_here:
            return ClusterLimits()
        return self._cluster.limits(user=user, account=account)

    def estimate_start(self, options: Sequence[str]) -> str | None:
        """Return when an allocation with these options of sbatch would start. Raises SchedulerError when it would not.

        None where the cluster cannot say.
        """
        if self._cluster is None:
            raise InvalidInputError(
                NO_CLUSTER, hint="leave out --estimate, or run this where allocations are submitted"
            )
        return self._cluster.estimate_start(options)


def _site(profile: HpcProfile, source: Source) -> HpcSite:
    return HpcSite(profile=profile, source=source, partitions=tuple(profile.for_planner()))


def _user_profiles(folder: Path) -> dict[str, HpcProfile]:
    found: dict[str, HpcProfile] = {}
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"{file} cannot be read: {error}", hint="correct or remove this profile") from error
        profile = parse_profile(text, source=str(file))
        if profile.name in found:
            raise InvalidInputError(
                f"{file}: there is another profile {profile.name}", hint="give one of them a new name"
            )
        found[profile.name] = profile
    return found
