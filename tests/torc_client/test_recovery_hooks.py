"""Recovery hooks: found before anything is done, run without a shell, bounded, heard."""

import os
import stat
from pathlib import Path

import pytest
from helpers import wait_until

from torc_client.processes import process_identity
from torc_client.recovery.hooks import Hook, find_hook, run_hook
from torc_core.errors import HookFailedError, InvalidInputError


def script(folder: Path, text: str, *, name: str = "fix.sh", executable: bool = True) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    if executable:
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def printed_by(hook: Hook, **environment: str) -> list[str]:
    lines: list[str] = []
    run_hook(hook, 42, environment={**os.environ, **environment}, say=lines.append)
    return lines


def test_the_workflow_comes_as_last_argument_and_in_the_environment(tmp_path: Path) -> None:
    path = script(tmp_path, 'echo "$# $1 $2 $TORC_WORKFLOW_ID $TORC_RUN_ID"')
    hook = find_hook(f"bash {path} --deep", folder=tmp_path)
    assert printed_by(hook, TORC_RUN_ID="3") == ["  [hook] 2 --deep 42 42 3"]


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    script(tmp_path, 'printf "%s|" "$@"; echo')
    hook = find_hook("bash " + str(tmp_path / "fix.sh") + " 'two words' '$HOME;' '*'", folder=tmp_path)
    assert printed_by(hook) == ["  [hook] two words|$HOME;|*|42|"]


def test_a_program_of_the_folder_needs_no_dot_and_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "echo here")
    monkeypatch.chdir(tmp_path)
    assert find_hook("fix.sh", folder=tmp_path).argv == ("./fix.sh",)
    assert printed_by(find_hook("fix.sh", folder=tmp_path)) == ["  [hook] here"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("no-such-program-anywhere", "does not exist"),
        ("./missing.sh", "does not exist"),
        ("bash missing.sh", "missing.sh does not exist"),
        ("plain.sh", "is not executable"),
        ("bash 'unclosed", "cannot be read"),
        ("   ", "is empty"),
    ],
)
def test_a_hook_that_cannot_start_is_refused_beforehand(tmp_path: Path, command: str, problem: str) -> None:
    script(tmp_path, "true", name="plain.sh", executable=False)
    with pytest.raises(InvalidInputError, match=problem):
        find_hook(command, folder=tmp_path)


def test_the_exit_code_of_a_failing_hook_is_reported(tmp_path: Path) -> None:
    path = script(tmp_path, "echo half done; exit 3")
    lines: list[str] = []
    with pytest.raises(HookFailedError, match="failed with exit code 3"):
        run_hook(find_hook(str(path), folder=tmp_path), 42, environment=os.environ, say=lines.append)
    assert lines == ["  [hook] half done"]


def test_a_hook_killed_by_a_signal_failed(tmp_path: Path) -> None:
    path = script(tmp_path, "kill -9 $$")
    with pytest.raises(HookFailedError, match="exit code 137"):
        run_hook(find_hook(str(path), folder=tmp_path), 42, environment=os.environ, say=lambda _: None)


def test_a_hook_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    path = script(tmp_path, f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    hook = find_hook(str(path), folder=tmp_path, timeout_s=0.5)
    with pytest.raises(HookFailedError, match=r"did not end within 0\.5 seconds"):
        run_hook(hook, 42, environment=os.environ, say=lambda _: None)
    child = int((tmp_path / "pid").read_text())
    wait_until(lambda: process_identity(child) is None, "the hook's child is gone")


def test_what_a_hook_leaves_running_does_not_hold_the_recovery_up(tmp_path: Path) -> None:
    path = script(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; echo started")
    assert printed_by(find_hook(str(path), folder=tmp_path)) == ["  [hook] started"]
    left = int((tmp_path / "pid").read_text())
    assert process_identity(left) is not None
    os.kill(left, 9)


def test_output_comes_line_by_line_while_the_hook_runs(tmp_path: Path) -> None:
    path = script(tmp_path, f"echo first; until [ -e {tmp_path}/heard ]; do sleep 0.01; done; echo second")
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        (tmp_path / "heard").touch()

    run_hook(find_hook(str(path), folder=tmp_path, timeout_s=20), 42, environment=os.environ, say=hear)
    assert lines == ["  [hook] first", "  [hook] second"]


def test_torc_is_found_from_within_a_hook(tmp_path: Path) -> None:
    path = script(tmp_path, "command -v torc >/dev/null && echo found")
    hook = find_hook(f"/bin/bash {path}", folder=tmp_path)
    assert printed_by(hook, PATH="/usr/bin:/bin") == ["  [hook] found"]
