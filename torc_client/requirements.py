"""Requirements of one job alone: jobs that share a record with it keep theirs."""

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.errors import InvalidInputError
from torc_core.recovery.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory


def plan_own_requirements(
    client: TorcClient,
    job: JobModel,
    *,
    memory: str | None = None,
    runtime: str | None = None,
    num_cpus: int | None = None,
) -> tuple[ResourceRequirementsModel, ResourceRequirementsModel]:
    """What the job has and what it would get; nothing is changed.

    A job without stated requirements has no limits, and a copy would make limits of their placeholders: it needs
    memory and runtime both. Raises InvalidInputError for that and for amounts that are none.
    """
    if memory is not None:
        parse_memory(memory)
    if runtime is not None:
        parse_duration(runtime)
    old = _requirements_of(client, job)
    is_unspecified = old.name == UNSPECIFIED_REQUIREMENT
    if is_unspecified and (memory is None or runtime is None):
        raise InvalidInputError(
            f"job {job.id} states neither memory nor runtime",
            hint="give both: from then on they are its limits",
            ids={"job_id": job.id or 0},
        )
    given = {"memory": memory, "runtime": runtime, "num_cpus": num_cpus}
    changed = {key: value for key, value in given.items() if value is not None}
    suffix = f"_job_{job.id}"
    name = ("own" if is_unspecified else old.name.removesuffix(suffix)) + suffix
    return old, old.model_copy(update={"id": None, "name": name, **changed})


def give_own_requirements(client: TorcClient, job: JobModel, requirements: ResourceRequirementsModel) -> int:
    """Stores the record and gives it to the job; the id of the record."""
    created = client.resource_requirements.create(requirements)
    record = JobModel(
        workflow_id=job.workflow_id, name=job.name, command=job.command, resource_requirements_id=created.id
    )
    client.jobs.update(job.id or 0, record)
    return created.id or 0


def _requirements_of(client: TorcClient, job: JobModel) -> ResourceRequirementsModel:
    if job.resource_requirements_id is None:
        return ResourceRequirementsModel(workflow_id=job.workflow_id, name=UNSPECIFIED_REQUIREMENT)
    return client.resource_requirements.get(job.resource_requirements_id)
