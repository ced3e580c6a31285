"""Runs the scheduler's programs: with a time limit, and again with growing pauses while the scheduler is away."""

import logging
import os
import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torc_core.credentials import SECRET_VARIABLES
from torc_core.errors import SchedulerError, SchedulerUnreachableError
from torc_core.slurm.submission import complaint, is_away

_LOG: Final = logging.getLogger("torc.slurm")
_DROPPED_PREFIXES: Final = ("SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SINFO_", "SCANCEL_", "SCONTROL_")
_KEPT: Final = frozenset({"SLURM_CONF", "SLURM_CLUSTERS", "SBATCH_RESERVATION", "SBATCH_CONSTRAINT"})
"""The others change formats and filters, win over the lines of a script, or describe the allocation that this process
runs in, not the new one."""


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Pauses between tries: doubled each time, up to the longest, each between half and one and a half of it."""

    tries: int = 6
    first_pause_s: float = 2.0
    longest_pause_s: float = 60.0

    def pause_s(self, failures: int, jitter: float) -> float:
        """Return the pause after so many failures; `jitter` is from 0 to 1, so that watchers do not ask together."""
        pause_s: float = min(self.first_pause_s * 2 ** (failures - 1), self.longest_pause_s)
        return pause_s * (0.5 + jitter)


@dataclass(frozen=True, kw_only=True)
class ProgramOutput:
    """The output of a program, and its exit code."""

    return_code: int
    stdout: str
    stderr: str


class SlurmPrograms:
    """The programs on PATH. `pause` and `jitter` are arguments for tests."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 90.0,
        backoff: Backoff = Backoff(),
        pause: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.backoff = backoff
        self._environment = clean_environment(os.environ if environment is None else environment)
        self._timeout_s = timeout_s
        self._pause = pause
        self._jitter = jitter

    def run_once(self, words: Sequence[str]) -> ProgramOutput:
        """Run a program to its end.

        Raises SchedulerUnreachableError when the scheduler or the program does not answer in time, SchedulerError when
        the program cannot be started.
        """
        try:
            ended = subprocess.run(
                words,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._timeout_s,
                check=False,
            )
        except KeyboardInterrupt:
            _LOG.warning("Interrupted while %s waited for an answer of Slurm", words[0])
            raise
        except subprocess.TimeoutExpired as error:
            raise SchedulerUnreachableError(
                f"{words[0]} did not end within {self._timeout_s:g} seconds", hint="is the scheduler up?"
            ) from error
        except OSError as error:
            raise SchedulerError(
                f"{words[0]} cannot be started: {error.strerror}", hint="is Slurm installed?"
            ) from error
        if ended.returncode != 0 and is_away(ended.stderr):
            raise SchedulerUnreachableError(f"{words[0]}: {complaint(ended.stderr)}", hint="is the scheduler up?")
        return ProgramOutput(return_code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)

    def run(self, words: Sequence[str]) -> ProgramOutput:
        """Run a program that may be repeated, again while the scheduler is away. Raises as `run_once`."""
        failures = 0
        while True:
            try:
                return self.run_once(words)
            except SchedulerUnreachableError:
                failures += 1
                if failures >= self.backoff.tries:
                    raise
            self.wait(failures)

    def wait(self, failures: int) -> None:
        """Pause after so many failures in a row, and say so: a stopped controller costs minutes."""
        pause_s = self.backoff.pause_s(failures, self._jitter())
        left = self.backoff.tries - failures
        _LOG.warning("Slurm does not answer; trying again in %.0f s, at most %d more time(s)", pause_s, left)
        try:
            self._pause(pause_s)
        except KeyboardInterrupt:
            _LOG.warning("Interrupted: Slurm has not answered")
            raise


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without variables that change what the programs print or what is submitted.

    Without secrets, too: sbatch hands its environment on, and Slurm may store it where others can look.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _KEPT or not (name in SECRET_VARIABLES or name.startswith(_DROPPED_PREFIXES))
    }
    return {**kept, "LC_ALL": "C.UTF-8"}
