"""Records that are kept for clients: Slurm statistics, remote workers, provenance, access groups."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator

from torc_core.api.base import ApiModel


class SlurmStatsModel(ApiModel):
    id: int | None = None
    workflow_id: int
    job_id: int
    run_id: int
    attempt_id: int
    slurm_job_id: str | None = None
    max_rss_bytes: int | None = None
    max_vm_size_bytes: int | None = None
    max_disk_read_bytes: int | None = None
    max_disk_write_bytes: int | None = None
    ave_cpu_seconds: float | None = None
    node_list: str | None = None


class SlurmJobCorrelation(ApiModel):
    job_id: int
    job_name: str
    slurm_job_id: str


class RemoteWorkerModel(ApiModel):
    workflow_id: int
    worker: str


def _object_as_text(metadata: dict[str, Any] | str) -> dict[str, Any] | str:
    if isinstance(metadata, str):
        try:
            value = json.loads(metadata)
        except ValueError as error:
            raise ValueError(f"metadata is text that is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise ValueError("metadata is JSON text that holds no object")
    return metadata


class RoCrateEntityModel(ApiModel):
    """An entity of an RO-Crate. Clients older than 0.33 write `metadata` as JSON text; it is answered as written."""

    id: int | None = None
    workflow_id: int
    entity_id: str
    entity_type: str
    metadata: Annotated[dict[str, Any] | str, AfterValidator(_object_as_text)]
    file_id: int | None = None


class DeletedEntities(ApiModel):
    deleted_count: int
    message: str
