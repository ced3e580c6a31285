"""The options by which people change a plan of allocations, and the plan options made from them."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_core.errors import InvalidInputError
from torc_core.slurm.plan import MARGIN, AllocationPlan, GroupBy, PlannedJob, PlanOptions, WalltimeStrategy
from torc_core.slurm.quantities import parse_slurm_walltime

if TYPE_CHECKING:
    from torc_client.hpc_sites import HpcSite, HpcSites

_SIZE: Final = "Size of allocations"

PollIntervalOption = Annotated[
    float | None,
    typer.Option("-p", "--poll-interval", min=0.01, help="Let runners ask for work at least every so many seconds."),
]


@dataclass(frozen=True, kw_only=True)
class PlanChoices:
    """The options about allocations; a command that takes one of these has its fields as options."""

    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", "--hpc-profile", metavar="NAME", help="Plan for this HPC site; that of this machine else."
        ),
    ] = None
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="NAME", help="Use this partition for all jobs.")
    ] = None
    account: Annotated[
        str | None, typer.Option("-a", "--account", metavar="NAME", help="Account that the allocations are charged to.")
    ] = None
    qos: Annotated[str | None, typer.Option("--qos", metavar="NAME", help="Quality of service.")] = None
    exclude: Annotated[
        str | None, typer.Option("--exclude", metavar="NODES", help="Use none of these nodes: `n1,n[4-6]`.")
    ] = None
    group_by: Annotated[
        GroupBy, typer.Option("--group-by", help="Which jobs of one stage share allocations.", rich_help_panel=_SIZE)
    ] = GroupBy.REQUIREMENTS
    single_allocation: Annotated[
        bool,
        typer.Option("--single-allocation", help="Plan one allocation, of many nodes, a group.", rich_help_panel=_SIZE),
    ] = False
    max_allocations: Annotated[
        int | None,
        typer.Option(
            "--max-allocations",
            min=1,
            help="At most so many allocations of a group at a time; each takes more jobs one after the other.",
            rich_help_panel=_SIZE,
        ),
    ] = None
    walltime: Annotated[
        str | None,
        typer.Option(
            "--walltime", metavar="TIME", help="Make allocations so long: `04:00:00`, `2-00`.", rich_help_panel=_SIZE
        ),
    ] = None
    walltime_strategy: Annotated[
        WalltimeStrategy,
        typer.Option(
            "--walltime-strategy", help="As short as the jobs, or as long as the partition.", rich_help_panel=_SIZE
        ),
    ] = WalltimeStrategy.MAX_JOB_RUNTIME
    walltime_multiplier: Annotated[
        float,
        typer.Option(
            "--walltime-multiplier", min=1.0, help="Ask for so many times the jobs' runtime.", rich_help_panel=_SIZE
        ),
    ] = MARGIN

    def as_options(self, defaults: Mapping[str, Any], *, default_account: str | None = None) -> PlanOptions:
        """Return the options of a plan; what is not typed is taken from a workflow's slurm_defaults.

        Raises InvalidInputError for a walltime that is none.
        """
        return PlanOptions(
            account=self.account or _text(defaults, "account") or default_account,
            qos=self.qos or _text(defaults, "qos"),
            partition=self.partition or _text(defaults, "partition"),
            exclude=self.exclude or _text(defaults, "exclude"),
            group_by=self.group_by,
            single_allocation=self.single_allocation,
            max_allocations=self.max_allocations,
            walltime_s=walltime_seconds(self.walltime),
            walltime_strategy=self.walltime_strategy,
            margin=self.walltime_multiplier,
        )

    def plan(
        self, jobs: list[PlannedJob], defaults: Mapping[str, Any], sites: "HpcSites"
    ) -> "tuple[AllocationPlan, HpcSite]":
        """Return the plan for these jobs and the site that it is for. Raises as `plan_allocations`."""
        from torc_core.slurm.planner import plan_allocations

        # before the site is asked: what was typed may be wrong
        walltime_seconds(self.walltime)
        site = sites.choose(self.profile)
        options = self.as_options(defaults, default_account=site.profile.default_account)
        limits = sites.limits(site, user=getpass.getuser(), account=options.account)
        return plan_allocations(jobs, site.partitions, options, limits), site


def walltime_seconds(walltime: str | None) -> float | None:
    """Return the time that was typed as --walltime. Raises InvalidInputError for one that is none."""
    if walltime is None:
        return None
    seconds = parse_slurm_walltime(walltime)
    if seconds is None or seconds < 60:
        raise InvalidInputError(
            f"--walltime {walltime!r} is no time of a minute or more",
            hint="write minutes, 04:00:00, 2-00:00:00 or PT4H",
        )
    return seconds


def _text(defaults: Mapping[str, Any], key: str) -> str | None:
    value = defaults.get(key)
    return None if value is None else str(value)
