"""Jobs as records: create, read, list, delete."""

from collections.abc import Iterator, Sequence
from typing import Final

from torc_core.api.base import MAX_PAGE, Page
from torc_core.api.jobs import JobModel, JobsModel
from torc_core.api.system import DeleteCount
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import FINISHED, JobStatus
from torc_server.db.queries.jobs import jobs as queries
from torc_server.db.queries.jobs.lists import JobFilter, count_jobs, find_jobs
from torc_server.db.queries.jobs.transitions import count_unresolved_anew
from torc_server.db.queries.records.base import next_id
from torc_server.db.queries.records.workflows import is_everything_done
from torc_server.db.queries.runs import create as creation
from torc_server.db.queries.runs.create import NewJob
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs import triggers
from torc_server.services.jobs.reference_check import check_references
from torc_server.services.jobs.transitions import apply_event
from torc_server.services.records.base import slice_of
from torc_server.services.records.lookup import find_job, find_workflow
from torc_server.services.records.paging import PageRequest

_ALL: Final = tuple(queries.RELATIONSHIPS)


def create_job(uow: UnitOfWork, job: JobModel) -> JobModel:
    """Create an uninitialized job; the next initialize makes it ready or blocked."""
    return create_jobs(uow, [job]).jobs[0]


def create_jobs(uow: UnitOfWork, jobs: Sequence[JobModel]) -> JobsModel:
    """Create all of the jobs or none, in their order; they must be of one workflow."""
    if not jobs:
        return JobsModel(jobs=[])
    if len(jobs) > MAX_PAGE:
        raise InvalidInputError(f"{len(jobs)} jobs are too many for one request", hint=f"send at most {MAX_PAGE}")
    workflows = sorted({job.workflow_id for job in jobs})
    if len(workflows) > 1:
        raise InvalidInputError(f"the jobs are of several workflows: {workflows}", hint="send one request for each")
    (workflow_id,) = workflows
    find_workflow(uow, workflow_id)
    check_references(uow, workflow_id, jobs)
    first = next_id(uow, "job")
    creation.insert_jobs(uow, workflow_id, _new_jobs(uow, workflow_id, first, jobs))
    for field in _ALL:
        pairs = (
            (job_id, other) for job_id, job in enumerate(jobs, start=first) for other in (getattr(job, field) or ())
        )
        creation.insert_links(uow, field, pairs)
    if any(job.depends_on_job_ids for job in jobs):
        count_unresolved_anew(uow, workflow_id)
    return JobsModel(jobs=queries.job_models(uow, range(first, first + len(jobs)), fields=_ALL))


def get_job(uow: UnitOfWork, job_id: int) -> JobModel:
    """Return the job with its relationships; empty lists are null."""
    find_job(uow, job_id)
    return queries.job_models(uow, [job_id], fields=_ALL)[0]


def list_jobs(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    wanted: JobFilter | None = None,
    include_relationships: bool = False,
) -> Page[JobModel]:
    """Return a page of the workflow's jobs; their lists of ids are null unless `include_relationships`."""
    find_workflow(uow, workflow_id)
    wanted = wanted or JobFilter()
    job_ids = find_jobs(uow, workflow_id, slice_of(page, queries.SORTABLE), wanted)
    jobs = queries.job_models(uow, job_ids, fields=_ALL if include_relationships else ())
    is_last = len(jobs) < page.limit and (jobs or page.offset == 0)
    total = page.offset + len(jobs) if is_last else count_jobs(uow, workflow_id, wanted)
    return page.page(jobs, total=total)


def delete_job(uow: UnitOfWork, job_id: int) -> JobModel:
    """Delete the job and return it; dependents that have no other unresolved dependency are released."""
    job = get_job(uow, job_id)
    _delete(uow, job.workflow_id, [job_id])
    return job


def delete_jobs(uow: UnitOfWork, workflow_id: int) -> DeleteCount:
    find_workflow(uow, workflow_id)
    return DeleteCount(count=_delete(uow, workflow_id, queries.jobs_in(uow, workflow_id, JobStatus)))


def _delete(uow: UnitOfWork, workflow_id: int, job_ids: Sequence[int]) -> int:
    dependents = queries.direct_dependents(uow, job_ids)
    deleted = creation.delete_jobs(uow, job_ids)
    if dependents:
        count_unresolved_anew(uow, workflow_id)
        released = apply_event(uow, Event.RELEASE, queries.free_blocked(uow, dependents))
        triggers.on_jobs_ready(uow, workflow_id, released)
    triggers.on_jobs_deleted(uow, workflow_id)
    if is_everything_done(uow, workflow_id) and queries.jobs_in(uow, workflow_id, FINISHED):
        triggers.on_workflow_complete(uow, workflow_id)  # the last job that was left is gone
    uow.touch(workflow_id)
    return deleted


def _new_jobs(uow: UnitOfWork, workflow_id: int, first: int, jobs: Sequence[JobModel]) -> Iterator[NewJob]:
    requirements = creation.requirements(uow, workflow_id)
    default_id = creation.default_requirement_id(uow, workflow_id)
    for job_id, job in enumerate(jobs, start=first):
        wanted = default_id if job.resource_requirements_id is None else job.resource_requirements_id
        requirement = None if wanted is None else requirements.get(wanted)
        if requirement is None:
            raise InvalidInputError(
                f"job {job.name!r} names resource requirements that workflow {workflow_id} does not have: {wanted}",
                hint=Hint("`{}` shows those that there are", torc("resource-requirements list", workflow_id)),
                ids={"workflow_id": workflow_id},
            )
        yield NewJob(job_id, job, job.scheduler_id, job.failure_handler_id, 0, requirement)
