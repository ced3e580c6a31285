"""The launcher process, with real jobs."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import wait_until
from running import is_alive

from runner.process.launcher import Ended, Started, Unstartable
from runner.process.local_launcher import LocalLauncher
from torc_core.errors import RunnerError

MIB = 1 << 20


class Jobs:
    """Runs command lines through one launcher and remembers its events."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launcher = LocalLauncher(os.environ)
        self.started: dict[int, int] = {}
        self.ended: dict[int, Ended] = {}
        self.unstartable: dict[int, str] = {}

    def run(self, key: int, line: str, **env: str) -> None:
        files = {name: str(self.folder / f"{key}.{name}") for name in ("stdout", "stderr")}
        self.launcher.run(key, line, env=env, **files)
        self.launcher.flush()

    def text(self, key: int, name: str = "stdout") -> str:
        path = self.folder / f"{key}.{name}"
        return path.read_text() if path.exists() else ""

    def until(self, predicate: Callable[[], object]) -> None:
        while not predicate():
            for event in self.launcher.events():
                match event:
                    case Started(key, pid):
                        self.started[key] = pid
                    case Unstartable(key, error):
                        self.unstartable[key] = error
                    case Ended():
                        self.ended[event.key] = event

    def finish(self, *keys: int) -> list[Ended]:
        self.until(lambda: set(keys) <= set(self.ended))
        return [self.ended[key] for key in keys]


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path)
    yield jobs
    jobs.launcher.close()


def pid_in(jobs: Jobs, key: int) -> int:
    return int(wait_until(lambda: jobs.text(key).strip(), f"job {key} wrote its process id"))


def test_an_exit_code_and_both_outputs_come_back(jobs: Jobs) -> None:
    jobs.run(1, "echo out; echo err >&2; exit 7")
    assert jobs.finish(1)[0].exit_code == 7
    assert (jobs.text(1), jobs.text(1, "stderr")) == ("out\n", "err\n")


def test_a_job_sees_the_inherited_environment_and_its_own_changes(jobs: Jobs) -> None:
    jobs.run(1, 'echo "$HOME|$TORC_JOB_ID"', TORC_JOB_ID="42")
    jobs.finish(1)
    assert jobs.text(1) == f"{os.environ['HOME']}|42\n"


def test_a_short_job_does_not_carry_the_runners_memory(jobs: Jobs) -> None:
    jobs.run(1, "true")
    assert jobs.finish(1)[0].peak_memory_bytes < 20 * MIB


def test_the_memory_of_a_grandchild_is_counted(jobs: Jobs) -> None:
    jobs.run(1, "python3 -c 'x = b\"x\" * (200 << 20)'; true")
    peak = jobs.finish(1)[0].peak_memory_bytes
    assert 200 * MIB <= peak < 260 * MIB


def test_the_cpu_time_of_a_job_is_measured(jobs: Jobs) -> None:
    jobs.run(1, "python3 -c 'import time\nwhile time.process_time() < 0.3: pass'")
    end = jobs.finish(1)[0]
    assert 0.3 <= end.cpu_time_s < 3
    assert end.duration_s >= 0.3


def test_death_by_a_signal_is_distinguished_from_an_exit_code(jobs: Jobs) -> None:
    jobs.run(1, "kill -KILL $$")
    jobs.run(2, "exit 137")
    assert [end.exit_code for end in jobs.finish(1, 2)] == [-9, 137]


def test_one_file_for_both_outputs_keeps_their_order(jobs: Jobs, tmp_path: Path) -> None:
    log = str(tmp_path / "1.log")
    jobs.launcher.run(1, "echo a; echo b >&2; echo c", env={}, stdout=log, stderr=log)
    jobs.launcher.flush()
    jobs.finish(1)
    assert Path(log).read_text() == "a\nb\nc\n"


def test_output_may_go_nowhere(jobs: Jobs, tmp_path: Path) -> None:
    jobs.launcher.run(1, "echo a; echo b >&2", env={}, stdout=None, stderr=None)
    jobs.launcher.flush()
    assert jobs.finish(1)[0].exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_cannot_start_is_reported_with_the_reason(jobs: Jobs, tmp_path: Path) -> None:
    jobs.launcher.run(1, "true", env={}, stdout=str(tmp_path / "absent" / "1.o"), stderr=None)
    jobs.launcher.run(2, "true", env={"A": "nul\0"}, stdout=None, stderr=None)
    jobs.launcher.flush()
    jobs.until(lambda: len(jobs.unstartable) == 2)
    assert "No such file" in jobs.unstartable[1]
    assert "null" in jobs.unstartable[2]


def test_jobs_do_not_inherit_ignored_signals_nor_our_descriptors(jobs: Jobs) -> None:
    jobs.run(1, "grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l")
    jobs.finish(1)
    ignored, descriptors = jobs.text(1).split("\n")[:2]
    assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    assert int(descriptors) == 4  # 0, 1, 2 and the directory itself


def test_a_stop_lets_the_job_end_in_its_own_way(jobs: Jobs) -> None:
    jobs.run(1, "trap 'echo saved; exit 0' TERM; echo $$; while :; do sleep 0.05; done")
    pid_in(jobs, 1)
    jobs.launcher.stop(1, signal.SIGTERM, lead_s=10)
    jobs.launcher.flush()
    assert jobs.finish(1)[0].exit_code == 0
    assert "saved" in jobs.text(1)


def test_a_job_that_ignores_the_signal_is_killed_after_the_lead(jobs: Jobs) -> None:
    jobs.run(1, "trap '' TERM; echo $$; sleep 60")
    pid_in(jobs, 1)
    jobs.launcher.stop(1, signal.SIGTERM, lead_s=0.2)
    jobs.launcher.flush()
    end = jobs.finish(1)[0]
    assert end.exit_code == -9
    assert end.duration_s < 10


def test_a_stop_reaches_children_in_other_process_groups_and_sessions(jobs: Jobs) -> None:
    jobs.run(1, "timeout 60 sleep 60 & setsid sleep 60 & set -m; sleep 60 & echo $(jobs -p); wait")
    pids = [int(p) for p in wait_until(lambda: jobs.text(1).split(), "the job wrote its process ids")]
    jobs.launcher.stop(1, signal.SIGKILL, lead_s=0)
    jobs.launcher.flush()
    jobs.finish(1)
    assert len(pids) == 3
    assert [pid for pid in pids if is_alive(pid)] == []


def test_a_stopped_job_has_ended_only_when_its_children_saved_their_work(jobs: Jobs) -> None:
    child = "trap 'sleep 0.3; echo saved; exit' TERM; echo $BASHPID; while :; do sleep 0.05; done"
    jobs.run(1, f"( {child} ) & wait")
    pid_in(jobs, 1)
    jobs.launcher.stop(1, signal.SIGTERM, lead_s=10)
    jobs.launcher.flush()
    assert jobs.finish(1)[0].exit_code == -15
    assert "saved" in jobs.text(1)


def test_what_a_job_leaves_behind_may_finish_briefly(jobs: Jobs) -> None:
    jobs.run(1, "( sleep 0.3; echo flushed ) & exit 3")
    end = jobs.finish(1)[0]
    assert end.exit_code == 3
    assert end.duration_s < 0.3
    assert jobs.text(1) == "flushed\n"


def test_what_a_job_leaves_behind_does_not_outlive_it(jobs: Jobs) -> None:
    jobs.run(1, "sleep 60 & echo $!")
    jobs.finish(1)
    assert not is_alive(pid_in(jobs, 1))


def test_when_the_runner_is_gone_the_launcher_ends_all_jobs_and_itself(jobs: Jobs) -> None:
    jobs.run(1, "echo $$; sleep 60")
    jobs.run(2, "trap '' TERM; echo $$; sleep 60")
    pids = [pid_in(jobs, key) for key in (1, 2)]
    jobs.launcher.close()
    assert [pid for pid in pids if is_alive(pid)] == []


def test_the_death_of_the_launcher_is_an_error_and_not_silence(jobs: Jobs) -> None:
    jobs.run(1, "echo $$; exec sleep 60")
    pid = pid_in(jobs, 1)
    os.kill(jobs.launcher.pid, signal.SIGKILL)
    with pytest.raises(RunnerError, match="ended unexpectedly"):
        jobs.finish(1)
    os.kill(pid, signal.SIGKILL)


def test_many_jobs_at_once_all_come_back(jobs: Jobs) -> None:
    for key in range(300):
        jobs.run(key, f"exit {key % 5}")
    assert [end.exit_code for end in jobs.finish(*range(300))] == [key % 5 for key in range(300)]
