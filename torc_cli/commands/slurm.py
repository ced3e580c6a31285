"""`torc slurm`: allocations of a Slurm cluster for the jobs of workflows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from torc_cli.commands.create import read_draft
from torc_cli.commands.options.allocations import PlanChoices
from torc_cli.commands.run import is_spec_file
from torc_cli.commands.slurm_accounting import sacct, stats, usage
from torc_cli.commands.slurm_generate import generate
from torc_cli.commands.slurm_logs import parse_logs
from torc_cli.commands.slurm_nodes import schedule_nodes
from torc_cli.commands.slurm_regenerate import regenerate
from torc_cli.commands.slurm_schedulers import add_scheduler_commands
from torc_cli.render.plan_text import ALLOCATION_GROUPS, plan_lines
from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.plan import AllocationPlan, PlannedJob

if TYPE_CHECKING:
    from torc_client.hpc_sites import HpcSites
    from torc_core.hpc.profile import HpcProfile

app = typer.Typer(no_args_is_help=True, help="Plan, submit and look at allocations of a Slurm cluster.")
_CHOICES: Final = PlanChoices()


app.command("generate")(generate)
app.command("schedule-nodes")(schedule_nodes)
app.command("sacct")(sacct)
app.command("stats")(stats)
app.command("usage")(usage)
app.command("parse-logs")(parse_logs)
app.command("regenerate")(regenerate)
add_scheduler_commands(app)


@app.command("plan")
@command
def plan(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|WORKFLOW_ID", help="A workflow file, or the id of a workflow.", show_default=False
        ),
    ],
    *,
    choices: PlanChoices = _CHOICES,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Ask the cluster when an allocation of each group would start.")
    ] = False,
) -> None:
    """Show the allocations in which a workflow's jobs would run, and submit nothing.

    For example: `torc slurm plan workflow.yaml --profile kestrel --account proj`.
    """
    from torc_client.hpc_sites import HpcSites

    jobs, defaults, workflow_id = _jobs(session, what)
    sites = HpcSites()
    found, site = choices.plan(jobs, defaults, sites)
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


def _jobs(session: Session, what: str) -> tuple[list[PlannedJob], dict[str, Any], int | None]:
    """Return the jobs to plan, the workflow's own options of sbatch, and its id."""
    from torc_client.planned_jobs import jobs_of_draft, jobs_of_workflow

    if is_spec_file(what):
        draft = read_draft(session, Path(what))
        return jobs_of_draft(draft), draft.workflow.slurm_defaults or {}, None
    workflow = session.client.workflows.get(int(what))
    return jobs_of_workflow(session.client, int(what)), workflow.slurm_defaults or {}, int(what)


def _charge(found: AllocationPlan, profile: "HpcProfile") -> float:
    """Return what the node-hours are charged, by whether a group asks for GPUs."""
    factors = {False: profile.charge_factor_cpu, True: profile.charge_factor_gpu}
    return round(sum(group.node_hours * factors[group.gpus > 0] for group in found.groups), 3)
