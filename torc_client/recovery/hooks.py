"""Runs the user's recovery hook, before jobs are reset."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from torc_core.errors import HookFailedError, InvalidInputError
from torc_core.recovery.defaults import HOOK_TIMEOUT_S
from torc_core.recovery.plan import RECOVERY_HOOK_VARIABLE

_INTERPRETERS: Final = frozenset({"bash", "sh", "dash", "zsh", "ksh", "python", "python3", "perl", "ruby", "Rscript"})
_LAST_LINES_S: Final = 2.0
_LONGEST_LINE: Final = 4000


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A command that can be started; `command` is as the user wrote it."""

    command: str
    argv: tuple[str, ...]
    timeout_s: float = HOOK_TIMEOUT_S


def find_hook(command: str, *, folder: Path, timeout_s: float = HOOK_TIMEOUT_S) -> Hook:
    """Split the command as a shell would, and find its program; one in `folder` needs no `./`.

    Raises InvalidInputError when it cannot be split, or when its program or script does not exist.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InvalidInputError(f"the recovery hook {command!r} cannot be read: {error}") from error
    if not words:
        raise InvalidInputError("the recovery hook is empty", hint='name a command, for example "bash fix.sh"')
    program = words[0]
    if "/" not in program and (folder / program).is_file():
        program = f"./{program}"
    found = shutil.which(program if "/" not in program else str(folder / program))
    if found is None:
        exists = "/" in program and (folder / program).exists()
        raise InvalidInputError(
            f"the recovery hook {command!r} cannot be started: {words[0]} "
            + ("is not executable" if exists else "does not exist"),
            hint=f"chmod +x {words[0]}, or write `bash {words[0]}`" if exists else None,
        )
    _check_script(command, words, folder)
    return Hook(command=command, argv=(program, *words[1:]), timeout_s=timeout_s)


def run_hook(hook: Hook, workflow_id: int, *, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Run the hook with the workflow's id behind its arguments; `say` gets its output line by line.

    Raises HookFailedError when it ends with anything but 0, or does not end in time; then it is killed.
    """
    try:
        process = subprocess.Popen(
            [*hook.argv, str(workflow_id)],
            env=_completed(environment, workflow_id),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise HookFailedError(f"recovery hook {hook.command!r} cannot be started: {error.strerror}") from error
    reader = threading.Thread(target=_relay, args=(process.stdout, say), daemon=True)
    reader.start()
    try:
        code = process.wait(hook.timeout_s)
    except subprocess.TimeoutExpired as error:
        raise HookFailedError(
            f"recovery hook {hook.command!r} did not end within {hook.timeout_s:g} seconds and was killed",
            hint="nothing was reset; give it longer with --hook-timeout",
            ids={"workflow_id": workflow_id},
        ) from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # a process that the hook left behind may hold the output open
        reader.join(_LAST_LINES_S)
    if code != 0:
        raise HookFailedError(
            f"Recovery hook {hook.command!r} failed with exit code {code if code >= 0 else 128 - code}",
            hint="nothing was reset; correct the hook and try again",
            ids={"workflow_id": workflow_id},
        )


def _check_script(command: str, words: list[str], folder: Path) -> None:
    """Raise InvalidInputError for a missing script: `bash fix.sh` would fail only after the diagnosis."""
    if Path(words[0]).name not in _INTERPRETERS or len(words) < 2 or words[1].startswith("-"):
        return
    if not (folder / words[1]).exists():
        raise InvalidInputError(f"the recovery hook {command!r} cannot be started: {words[1]} does not exist")


def _completed(environment: Mapping[str, str], workflow_id: int) -> dict[str, str]:
    own = {"TORC_WORKFLOW_ID": str(workflow_id), RECOVERY_HOOK_VARIABLE: "1"}
    path = environment.get("PATH", os.defpath)
    if shutil.which("torc", path=path) is None:
        # the torc that runs this is not on PATH, and hooks call it
        own["PATH"] = f"{path}{os.pathsep}{Path(sys.executable).parent}"
    return {**environment, **own}


def _relay(output: IO[str] | None, say: Callable[[str], None]) -> None:
    with suppress(ValueError, OSError):
        for line in output or ():
            say(f"  [hook] {line.rstrip()[:_LONGEST_LINE]}")
