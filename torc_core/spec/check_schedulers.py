"""The check of Slurm schedulers against the jobs of a workflow file."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from torc_core.api.drafts import SlurmSchedulerDraft
from torc_core.errors import InvalidInputError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_core.slurm.quantities import parse_slurm_memory, parse_slurm_walltime
from torc_core.spec.model import ResourceRequirementsSpec, SlurmSchedulerSpec, WorkflowSpec
from torc_core.spec.problems import Problems

_GPU: Final = re.compile(r"gpu(?::[A-Za-z_][\w.-]*)?(?::(\d+))?")
_WALLTIME: Final[str] = SlurmSchedulerDraft.model_fields["walltime"].default


def check_schedulers(body: WorkflowSpec, problems: Problems, warnings: Problems) -> None:
    """Add problems and warnings for jobs that the schedulers of the file do not serve, or only in part."""
    actions = body.actions or []
    for place, job in enumerate(body.jobs):
        if job.labels and job.scheduler is not None:
            message = "the runners of an allocation have no labels, so that none takes it; leave one of the two out"
            problems.add(("jobs", place, "labels"), message)
    if len(body.slurm_schedulers or []) > 1 and any(job.scheduler is None for job in body.jobs):
        place = next(place for place, job in enumerate(body.jobs) if job.scheduler is None)
        warnings.add(("jobs", place), "names no scheduler although there are several; it runs on any of them")
    _warn_of_scheduler_limits(body, warnings)
    nodes_of = {record.name: record.num_nodes or 1 for record in body.resource_requirements or []}
    for place, scheduler in enumerate(body.slurm_schedulers or []):
        needs = [
            nodes_of.get(job.resource_requirements or "", 1) for job in body.jobs if job.scheduler == scheduler.name
        ]
        per_node = any(action.start_one_worker_per_node for action in actions if action.scheduler == scheduler.name)
        nodes = scheduler.nodes or 1
        if nodes > 1 and needs and nodes not in needs and not per_node:
            message = (
                f"allocates {nodes} nodes, but no job of it has num_nodes: {nodes}; "
                "without start_one_worker_per_node the other nodes stay idle"
            )
            warnings.add(("slurm_schedulers", place, "nodes"), message)


def _warn_of_scheduler_limits(body: WorkflowSpec, warnings: Problems) -> None:
    """Warn of jobs that need more time or memory than an allocation of their scheduler has."""
    requirements = {record.name: record for record in body.resource_requirements or []}
    schedulers = {record.name: record for record in body.slurm_schedulers or []}
    for place, job in enumerate(body.jobs):
        needs = requirements.get(job.resource_requirements or "")
        given = schedulers.get(job.scheduler or "")
        if needs is not None and given is not None and (lacking := list(_lacking(needs, given))):
            warnings.add(("jobs", place), f"{'; '.join(lacking)}: no allocation of {given.name} would start it")


def _lacking(needs: ResourceRequirementsSpec, given: SlurmSchedulerSpec) -> Iterator[str]:
    walltime = given.walltime or _WALLTIME
    runtime_s, walltime_s = _amount(parse_duration, needs.runtime), parse_slurm_walltime(walltime)
    if runtime_s is not None and walltime_s is not None and runtime_s > walltime_s:
        yield f"its runtime {needs.runtime} is over the walltime {walltime}"
    memory, most = _amount(parse_memory, needs.memory), parse_slurm_memory(given.mem)
    if memory is not None and most is not None and memory > most:
        yield f"its memory {needs.memory} is over mem {given.mem}"
    gpus = _gpus_of(given.gres)
    if gpus is not None and (needs.num_gpus or 0) > gpus:
        yield f"its {needs.num_gpus} GPUs are more than gres {given.gres} has"


def _gpus_of(gres: str | None) -> int | None:
    """Return the GPUs of each node; None where no resources are named, or a number cannot be read."""
    if gres is None:
        return None
    counts = [_GPU.fullmatch(part.strip()) for part in gres.split(",")]
    return sum(int(found[1] or 1) for found in counts if found)


def _amount(parse: Callable[[str], float], text: str | None) -> float | None:
    """Return an amount; None where none is given, or what is given is reported elsewhere."""
    if text is None:
        return None
    with suppress(InvalidInputError):
        return parse(text)
    return None
