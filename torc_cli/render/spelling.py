"""Commands of torc as they must be typed to reach the same server and the same logs."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from torc_core.hints import TorcCommand

WITH_OUTPUT_DIR: Final = frozenset(
    {
        "actions logs",
        "exec",
        "jobs logs",
        "logs analyze",
        "logs bundle",
        "monitor-node",
        "reconcile",
        "recover",
        "reports results",
        "run",
        "slurm schedule-nodes",
        "slurm parse-logs",
        "slurm regenerate",
        "slurm sacct",
        "submit",
        "submit-slurm",
        "watch",
        "workflows run",
        "workflows submit",
        "workflows sync-status",
    }
)
"""Commands whose -o names the folder of the logs."""
WITHOUT_SERVER: Final = frozenset({"agents", "completions", "config", "examples", "mcp", "monitor-node", "spec"})
"""Commands that ask no server: no option names one."""


class Spelling:
    """Spells commands with the global options that the user typed.

    `output_dir` is what the user typed behind -o, None where nothing was typed.
    """

    def __init__(self, options: Sequence[str], output_dir: Path | None = None) -> None:
        self._options = options
        self._output_dir = output_dir

    def __call__(self, command: TorcCommand) -> str:
        """Return the command line."""
        name = command.name.split()
        options = [] if name[0] in WITHOUT_SERVER else self._options
        has_place = self._output_dir is not None and command.name in WITH_OUTPUT_DIR
        place = ["-o", str(self._output_dir)] if has_place else []
        return shlex.join(["torc", *options, *name, *place, *command.arguments])
