"""Dynamic jobs: a running job adds jobs that wait for it."""

from typing import Any

from pydantic import Field

from torc_core.api.base import ApiModel
from torc_core.api.labels import Labels


class SpawnedJob(ApiModel):
    """One job to add. `depends_on` names jobs of the workflow or of the same request."""

    name: str
    command: str
    depends_on: list[str] | None = None
    cancel_on_blocking_job_failure: bool | None = None
    priority: int | None = Field(default=None, ge=0)
    labels: Labels | None = None
    resource_requirements: str | None = None
    """Name of requirements of the workflow; None means `default`."""


class SpawnJobsRequest(ApiModel):
    """The next generation of a lineage; without jobs only its final state is kept.

    `lineage` defaults to the name of the calling job.
    """

    jobs: list[SpawnedJob]
    lineage: str | None = None
    state: Any | None = None


class SpawnJobsResponse(ApiModel):
    """`iteration` counts the generations of the lineage."""

    iteration: int
    spawned_job_ids: list[int]
