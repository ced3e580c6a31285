"""Dynamic jobs: a running job adds jobs that depend on it."""

from collections.abc import Mapping
from typing import Final

from torc_core.api.configs import DynamicJobsConfig
from torc_core.api.files import UserDataModel
from torc_core.api.jobs import JobModel
from torc_core.api.spawning import SpawnedJob, SpawnJobsRequest, SpawnJobsResponse
from torc_core.errors import AlreadyTakenError, InvalidInputError, StateConflictError
from torc_core.hints import Hint, torc
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import ACTIVE
from torc_server.db.queries.jobs.jobs import JobState
from torc_server.db.queries.jobs.transitions import count_unresolved_anew
from torc_server.db.queries.runs import spawn as queries
from torc_server.db.queries.runs.create import insert_links
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.dependency_graph import check_no_circle
from torc_server.services.jobs.job_records import create_jobs
from torc_server.services.jobs.transitions import apply_event
from torc_server.services.records.lookup import find_job
from torc_server.services.records.user_data import USER_DATA
from torc_server.services.records.workflows import get_workflow
from torc_server.services.runs.input_hashes import store_hashes

MAX_ITERATIONS: Final = 1000
"""Generations of one lineage, unless the workflow's `dynamic_jobs.max_iterations` says otherwise."""

LINEAGE_VARIABLE: Final = "TORC_ORCHESTRATOR_LINEAGE_ID"
_RECORD_PREFIX: Final = "__torc_lineage__"


def spawn_jobs(uow: UnitOfWork, job_id: int, request: SpawnJobsRequest) -> SpawnJobsResponse:
    """Add jobs that depend on the calling job, and store the state of this generation.

    Without jobs, store the final state only. A repeated call whose jobs exist already changes nothing.
    """
    caller = find_job(uow, job_id)
    lineage = request.lineage or caller.name
    generation = _generation(uow, caller.workflow_id, lineage)
    if not request.jobs:
        _keep_state(uow, caller.workflow_id, f"{_RECORD_PREFIX}{lineage}__final", request)
        return SpawnJobsResponse(iteration=generation, spawned_job_ids=[])
    names = [job.name for job in request.jobs]
    existing = queries.jobs_named(uow, caller.workflow_id, names)
    if set(existing) == set(names) and len(set(names)) == len(names):
        return SpawnJobsResponse(iteration=generation, spawned_job_ids=[existing[name] for name in names])
    _check(uow, caller, request, existing, generation)
    spawned = _create(uow, caller, request.jobs, lineage)
    _keep_state(uow, caller.workflow_id, f"{_prefix(lineage)}{generation + 1:06d}", request)
    return SpawnJobsResponse(iteration=generation + 1, spawned_job_ids=spawned)


def _check(
    uow: UnitOfWork, caller: JobState, request: SpawnJobsRequest, existing: Mapping[str, int], generation: int
) -> None:
    ids = {"job_id": caller.id, "workflow_id": caller.workflow_id}
    if existing:
        raise AlreadyTakenError(f"the workflow has jobs of these names already: {sorted(existing)[:10]}", ids=ids)
    names = [job.name for job in request.jobs]
    if len(set(names)) < len(names):
        raise InvalidInputError("two of the jobs have the same name", ids=ids)
    if caller.status not in ACTIVE:
        raise StateConflictError(
            f"job {caller.id} ({caller.name}) is {caller.status}; only a running job adds jobs", ids=ids
        )
    config = get_workflow(uow, caller.workflow_id).dynamic_jobs or DynamicJobsConfig()
    limit = MAX_ITERATIONS if config.max_iterations is None else config.max_iterations
    if generation >= limit:
        raise StateConflictError(
            f"lineage {request.lineage or caller.name!r} has used up its {limit} generations",
            hint="raise dynamic_jobs.max_iterations of the workflow",
            ids=ids,
        )


def _create(uow: UnitOfWork, caller: JobState, jobs: list[SpawnedJob], lineage: str) -> list[int]:
    own = {job.name for job in jobs}
    needed = {name for job in jobs for name in (job.depends_on or ())} - own
    known = queries.jobs_named(uow, caller.workflow_id, needed)
    if missing := sorted(needed - set(known)):
        raise InvalidInputError(f"the jobs depend on jobs that the workflow does not have: {missing[:10]}")
    requirements = _requirement_ids(uow, caller.workflow_id, jobs)
    models = [_model(caller, job, lineage, known, requirements) for job in jobs]
    spawned = [job.id or 0 for job in create_jobs(uow, models).jobs]
    ids = {job.name: job_id for job, job_id in zip(jobs, spawned, strict=True)}
    siblings = {ids[job.name]: [ids[name] for name in job.depends_on or () if name in own] for job in jobs}
    check_no_circle(siblings, lambda job_id: next(name for name in own if ids[name] == job_id))
    pairs = ((job_id, other) for job_id, others in siblings.items() for other in others)
    insert_links(uow, "depends_on_job_ids", pairs)
    queries.mark_spawned(uow, spawned)
    count_unresolved_anew(uow, caller.workflow_id)
    store_hashes(uow, caller.workflow_id)
    apply_event(uow, Event.BLOCK, spawned)
    uow.touch(caller.workflow_id)
    return spawned


def _model(
    caller: JobState, job: SpawnedJob, lineage: str, known: Mapping[str, int], requirements: Mapping[str, int]
) -> JobModel:
    named = [known[name] for name in job.depends_on or () if name in known]
    return JobModel(
        workflow_id=caller.workflow_id,
        name=job.name,
        command=job.command,
        priority=job.priority,
        labels=job.labels,
        cancel_on_blocking_job_failure=job.cancel_on_blocking_job_failure,
        env={LINEAGE_VARIABLE: lineage},
        resource_requirements_id=requirements[job.resource_requirements] if job.resource_requirements else None,
        depends_on_job_ids=sorted({caller.id, *named}),
    )


def _requirement_ids(uow: UnitOfWork, workflow_id: int, jobs: list[SpawnedJob]) -> Mapping[str, int]:
    """Return the ids of the requirements that the jobs name. Raises InvalidInputError for one that does not exist."""
    wanted = {job.resource_requirements: job.name for job in jobs if job.resource_requirements}
    requirement_ids = queries.requirements_named(uow, workflow_id, list(wanted))
    for name, job_name in wanted.items():
        if name not in requirement_ids:
            raise InvalidInputError(
                f"job {job_name!r} names resource requirements {name!r}, which workflow {workflow_id} does not have",
                hint=Hint("`{}` shows those that there are", torc("resource-requirements list", workflow_id)),
                ids={"workflow_id": workflow_id},
            )
    return requirement_ids


def _generation(uow: UnitOfWork, workflow_id: int, lineage: str) -> int:
    prefix = _prefix(lineage)
    newest = queries.newest_generation(uow, workflow_id, prefix)
    return 0 if newest is None else int(newest.removeprefix(prefix))


def _keep_state(uow: UnitOfWork, workflow_id: int, name: str, request: SpawnJobsRequest) -> None:
    queries.delete_record(uow, workflow_id, name)
    USER_DATA.create(uow, UserDataModel(workflow_id=workflow_id, name=name, data={"state": request.state}))


def _prefix(lineage: str) -> str:
    return f"{_RECORD_PREFIX}{lineage}__g"
