"""The program that batch scripts start, where it cannot work."""

import os
import subprocess
import sys

import pytest

PROGRAM = [sys.executable, "-m", "torc_cli.slurm_job_runner"]
NOWHERE = "http://127.0.0.1:9"


def call(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")} | environment
    return subprocess.run([*PROGRAM, *words], env=env, capture_output=True, text=True, check=False)


def test_outside_of_an_allocation_it_names_the_command_for_other_machines() -> None:
    ended = call(NOWHERE, "3", "output")
    assert ended.returncode == 2
    assert "SLURM_JOB_ID is not set" in ended.stderr
    assert "run 3" in ended.stderr


def test_without_a_server_it_ends_with_an_error() -> None:
    ended = call(NOWHERE, "3", "output", "--wait-for-server", "0", SLURM_JOB_ID="7")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert NOWHERE in ended.stderr


@pytest.mark.parametrize("words", [("a",), (NOWHERE, "three", "output"), (NOWHERE, "3", "output", "--frob")])
def test_wrong_words_are_wrong_usage(words: tuple[str, ...]) -> None:
    assert call(*words, SLURM_JOB_ID="7").returncode == 2
