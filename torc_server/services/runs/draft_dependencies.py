"""The dependencies of a draft's jobs, from references that are checked first."""

from collections.abc import Sequence

from torc_core.api.drafts import WorkflowDraft
from torc_core.errors import InvalidInputError
from torc_core.spec.graph import job_dependencies
from torc_server.services.jobs.dependency_graph import check_no_circle


def draft_dependencies(draft: WorkflowDraft) -> list[Sequence[int]]:
    """Return for each job the positions of its dependencies, ascending: jobs that it names, or whose outputs it reads.

    Raises InvalidInputError for a position outside its list, and for jobs that depend on each other in a circle.
    """
    _check_positions(draft)
    dependencies = job_dependencies(draft.jobs)
    check_no_circle(
        {place: needed for place, needed in enumerate(dependencies) if needed}, lambda place: draft.jobs[place].name
    )
    return dependencies


def _check_positions(draft: WorkflowDraft) -> None:
    sizes = {
        "depends_on": len(draft.jobs),
        "input_files": len(draft.files),
        "output_files": len(draft.files),
        "input_user_data": len(draft.user_data),
        "output_user_data": len(draft.user_data),
    }
    single_sizes = {
        "resource_requirements": len(draft.resource_requirements),
        "failure_handler": len(draft.failure_handlers),
        "scheduler": len(draft.slurm_schedulers),
    }
    for place, job in enumerate(draft.jobs):
        where = f"jobs[{place}] ({job.name!r})"
        for key, size in sizes.items():
            positions: list[int] = getattr(job, key)
            if positions and not (min(positions) >= 0 and max(positions) < size):
                raise _outside(f"{where}.{key}", size)
        for key, size in single_sizes.items():
            position: int | None = getattr(job, key)
            if position is not None and not 0 <= position < size:
                raise _outside(f"{where}.{key}", size)
    for place, action in enumerate(draft.actions):
        if action.jobs and not (min(action.jobs) >= 0 and max(action.jobs) < len(draft.jobs)):
            raise _outside(f"actions[{place}].jobs", len(draft.jobs))
        if action.scheduler is not None and not 0 <= action.scheduler < len(draft.slurm_schedulers):
            raise _outside(f"actions[{place}].scheduler", len(draft.slurm_schedulers))


def _outside(where: str, size: int) -> InvalidInputError:
    allowed = f"0 to {size - 1}" if size else "nothing, as the list is empty"
    return InvalidInputError(f"{where} points outside its list; allowed is {allowed}")
