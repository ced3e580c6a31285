"""Writes the systemd unit that runs a server as a service."""

import sys
from collections.abc import Sequence
from pathlib import Path


def service_unit(options: Sequence[str], *, folder: Path, is_system: bool, user: str) -> str:
    """Return the text of a unit that runs `torc-server run OPTIONS` in `folder`, for the user or for the machine."""
    # -P: what lies in the folder must not be imported in place of the standard library
    words = [sys.executable, "-P", "-m", "torc_server.main", "run", *options]
    lines = [
        "[Unit]",
        "Description=Torc, a server of workflows",
        "After=network.target",
        "",
        "[Service]",
        "Type=exec",
        f"WorkingDirectory={_escaped(str(folder))}",
        f"ExecStart={' '.join(map(_word, words))}",
        *([f"User={user}"] if is_system else []),
        "Restart=on-failure",
        "RestartSec=5",
        "# 0 is the exit code of a server that was stopped; open requests get a second, a snapshot may take longer",
        "TimeoutStopSec=60",
        "UMask=0077",
        "",
        "[Install]",
        f"WantedBy={'multi-user' if is_system else 'default'}.target",
    ]
    return "\n".join(lines) + "\n"


def _word(text: str) -> str:
    """Return one word of a command line of systemd, which knows quotes, and fills in `%x` and `$x`."""
    escaped = _escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return escaped if escaped and not set(escaped) & set(" \t'\";") else f'"{escaped}"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
