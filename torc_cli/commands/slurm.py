"""`torc slurm`: allocations of a Slurm cluster for the jobs of workflows."""

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_cli.commands.create import read_draft
from torc_cli.commands.run import is_spec_file
from torc_cli.commands.slurm_accounting import sacct, stats, usage
from torc_cli.commands.slurm_logs import parse_logs
from torc_cli.commands.slurm_regenerate import regenerate
from torc_cli.render.plan_text import ALLOCATION_GROUPS, plan_lines
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, SchedulerError, SchedulerUnreachableError
from torc_core.slurm.plan import MARGIN, AllocationPlan, GroupBy, PlannedJob, PlanOptions, WalltimeStrategy
from torc_core.slurm.quantities import parse_slurm_walltime

if TYPE_CHECKING:
    from torc_client.hpc_sites import HpcSites
    from torc_core.hpc.profile import HpcProfile

app = typer.Typer(no_args_is_help=True, help="Plan allocations of a Slurm cluster, and look at them.")
_SIZE: Final = "Size of allocations"


app.command("sacct")(sacct)
app.command("stats")(stats)
app.command("usage")(usage)
app.command("parse-logs")(parse_logs)
app.command("regenerate")(regenerate)


@app.command("plan")
@command
def plan(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="FILE|WORKFLOW_ID", show_default=False)],
    *,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="NAME", help="Plan for this HPC site; that of this machine when left out."),
    ] = None,
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="NAME", help="Use this partition for all jobs.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("-a", "--account", metavar="NAME", help="Account that the allocations are charged to.")
    ] = None,
    qos: Annotated[str | None, typer.Option("--qos", metavar="NAME", help="Quality of service.")] = None,
    exclude: Annotated[
        str | None, typer.Option("--exclude", metavar="NODES", help="Use none of these nodes: `n1,n[4-6]`.")
    ] = None,
    group_by: Annotated[
        GroupBy, typer.Option("--group-by", help="Which jobs of one stage share allocations.", rich_help_panel=_SIZE)
    ] = GroupBy.REQUIREMENTS,
    single_allocation: Annotated[
        bool,
        typer.Option("--single-allocation", help="Plan one allocation, of many nodes, a group.", rich_help_panel=_SIZE),
    ] = False,
    max_allocations: Annotated[
        int | None,
        typer.Option(
            "--max-allocations",
            min=1,
            help="At most so many allocations of a group at a time; each takes more jobs one after the other.",
            rich_help_panel=_SIZE,
        ),
    ] = None,
    walltime: Annotated[
        str | None,
        typer.Option(
            "--walltime", metavar="TIME", help="Make allocations so long: `04:00:00`, `2-00`.", rich_help_panel=_SIZE
        ),
    ] = None,
    walltime_strategy: Annotated[
        WalltimeStrategy,
        typer.Option(
            "--walltime-strategy", help="As short as the jobs, or as long as the partition.", rich_help_panel=_SIZE
        ),
    ] = WalltimeStrategy.MAX_JOB_RUNTIME,
    walltime_multiplier: Annotated[
        float,
        typer.Option(
            "--walltime-multiplier", min=1.0, help="Ask for so many times the jobs' runtime.", rich_help_panel=_SIZE
        ),
    ] = MARGIN,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Ask the cluster when an allocation of each group would start.")
    ] = False,
) -> None:
    """Show the allocations in which a workflow's jobs would run, and submit nothing.

    For example: `torc slurm plan workflow.yaml --profile kestrel --account proj`.
    """
    from torc_client.hpc_sites import HpcSites
    from torc_core.slurm.planner import plan_allocations

    walltime_s = _seconds(walltime)
    jobs, defaults, workflow_id = _jobs(session, what)
    sites = HpcSites()
    site = sites.choose(profile)
    options = PlanOptions(
        account=account or _text(defaults, "account") or site.profile.default_account,
        qos=qos or _text(defaults, "qos"),
        partition=partition or _text(defaults, "partition"),
        exclude=exclude or _text(defaults, "exclude"),
        group_by=group_by,
        single_allocation=single_allocation,
        max_allocations=max_allocations,
        walltime_s=walltime_s,
        walltime_strategy=walltime_strategy,
        margin=walltime_multiplier,
    )
    limits = sites.limits(site, user=getpass.getuser(), account=options.account)
    found = plan_allocations(jobs, site.partitions, options, limits)
    starts = [_estimate(sites, found.sbatch_options(group)) for group in found.groups] if estimate else None
    charge = _charge(found, site.profile)
    if session.is_json:
        groups = [
            {**group.model_dump(mode="json"), "sbatch_options": found.sbatch_options(group)} for group in found.groups
        ]
        for place, start in enumerate(starts or ()):
            groups[place] |= {"estimated_start": start.time, "estimate_error": start.refusal}
        plain = found.model_dump(mode="json") | {"groups": groups}
        session.out.record({"workflow_id": workflow_id, "profile": site.profile.name, "charge": charge, **plain})
        return
    for warning in found.warnings:
        session.out.note(f"Warning: {warning}")
    session.out.records(ALLOCATION_GROUPS, found.groups)
    lines = list(plan_lines(found, site=site.profile.display_name, charge=charge))
    for group, start in zip(found.groups, starts or (), strict=False):
        lines.append(f"{group.name}: {start}")
    session.out.done("\n".join(lines), {})


@dataclass(frozen=True)
class _Start:
    """When an allocation would start, in the scheduler's words, or why it would not."""

    time: str | None = None
    refusal: str | None = None

    def __str__(self) -> str:
        return self.refusal or f"an allocation submitted now would start at {self.time or 'an unknown time'}"


def _estimate(sites: "HpcSites", options: list[str]) -> _Start:
    try:
        return _Start(time=sites.estimate_start(options))
    except SchedulerUnreachableError:
        raise
    except SchedulerError as error:
        return _Start(refusal=error.message)


def _seconds(walltime: str | None) -> float | None:
    if walltime is None:
        return None
    seconds = parse_slurm_walltime(walltime)
    if seconds is None or seconds < 60:
        raise InvalidInputError(
            f"--walltime {walltime!r} is no time of a minute or more",
            hint="write minutes, 04:00:00, 2-00:00:00 or PT4H",
        )
    return seconds


def _jobs(session: Session, what: str) -> tuple[list[PlannedJob], dict[str, Any], int | None]:
    """Return the jobs to plan, the workflow's own options of sbatch, and its id."""
    from torc_client.planned_jobs import jobs_of_draft, jobs_of_workflow

    if is_spec_file(what):
        draft = read_draft(session, Path(what))
        return jobs_of_draft(draft), draft.workflow.slurm_defaults or {}, None
    workflow = session.client.workflows.get(int(what))
    return jobs_of_workflow(session.client, int(what)), workflow.slurm_defaults or {}, int(what)


def _text(defaults: dict[str, Any], key: str) -> str | None:
    value = defaults.get(key)
    return None if value is None else str(value)


def _charge(found: AllocationPlan, profile: "HpcProfile") -> float:
    """Return what the node-hours are charged, by whether a group asks for GPUs."""
    factors = {False: profile.charge_factor_cpu, True: profile.charge_factor_gpu}
    return round(sum(group.node_hours * factors[group.gpus > 0] for group in found.groups), 3)
