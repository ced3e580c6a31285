"""The environment variables that Slurm sets for a process, and the facts that a runner registers from them."""

from collections.abc import Mapping
from typing import Any, Final

from torc_core.evidence.record import SchedulerFacts

ALLOCATION_VARIABLE: Final = "SLURM_JOB_ID"
GPU_VARIABLES: Final = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
"""Comma-separated GPUs that the step, else the allocation, was given."""

_ALLOCATION_FACT: Final = "slurm_job_id"
_CLUSTER_FACT: Final = "cluster"


def read_scheduler_facts(env: Mapping[str, str]) -> SchedulerFacts | None:
    """Return the allocation that a process with this environment runs in, None outside of one."""
    job_id = env.get(ALLOCATION_VARIABLE)
    return SchedulerFacts(type="slurm", job_id=job_id) if job_id else None


def registered_allocation(scheduler: Any) -> str | None:
    """Return the allocation's id out of the `scheduler` field of a runner's record; clients write it as they like."""
    value = scheduler.get(_ALLOCATION_FACT) if isinstance(scheduler, dict) else None
    return None if value is None else str(value)


def registered_cluster(scheduler: Any) -> str | None:
    """Return the cluster of `registered_allocation`; None where the runner did not name one."""
    value = scheduler.get(_CLUSTER_FACT) if isinstance(scheduler, dict) else None
    return None if value is None else str(value)
