"""This runner's record on the server, and the orphans of earlier runners of this machine."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from runner.base.settings import Machine, RunnerOptions
from torc_client.http import TorcClient
from torc_client.logs.attempt_logs import OUTPUT_DIR_FACT
from torc_client.processes import end_leftover_processes, host_facts, process_identity
from torc_client.recovery.allocations import find_allocations
from torc_client.recovery.orphans import find_orphans, reclaim
from torc_core.api.jobs import ReclaimedJob
from torc_core.api.nodes import ComputeNodeModel
from torc_core.errors import RunnerError, SchedulerError
from torc_core.processes import HostFacts
from torc_core.recovery.orphans import dead_runner
from torc_core.resources.duration import format_duration
from torc_core.slurm.allocation import AllocationEnd
from torc_core.times import rfc3339

_SILENT_S: Final = 90.0
"""Two heartbeats are missing: its allocation may have ended."""


def register(
    client: TorcClient, workflow_id: int, *, machine: Machine, options: RunnerOptions, launcher_pid: int
) -> ComputeNodeModel:
    """Create and return the record of this runner. Its facts let others see later whether it still lives.

    The request may be repeated: its key is this call's own.
    """
    identity = process_identity(os.getpid())
    facts = identity.as_scheduler_facts(launcher=process_identity(launcher_pid)) if identity else {}
    return client.register_runner(
        ComputeNodeModel(
            workflow_id=workflow_id,
            hostname=host_facts().hostname,
            pid=os.getpid(),
            start_time=rfc3339(datetime.now(UTC)),
            num_cpus=machine.cpus,
            num_gpus=len(machine.gpus),
            num_nodes=machine.node_count,
            memory_gb=machine.memory_gb,
            compute_node_type=options.node_type,
            is_active=True,
            registration=uuid4().hex,
            time_limit=None if options.time_limit_s is None else format_duration(options.time_limit_s),
            end_time=_end_time(options),
            labels=list(options.labels) or None,
            scheduler_config_id=options.scheduler_config_id,
            scheduler=facts | {OUTPUT_DIR_FACT: str(options.output_dir.absolute())} | dict(options.node_facts),
        )
    )


def _end_time(options: RunnerOptions) -> str | None:
    """Return when the runner will end at the latest; None without a limit."""
    ends = [] if options.end_time is None else [options.end_time]
    if options.time_limit_s is not None:
        ends.append(datetime.now(UTC) + timedelta(seconds=options.time_limit_s))
    return rfc3339(min(ends)) if ends else None


def own_tag() -> str:
    """Return the tag in the environment of this runner's jobs; this process itself does not bear it."""
    identity = process_identity(os.getpid())
    return identity.tag if identity else str(os.getpid())


def deregister(client: TorcClient, node: ComputeNodeModel, *, duration_s: float) -> None:
    """Mark the runner inactive: it is given no more jobs."""
    if node.id is not None:
        ended = node.model_copy(update={"is_active": False, "duration_seconds": duration_s})
        client.compute_nodes.update(node.id, ended)


def reclaim_orphans(client: TorcClient, workflow_id: int) -> list[ReclaimedJob]:
    """Reclaim the jobs of runners of this machine that are dead, once the processes of those jobs are gone, and of
    those whose allocation has ended.
    """
    try:
        host = host_facts()
    except RunnerError:
        return []
    _end_remains(client, workflow_id, host)
    # jobs of a silent runner on another machine may still run, which cannot be seen here: a person must say so,
    # or the scheduler that its allocation has ended
    ended = _ended_allocations(client, workflow_id)
    plan = find_orphans(client, workflow_id, host=host, ended_allocations=ended, heartbeat_timeout_s=None)
    return [] if plan.is_empty else reclaim(client, plan, requeue=True).jobs


def _ended_allocations(client: TorcClient, workflow_id: int) -> Mapping[int, AllocationEnd]:
    """Return the ends of allocations whose runners are silent. Best effort: this runner can begin without them.

    Thousands of runners may begin at the same time: without a silent one, none of them asks the scheduler.
    """
    try:
        found = find_allocations(os.environ, tries=1)
        return found.ended(client, workflow_id, silent_s=_SILENT_S)
    except SchedulerError:
        return {}


def _end_remains(client: TorcClient, workflow_id: int, host: HostFacts) -> None:
    """Kill processes of dead runners' jobs, also where the jobs were reclaimed already: they may still run here."""
    nodes = [node for node in client.compute_nodes.list_all(workflow_id=workflow_id) if node.hostname == host.hostname]
    seen = (dead_runner(node, host=host, process=process_identity(node.pid)) for node in nodes)
    end_leftover_processes([runner for runner in seen if runner is not None])


def describe_reclaimed(jobs: list[ReclaimedJob]) -> str:
    """Return a message for the user: which jobs were reclaimed, and their status now."""
    shown = ", ".join(f"{job.job_name} ({job.outcome})" for job in jobs[:5])
    more = f" and {len(jobs) - 5} more" if len(jobs) > 5 else ""
    return f"reclaimed {len(jobs)} jobs of a runner that is gone: {shown}{more}"
