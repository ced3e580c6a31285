"""Resource requirements: what a job needs, and requirements for groups of jobs."""

from pydantic import Field

from torc_core.api.base import ApiModel


class ResourceRequirementsModel(ApiModel):
    """A named requirement. `memory` like `8g` (binary units), `runtime` an ISO 8601 duration.

    `num_cpus` of a new one is at least 1; an older server stored 0, too.
    """

    id: int | None = None
    workflow_id: int
    name: str
    num_cpus: int = Field(default=1, ge=0)
    num_gpus: int = Field(default=0, ge=0)
    num_nodes: int = Field(default=1, ge=1)
    memory: str = "1m"
    runtime: str = "PT1M"


class ResourceGroup(ApiModel):
    """Jobs that are to need the same. `memory` like `8g`, `runtime` an ISO 8601 duration; a name is made if need be."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    memory: str
    num_cpus: int = Field(ge=1)
    runtime: str
    num_gpus: int = Field(default=0, ge=0)
    num_nodes: int = Field(default=1, ge=1)
    job_ids: list[int] = Field(min_length=1)


class RegroupRequest(ApiModel):
    """The groups; jobs that none of them names keep their resource requirement."""

    groups: list[ResourceGroup] = Field(min_length=1, max_length=1_000)


class RegroupedJobs(ApiModel):
    """One group as it is now, or would be: `resource_requirements_id` is null where nothing was changed.

    `before` counts its jobs by the name of the resource requirement that they had.
    """

    name: str
    resource_requirements_id: int | None = None
    memory: str
    num_cpus: int
    runtime: str
    num_gpus: int
    num_nodes: int
    job_count: int
    before: dict[str, int]


class RegroupResponse(ApiModel):
    workflow_id: int
    total_jobs: int
    groups: list[RegroupedJobs]
