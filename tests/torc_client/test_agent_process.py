"""Everything that an agent started ends with it, whatever it does to hide."""

import os
import subprocess
from pathlib import Path

import pytest
from helpers import wait_until

from torc_client.agents.output import AgentOutput
from torc_client.agents.process import run_to_end


def _run(folder: Path, script: str, *, timeout_s: float = 60.0) -> int:
    ended = run_to_end(
        ["sh", "-c", script],
        folder=folder,
        environment=dict(os.environ),
        timeout_s=timeout_s,
        grace_s=0.5,
        output=AgentOutput(lambda _: None, max_lines=10, line_chars=100),
    )
    return ended.code


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    "hidden",
    [
        "(setsid env -i sh -c 'echo $$ > pid; exec sleep 778' &)",
        "(setsid env -i sh -c '(setsid sh -c \"echo \\$\\$ > pid; exec sleep 778\" &)' &)",
        "(setsid sh -c 'trap \"\" TERM HUP; echo $$ > pid; while :; do sleep 1; done' &)",
        "sh -c 'echo $$ > pid; exec sleep 778' &",
    ],
    ids=["without its environment", "twice", "deaf", "in the background"],
)
def test_what_an_agent_started_ends_with_it(tmp_path: Path, hidden: str) -> None:
    code = _run(tmp_path, f"{hidden}\nuntil test -s pid; do sleep 0.1; done; exit 3")
    assert code == 3
    assert not _is_alive(int((tmp_path / "pid").read_text()))


def test_other_children_of_the_same_process_go_on(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "778"], start_new_session=True) as other:
        try:
            assert _run(tmp_path, "exit 0") == 0
            assert other.poll() is None
        finally:
            other.kill()


def test_no_ended_process_is_left_behind(tmp_path: Path) -> None:
    _run(tmp_path, "(setsid env -i sh -c 'echo $$ > pid; exec sleep 778' &)\nuntil test -s pid; do sleep 0.1; done")
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the process is gone, not even a zombie")
