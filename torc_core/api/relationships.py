"""Dependencies between jobs, and the files and user data that they come from."""

from torc_core.api.base import ApiModel


class JobDependency(ApiModel):
    workflow_id: int
    job_id: int
    job_name: str
    depends_on_job_id: int
    depends_on_job_name: str


class JobFileRelationship(ApiModel):
    workflow_id: int
    file_id: int
    file_name: str
    file_path: str
    producer_job_id: int | None = None
    producer_job_name: str | None = None
    consumer_job_id: int | None = None
    consumer_job_name: str | None = None


class JobUserDataRelationship(ApiModel):
    workflow_id: int
    user_data_id: int
    user_data_name: str
    producer_job_id: int | None = None
    producer_job_name: str | None = None
    consumer_job_id: int | None = None
    consumer_job_name: str | None = None
