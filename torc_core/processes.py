"""Identities of processes and of the machines they run on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """One process, also after its pid is used again: pid and start time (clock ticks since boot) together.

    `pid_namespace` is the namespace of the pid; a process of another namespace cannot be seen.
    """

    pid: int
    boot_id: str
    start_ticks: int
    pid_namespace: str

    def as_scheduler_facts(self, launcher: "ProcessIdentity | None" = None) -> dict[str, Any]:
        """Return what a local runner registers in `ComputeNodeModel.scheduler`; the launcher is what ends its jobs."""
        facts = {
            "type": "local",
            "boot_id": self.boot_id,
            "pid_start_time": self.start_ticks,
            "pid_namespace": self.pid_namespace,
        }
        if launcher is not None:
            facts |= {"launcher_pid": launcher.pid, "launcher_start_time": launcher.start_ticks}
        return facts

    @property
    def tag(self) -> str:
        """Return a name of this process that no later process of the machine has."""
        return process_tag(self.pid, self.start_ticks)


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """The machine that looks for orphans."""

    hostname: str
    boot_id: str
    booted_at: datetime
    pid_namespace: str


@dataclass(frozen=True, kw_only=True)
class DeadRunner:
    """A runner of this machine whose process is gone. What it started bears its `tag`; its launcher ends that."""

    tag: str
    launcher_pid: int | None = None
    launcher_start_ticks: int | None = None


def process_tag(pid: int, start_ticks: object) -> str:
    """Return what `ProcessIdentity.tag` is, from the facts that a runner registered."""
    return f"{pid}.{start_ticks}"
