"""Runners (compute nodes) and the allocations they may run in."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from torc_core.api.base import MAX_KEY_CHARS, ApiModel
from torc_core.api.labels import Labels


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no point in time: write it like 2030-01-31T18:00:00Z") from error
    return text if moment.tzinfo else moment.replace(tzinfo=UTC).isoformat()


Moment = Annotated[str, AfterValidator(_moment)]
"""RFC 3339; without an offset it is UTC."""


class ComputeNodeModel(ApiModel):
    """One runner process on one machine."""

    id: int | None = None
    workflow_id: int
    hostname: str
    pid: int
    start_time: str
    num_cpus: int
    num_gpus: int
    num_nodes: int
    memory_gb: float
    compute_node_type: str
    is_active: bool | None = None
    duration_seconds: float | None = None
    time_limit: str | None = None
    end_time: Moment | None = None
    """When the runner will end, RFC 3339; None: no limit is known."""
    labels: Labels | None = None
    """Which jobs with labels the runner takes: those that need no others."""
    scheduler_config_id: int | None = None
    scheduler: Any | None = None
    """Facts of the scheduler; for local runners `boot_id` and `pid_start_time`, as a pid alone may be reused."""
    peak_memory_bytes: int | None = None
    avg_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None
    sample_count: int | None = None
    last_heartbeat: str | None = None
    heartbeat_age_s: float | None = None
    """By the server's own clock, and never longer than the server listens: clocks and outages lose no runner."""
    registration: str | None = Field(default=None, max_length=MAX_KEY_CHARS)
    """Chosen by the runner: the same registration again creates no second record, and is answered with the first."""


class Heartbeat(ApiModel):
    """The server's answer to a heartbeat."""

    compute_node_id: int
    heard_at: str


class ScheduledComputeNodeModel(ApiModel):
    """One allocation asked of a scheduler; `scheduler_id` is the scheduler's own job id.

    The record of an array (`array` is its `--array`, as `0-9%4`) is pending while tasks of it may still begin; each
    task that began has a record of its own. A status never goes back to pending.
    """

    id: int | None = None
    workflow_id: int
    scheduler_id: int
    scheduler_config_id: int
    scheduler_type: str
    status: str
    cluster: str | None = None
    """The cluster that was asked: its id means nothing elsewhere. None where a client did not name it."""
    array: str | None = None
    array_record_id: int | None = None
    """Of a task of an array: the record of the array."""
    submission: str | None = None
    """Chosen by the client: the same submission again creates no second record, and is answered with the first."""
