"""A mark in the environment of every process of a runner's jobs, so that they are found when their parents are gone."""

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from torc_client.recovery.orphans import process_identity

RUNNER_VARIABLE: Final = "TORC_RUNNER"


def tag(pid: int, start_ticks: object) -> str:
    """Names one runner process of this machine for ever."""
    return f"{pid}.{start_ticks}"


def own_tag() -> str:
    """Of this process; it does not carry the tag itself."""
    identity = process_identity(os.getpid())
    return tag(os.getpid(), identity.start_ticks if identity else 0)


def kill_tagged(tags: Collection[str]) -> None:
    """SIGKILL to every process of this user that carries one of the tags."""
    marks = [f"\0{RUNNER_VARIABLE}={name}\0".encode() for name in tags]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                environment = b"\0" + (entry / "environ").read_bytes() + b"\0"
                if any(mark in environment for mark in marks):
                    os.kill(int(entry.name), signal.SIGKILL)
