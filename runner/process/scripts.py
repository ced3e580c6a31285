"""Recovery scripts and commands of actions: processes that are no jobs and hold no resources of their own."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from runner.process.launcher import Ended, Launcher, Unstartable

STOP_LEAD_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """`failure` is empty after success, else one clause for the user."""

    failure: str = ""
    was_stopped: bool = False
    """It was cut short and decided nothing: the runner was leaving."""
    was_lost: bool = False
    """Its end is unknown: the launcher was killed."""
    return_code: int | None = None


@dataclass(slots=True)
class _Running:
    on_end: Callable[[ScriptEnd], None]
    deadline: float | None
    timeout_s: float | None
    is_late: bool = False
    is_stopped: bool = False


class Scripts:
    """Runs command lines through the launcher and calls back, in the loop's thread, when they ended."""

    def __init__(self, keys: Iterator[int]) -> None:
        self._keys = keys
        self._running: dict[int, _Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def run(
        self,
        launcher: Launcher,
        line: str,
        *,
        env: Mapping[str, str],
        log: str,
        timeout_s: float | None,
        on_end: Callable[[ScriptEnd], None],
    ) -> None:
        """Start the command line; both outputs go to `log`."""
        key = next(self._keys)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._running[key] = _Running(on_end, deadline, timeout_s)
        launcher.run(key, line, env=env, stdout=log, stderr=log)

    def handle(self, event: Ended | Unstartable) -> None:
        """Call back for an event of a script; other keys are ignored."""
        script = self._running.pop(event.key, None)
        if script is None:
            return
        match event:
            case Unstartable():
                end = ScriptEnd(f"could not start: {event.error}")
            case Ended() if script.is_late:
                end = ScriptEnd(f"ran longer than its limit of {script.timeout_s:g} s")
            case Ended(exit_code=0):
                end = ScriptEnd(return_code=0)
            case Ended(exit_code=code) if code < 0:
                failure = f"was ended by {_signal_name(-code)}"
                end = ScriptEnd(failure, was_stopped=script.is_stopped, return_code=128 - code)
            case Ended(exit_code=126):
                end = ScriptEnd("exited with 126: not executable (chmod +x)", return_code=126)
            case Ended(exit_code=127):
                end = ScriptEnd(
                    "exited with 127: a command was not found (paths count from the runner's working directory)",
                    return_code=127,
                )
            case Ended(exit_code=code):
                end = ScriptEnd(f"exited with {code}", was_stopped=script.is_stopped, return_code=code)
            case unreachable:
                assert_never(unreachable)
        script.on_end(end)

    def enforce_limits(self, launcher: Launcher, now: float) -> None:
        for key, script in self._running.items():
            if script.deadline is not None and now >= script.deadline and not script.is_late:
                script.is_late = True
                launcher.stop(key, signal.SIGTERM, lead_s=STOP_LEAD_S)

    def next_deadline(self) -> float | None:
        return min((s.deadline for s in self._running.values() if s.deadline and not s.is_late), default=None)

    def stop_all(self, launcher: Launcher, signum: int, lead_s: float) -> None:
        for key, script in self._running.items():
            script.is_stopped = True
            launcher.stop(key, signum, lead_s=lead_s)

    def lose_all(self) -> None:
        """Call back for every script: the launcher is gone, and the scripts with it."""
        lost, self._running = self._running, {}
        for script in lost.values():
            script.on_end(ScriptEnd("was lost with the launcher process", was_lost=True))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
