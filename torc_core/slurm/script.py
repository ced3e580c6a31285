"""Batch scripts: the text that sbatch gets, which ends in the runner."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from torc_core.errors import InvalidInputError
from torc_core.slurm.quantities import parse_slurm_walltime

RUNNER_PROGRAM: Final = "torc-slurm-job-runner"
WARNING_S: Final = 120
"""The runner gets USR2 so long before the end: time to stop the jobs and to report them."""
_SHORTEST_WARNED_S: Final = 240
"""Slurm may warn a minute early, and at once where less is left: USR2 kills a runner that does not catch it yet."""
_PLAIN_OPTION: Final = re.compile(r"[\w@%+=:,./\[\]{}^~*-]+", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MEMORY_VARIABLES: Final = "SLURM_MEM_PER_CPU SLURM_MEM_PER_GPU"
_STAGGERED_FROM: Final = 10
"""Fewer runners are too few to keep the server busy when all begin at the same moment."""
_SECONDS_EACH: Final = 0.5
"""By which the window grows in which they begin, up to the longest: an allocation is paid for while it waits."""
_LONGEST_STAGGER_S: Final = 60


@dataclass(frozen=True, kw_only=True)
class BatchScript:
    """A script for one allocation, or for each task of an array.

    `options` are words of sbatch: `--account=proj`. `folder` is where jobs start: their relative paths count from it.
    `environment` holds no secrets: scripts can be read by others.
    """

    workflow_id: int
    url: str
    runner: str
    """Path of the runner's program: a batch job has no PATH of ours."""
    output_dir: Path
    folder: Path
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """Further words for the runner."""
    environment: Mapping[str, str] = field(default_factory=dict)
    runner_on_each_node: bool = False
    mpi: str | None = None
    """Value of `--mpi` of the srun that starts a runner on each node."""
    starts: int = 1
    """How many runners may begin at the same moment; many are spread over some seconds."""

    def file_name(self, key: str) -> str:
        return f"slurm_script_{key}.sh"

    def render(self, key: str) -> str:
        """Return the text of the script under the key, as name and as comment.

        Raises InvalidInputError for an option or a path that no line of a script can hold.
        """
        output = str(self.output_dir / f"slurm_output_wf{self.workflow_id}_sl").replace("%", "%%")
        own = (
            # A requeued allocation would begin anew under the id that its runner has reported the end of.
            "--no-requeue",
            *([] if self._is_short() else [f"--signal=B:USR2@{WARNING_S}"]),
            f"--chdir={self.folder}",
            f"--output={output}%j.o",
            f"--error={output}%j.e",
        )
        lines = [
            "#!/bin/bash",
            *(_directive(word) for word in (f"--job-name={key}", f"--comment={key}", *self.options, *own)),
            f"# Runs jobs of workflow {self.workflow_id}. Torc finds this allocation again by its name.",
            *(f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()),
            *self._command(),
        ]
        return "\n".join(lines) + "\n"

    def _is_short(self) -> bool:
        """Return whether the warning would come while the runner starts."""
        times = [word.removeprefix("--time=") for word in self.options if word.startswith("--time=")]
        walltime_s = parse_slurm_walltime(times[-1]) if times else None
        return walltime_s is not None and walltime_s <= _SHORTEST_WARNED_S

    def _command(self) -> list[str]:
        words = [self.runner, self.url, str(self.workflow_id), str(self.output_dir), *self.arguments]
        if not self.runner_on_each_node:
            # exec: Slurm signals the process of the script alone, and a shell would not hand signals on.
            return [f"exec {shlex.join(words)}{self._delay()}"]
        # --wait=0 and --kill-on-bad-exit=0: a runner that leaves first takes no other with it.
        srun = ["srun", "--ntasks-per-node=1", "--wait=0", "--kill-on-bad-exit=0", "--export=ALL"]
        srun += [] if self.mpi is None else [f"--mpi={self.mpi}"]
        return [f"unset {_MEMORY_VARIABLES}", f"exec {shlex.join([*srun, *words])}{self._delay()}"]

    def _delay(self) -> str:
        """Return the option by which runners that may begin at the same moment ask the server one after the other."""
        if self.starts < _STAGGERED_FROM:
            return ""
        window_s = min(int(self.starts * _SECONDS_EACH), _LONGEST_STAGGER_S)
        return f" --startup-delay-seconds=$((RANDOM % {window_s}))"


def _directive(word: str) -> str:
    if _CONTROL.search(word):
        raise InvalidInputError(
            f"{word!r} cannot stand in a batch script", hint="options of sbatch and paths are single lines"
        )
    if _PLAIN_OPTION.fullmatch(word):
        return f"#SBATCH {word}"
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'#SBATCH "{escaped}"'
