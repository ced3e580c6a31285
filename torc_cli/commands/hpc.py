"""`torc hpc`: HPC sites, their partitions, and which of them fits."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.session import Session
from torc_core.errors import AlreadyTakenError, InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.hpc.profile import ProfilePartition
from torc_core.hpc.profile_file import CLUSTER_PROFILE, CLUSTER_TITLE, format_profile
from torc_core.resources.memory import parse_memory
from torc_core.slurm.plan import PlanOptions, Requirement
from torc_core.slurm.quantities import parse_slurm_walltime

if TYPE_CHECKING:
    from torc_client.hpc_sites import HpcSite, HpcSites

app = typer.Typer(no_args_is_help=True, help="HPC sites, their partitions, and which of them fits.")

_NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The profile; that of this machine when left out.", show_default=False),
]
_STANDBY: Final = "standby"


class SiteRow(BaseModel):
    """One profile; `source` says whether it is Torc's, the user's, or the cluster's own description."""

    name: str
    display_name: str
    partitions: int | None = None
    """Not known of the cluster until it is asked."""
    source: str
    detected: bool


class MatchRow(BaseModel):
    """One partition and whether a requirement fits it: `lacks` says what is missing."""

    name: str
    fits: bool
    best: bool
    explicit: bool
    shared: bool
    min_nodes: int
    lacks: str | None = None


SITES = Table(
    "profiles",
    (
        Column("Name", "name"),
        Column("Site", "display_name"),
        Column("Partitions", "partitions", right=True),
        Column("Source", "source"),
        Column("Here", "detected"),
    ),
)
PARTITIONS = Table(
    "partitions",
    (
        Column("Partition", "name"),
        Column("CPUs", "cpus", right=True),
        Column("Memory", "memory", right=True),
        Column("Max Time", lambda row: row.max_walltime or "no limit", right=True),
        Column("GPUs", lambda row: _gpus(row), right=True),
        Column("Nodes", "nodes", right=True),
        Column("Shared", "shared"),
        Column("Explicit", "explicit"),
    ),
)
MATCHES = Table(
    "partitions",
    (
        Column("Partition", "name"),
        Column("Fits", "fits"),
        Column("Notes", lambda row: _notes(row)),
    ),
)


@app.command("detect")
@command
def detect(session: Session) -> None:
    """Show the HPC site that this machine belongs to.

    For example: `torc hpc detect`.
    """
    sites = _sites()
    site = sites.detect()
    if site is None and not sites.has_cluster:
        message = "No known HPC system detected."
        hint = Hint("{} shows the profiles there are", torc("hpc list"))
        session.out.done([message, hint], {"detected": False, "message": message})
        return
    name, display_name, description = CLUSTER_PROFILE, CLUSTER_TITLE, None
    sign = "Slurm's programs are on PATH"
    if site is not None:
        name, display_name, description = site.profile.name, site.profile.display_name, site.profile.description
        sign = str(site.sign)
    session.out.done(
        f"Detected HPC system: {display_name} ({name})\n  Detection: {sign}",
        {
            "detected": True,
            "name": name,
            "display_name": display_name,
            "description": description,
            "detection": sign,
        },
    )


@app.command("list")
@listing
def list_(session: Session) -> None:
    """List the HPC profiles of Torc, your own, and the cluster of this machine.

    For example: `torc hpc list`.
    """
    sites = _sites()
    here = sites.detect()
    rows = [
        SiteRow(
            name=site.profile.name,
            display_name=site.profile.display_name,
            partitions=len(site.profile.partitions),
            source=site.source,
            detected=here is not None and site.profile.name == here.profile.name,
        )
        for site in sites.known()
    ]
    if sites.has_cluster and all(row.name != CLUSTER_PROFILE for row in rows):
        rows.append(SiteRow(name=CLUSTER_PROFILE, display_name=CLUSTER_TITLE, source="cluster", detected=here is None))
    session.out.records(SITES, rows)


@app.command("show")
@command
def show(session: Session, name: _NameArgument = None) -> None:
    """Print an HPC profile, as YAML that can be changed and kept as a profile of your own.

    For example: `torc hpc show kestrel`.
    """
    profile = _sites().choose(name).profile
    if session.is_json:
        session.out.record(profile)
    else:
        session.out.document(format_profile(profile).rstrip("\n"))


@app.command("partitions")
@listing
def partitions(
    session: Session,
    name: _NameArgument = None,
    *,
    gpu: Annotated[bool, typer.Option("--gpu", help="Show only those with GPUs.")] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Show only those without GPUs.")] = False,
    shared: Annotated[bool, typer.Option("--shared", help="Show only those whose nodes are shared.")] = False,
) -> None:
    """List the partitions of an HPC site with their limits.

    For example: `torc hpc partitions kestrel --gpu`.
    """
    rows = [
        row
        for row in _sites().choose(name).profile.partitions
        if not (gpu and not _has_gpus(row)) and not (cpu and _has_gpus(row)) and not (shared and not row.shared)
    ]
    session.out.records(PARTITIONS, rows)


@app.command("match")
@listing
def match(
    session: Session,
    name: _NameArgument = None,
    *,
    cpus: Annotated[int, typer.Option("--cpus", min=1, help="CPUs of a job, on each node.")] = 1,
    memory: Annotated[str, typer.Option("--memory", metavar="AMOUNT", help="Memory of a job, on each node.")] = "1g",
    walltime: Annotated[str, typer.Option("--walltime", metavar="TIME", help="Time of an allocation.")] = "01:00:00",
    gpus: Annotated[int, typer.Option("--gpus", min=0, help="GPUs of a job, on each node.")] = 0,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Nodes of a job.")] = 1,
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="The same as NAME.")] = None,
) -> None:
    """Show which partitions of an HPC site fit a job, and which one would be chosen.

    For example: `torc hpc match kestrel --cpus 8 --memory 32g --walltime 04:00:00`.
    """
    time_s = parse_slurm_walltime(walltime)
    if time_s is None:
        raise InvalidInputError(f"--walltime {walltime!r} is no time", hint="write minutes, 04:00:00 or 2-00:00:00")
    requirement = Requirement(
        name="the job", cpus=cpus, memory_bytes=parse_memory(memory), gpus=gpus, nodes=nodes, runtime_s=time_s
    )
    site = _sites().choose(name or profile)
    rows = _match(site, requirement, time_s)
    session.out.records(MATCHES, rows)
    if not session.is_json:
        best = next((row.name for row in rows if row.best), None)
        usable = "only a partition that has to be named fits" if any(row.fits for row in rows) else "none fits"
        session.out.done(f"Recommended: {best} partition" if best else f"No recommendation: {usable}", {})


@app.command("generate")
@command
def generate(
    session: Session,
    *,
    name: Annotated[str, typer.Option("-n", "--name", help="Name of the profile.")] = "my-cluster",
    display_name: Annotated[
        str | None, typer.Option("-d", "--display-name", help="Name of the site, for people.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write this file; the profile is printed when left out.")
    ] = None,
    skip_stdby: Annotated[
        bool, typer.Option("--skip-stdby", help="Leave out partitions called stdby or standby.")
    ] = False,
) -> None:
    """Write an HPC profile of the cluster of this machine, by asking it.

    For example: `torc hpc generate --name mycluster -o mycluster.yaml`.
    """
    profile = _sites().ask_cluster(name=name, display_name=display_name).profile
    if skip_stdby:
        kept = tuple(each for each in profile.partitions if not _is_standby(each.name))
        profile = profile.model_copy(update={"partitions": kept})
    text = format_profile(profile)
    if output is None:
        session.out.document(text.rstrip("\n"))
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise AlreadyTakenError(f"{output} exists", hint="name another file, or remove it") from error
    except OSError as error:
        raise InvalidInputError(f"{output} cannot be written: {error.strerror}", hint="name another file") from error
    kept_where = "keep it in ~/.config/torc/hpc/ to use it as --profile"
    session.out.done(
        f"Wrote the profile {name} with {len(profile.partitions)} partitions to {output}; {kept_where}",
        {"name": name, "file": str(output), "partitions": len(profile.partitions)},
    )


def _sites() -> "HpcSites":
    from torc_client.hpc_sites import HpcSites

    return HpcSites(os.environ)


def _match(site: "HpcSite", requirement: Requirement, time_s: float) -> Sequence[MatchRow]:
    from torc_core.slurm.placement import choose_place, list_places, nearest_place, shortfalls

    try:
        best = choose_place(list_places(site.partitions, PlanOptions()), requirement, least_s=time_s)
    except InvalidInputError:  # all have to be named
        best = None
    rows = []
    for row in site.profile.partitions:
        places = list_places(site.partitions, PlanOptions(partition=row.name)) if _is_up(site, row.name) else []
        fits = any(not shortfalls(place, requirement, least_s=time_s) for place in places)
        lacks = None if fits else nearest_place(places, requirement, least_s=time_s)[1] if places else "is down"
        is_best = best is not None and best.partition == row.name
        rows.append(
            MatchRow(
                name=row.name,
                fits=fits,
                best=is_best,
                explicit=row.explicit,
                shared=row.shared,
                min_nodes=row.min_nodes,
                lacks=lacks,
            )
        )
    return sorted(rows, key=lambda row: (not row.best, not row.fits))


def _is_up(site: "HpcSite", name: str) -> bool:
    up: Mapping[str, Any] = {each.name: each.is_up for each in site.partitions}
    return bool(up.get(name))


def _is_standby(name: str) -> bool:
    return "stdby" in name or _STANDBY in name


def _has_gpus(row: ProfilePartition) -> bool:
    return row.gpus > 0 or any(each.gpus for each in row.node_classes)


def _gpus(row: ProfilePartition) -> str:
    most = max((row.gpus, *(each.gpus for each in row.node_classes)))
    kinds = {each.gpu_type for each in row.node_classes if each.gpu_type} | ({row.gpu_type} if row.gpu_type else set())
    return f"{most} {'/'.join(sorted(kinds))}".rstrip() if most else "-"


def _notes(row: MatchRow) -> str:
    if row.lacks is not None:
        return row.lacks
    notes = (
        (row.best, "Best match"),
        (row.shared, "Shared"),
        (row.explicit, "Requires --partition"),
        (row.min_nodes > 1, f"Min {row.min_nodes} nodes"),
    )
    return ", ".join(text for applies, text in notes if applies)
