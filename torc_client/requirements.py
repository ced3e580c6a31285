"""Changes the resource requirements of one job alone: jobs that share its record keep theirs."""

from typing import Final

from torc_client.http import TorcClient
from torc_core.api.jobs import JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.recovery.clone_name import clone_name
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory

NO_LIMITS: Final = {"memory": "0", "runtime": "PT0S"}
"""Fields that a record of its own leaves open: the placeholders of the unspecified one would become limits there."""


def plan_own_requirements(
    client: TorcClient,
    job: JobModel,
    *,
    memory: str | None = None,
    runtime: str | None = None,
    num_cpus: int | None = None,
) -> tuple[ResourceRequirementsModel, ResourceRequirementsModel]:
    """Return the job's requirements and the new ones; change nothing. Raises InvalidInputError for a wrong amount."""
    if memory is not None:
        parse_memory(memory)
    if runtime is not None:
        parse_duration(runtime)
    old = _requirements_of(client, job)
    given = {"memory": memory, "runtime": runtime, "num_cpus": num_cpus}
    changed = {key: value for key, value in given.items() if value is not None}
    open_ = NO_LIMITS if old.name == UNSPECIFIED_REQUIREMENT else {}
    name = clone_name(old.name, memory=memory, runtime=runtime)
    return old, old.model_copy(
        update={"id": None, "name": name if name != old.name else f"{name}_own", **open_, **changed}
    )


def give_own_requirements(client: TorcClient, job: JobModel, requirements: ResourceRequirementsModel) -> int:
    """Store the record, assign it to the job and return its id."""
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
