"""This runner's record on the server, and what runners before it on this machine left behind."""

import os
import select
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from runner.launcher import LEFTOVER_S, ORPHANED_LEAD_S
from runner.settings import Machine, RunnerOptions
from runner.tagging import kill_tagged, tag
from torc_client.http import TorcClient
from torc_client.recovery.orphans import find_orphans, host_facts, process_identity, take_back
from torc_core.api.jobs import TakenBackJob
from torc_core.api.nodes import ComputeNodeModel
from torc_core.errors import RunnerError
from torc_core.orphans import HostFacts
from torc_core.resources.duration import format_duration

_LAUNCHER_PID: Final = "launcher_pid"
_LAUNCHER_START: Final = "launcher_start_time"
_ENDING_S: Final = ORPHANED_LEAD_S + 2 * LEFTOVER_S


def register(
    client: TorcClient, workflow_id: int, *, machine: Machine, options: RunnerOptions, launcher_pid: int
) -> ComputeNodeModel:
    """The stored record of this runner. Its facts let others see later whether it still lives."""
    identity = process_identity(os.getpid())
    facts: dict[str, Any] = identity.as_scheduler_facts() if identity else {}
    launcher = process_identity(launcher_pid)
    if launcher is not None:
        facts |= {_LAUNCHER_PID: launcher.pid, _LAUNCHER_START: launcher.start_ticks}
    return client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow_id,
            hostname=host_facts().hostname,
            pid=os.getpid(),
            start_time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            num_cpus=machine.cpus,
            num_gpus=len(machine.gpus),
            num_nodes=1,
            memory_gb=machine.memory_gb,
            compute_node_type=options.node_type,
            is_active=True,
            time_limit=None if options.time_limit_s is None else format_duration(options.time_limit_s),
            scheduler_config_id=options.scheduler_config_id,
            scheduler=facts | dict(options.node_facts),
        )
    )


def deregister(client: TorcClient, node: ComputeNodeModel, *, duration_s: float) -> None:
    """Marks the runner inactive: it is given no jobs any more."""
    if node.id is not None:
        ended = node.model_copy(update={"is_active": False, "duration_seconds": duration_s})
        client.compute_nodes.update(node.id, ended)


def take_back_from_the_dead(client: TorcClient, workflow_id: int) -> list[TakenBackJob]:
    """Jobs of runners of this machine that died go back to the queue, once their processes are gone."""
    try:
        host = host_facts()
    except RunnerError:
        return []
    _await_ending_launchers(client, workflow_id, host)
    # nobody here can see whether jobs of a silent runner elsewhere still run: that is for a person to say
    plan = find_orphans(client, workflow_id, host=host, heartbeat_timeout_s=None)
    return [] if plan.is_empty else take_back(client, plan, requeue=True).jobs


def _await_ending_launchers(client: TorcClient, workflow_id: int, host: HostFacts) -> None:
    """A launcher whose runner died ends its jobs within seconds; until then their attempts still run.

    What is left then, because the launcher was killed too, is killed here.
    """
    deadline = time.monotonic() + _ENDING_S
    dead: set[str] = set()
    for node in client.compute_nodes.list_all(workflow_id=workflow_id):
        facts = node.scheduler if isinstance(node.scheduler, dict) else {}
        if node.hostname != host.hostname or facts.get("boot_id") != host.boot_id or _is_alive(node.pid, facts):
            continue
        pid, born = facts.get(_LAUNCHER_PID), facts.get(_LAUNCHER_START)
        if isinstance(pid, int):
            _await_end(pid, born, deadline)
        dead.add(tag(node.pid, facts.get("pid_start_time")))
    if dead:
        kill_tagged(dead)


def _is_alive(pid: int, facts: Mapping[str, Any]) -> bool:
    process = process_identity(pid)
    return process is not None and process.start_ticks == facts.get("pid_start_time")


def _await_end(pid: int, born: object, deadline: float) -> None:
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            process = process_identity(pid)
            if process is not None and process.start_ticks == born:
                select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        finally:
            os.close(handle)


def describe_taken_back(jobs: list[TakenBackJob]) -> str:
    """For the user: which jobs, and what became of them."""
    shown = ", ".join(f"{job.job_name} ({job.outcome})" for job in jobs[:5])
    more = f" and {len(jobs) - 5} more" if len(jobs) > 5 else ""
    return f"took back {len(jobs)} jobs of a runner that is gone: {shown}{more}"
