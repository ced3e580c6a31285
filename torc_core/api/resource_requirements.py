"""Resource requirements: what a job needs."""

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
