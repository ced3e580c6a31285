"""Records that are kept for clients: Slurm statistics, remote workers, provenance, access groups."""

from typing import Any

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


class RoCrateEntityModel(ApiModel):
    id: int | None = None
    workflow_id: int
    entity_id: str
    entity_type: str
    metadata: dict[str, Any]
    file_id: int | None = None


class DeletedEntities(ApiModel):
    deleted_count: int
    message: str
