"""Kills by the kernel are distinguished from other kills."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ServerProcess
from running import create, job, run

from runner.process.launcher import Ended, Started
from runner.process.local_launcher import LocalLauncher
from runner.process.oom import OomKills, find_counter, is_oom_kill, read_total
from torc_client.http import TorcClient
from torc_core.api.drafts import ResourceRequirementsDraft

EVENTS = "low 0\nhigh 12\nmax 88\noom 3\noom_kill {}\noom_group_kill 0\n"


def counter(folder: Path, total: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "memory.events"
    path.write_text(EVENTS.format(total))
    return path


@pytest.mark.parametrize(
    ("text", "total"),
    [
        (EVENTS.format(7), 7),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", 2),
        ("oom_kill_disable 0\n", None),
        ("oom_kill many\n", None),
        ("", None),
    ],
)
def test_the_counter_is_read_from_files_of_both_versions(text: str, total: int | None) -> None:
    assert read_total(text) == total


@pytest.mark.parametrize(
    ("code", "before", "now", "is_oom"),
    [(137, 0, 1, True), (137, 4, 4, False), (1, 0, 1, False), (143, 0, 1, False), (137, 2, 1, False)],
)
def test_a_kill_counts_when_the_counter_rose_and_the_job_was_killed(
    code: int, before: int, now: int, is_oom: bool
) -> None:
    assert is_oom_kill(code, open_before=before, open_now=now) is is_oom


def test_the_file_is_found_at_the_group_and_at_the_mount_inside_containers(tmp_path: Path) -> None:
    assert find_counter("0::/user/job\n", tmp_path) is None
    at_mount = counter(tmp_path, 0)
    assert find_counter("0::/user/job\n", tmp_path) == at_mount
    own = counter(tmp_path / "user/job", 0)
    assert find_counter("0::/user/job\n", tmp_path) == own


def test_the_first_version_is_found_beside_an_empty_second_one(tmp_path: Path) -> None:
    folder = tmp_path / "memory/batch"
    folder.mkdir(parents=True)
    (folder / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    assert find_counter("9:cpu:/batch\n4:memory:/batch\n0::/\n", tmp_path) == folder / "memory.oom_control"


def test_one_kill_explains_one_end(tmp_path: Path) -> None:
    path = counter(tmp_path, 5)
    kills = OomKills(path)
    before = kills.open()
    counter(tmp_path, 6)
    assert kills.explains(137, open_before=before)
    assert not kills.explains(137, open_before=before)
    path.unlink()
    assert not kills.explains(137, open_before=kills.open())


def test_a_kill_of_one_job_is_no_excuse_for_one_that_began_later(tmp_path: Path) -> None:
    kills = OomKills(counter(tmp_path, 0))
    counter(tmp_path, 1)
    assert not kills.explains(137, open_before=kills.open())


def test_a_job_whose_child_the_kernel_killed_is_out_of_memory(shared_client: TorcClient, tmp_path: Path) -> None:
    path = counter(tmp_path, 3)
    killed = f"bash -c 'sed -i s/oom_kill.3/oom_kill\\ 4/ {path}; kill -9 $$'; exit $?"
    workflow_id = create(shared_client, job("victim", killed), job("other", "kill -9 $$"))
    ran = run(shared_client, workflow_id, tmp_path / "out", oom_counter=path, max_parallel_jobs=1)
    verdicts = {
        name: (found.return_code, shared_client.job_evidence(found.job_id).evidence.verdict)
        for name in ("victim", "other")
        for found in ran.results(name)
    }
    assert verdicts == {"victim": (137, "oom"), "other": (137, None)}


@pytest.mark.parametrize("limit", ["2m", "10m"])
def test_what_the_launcher_holds_is_never_taken_for_a_tiny_jobs_memory(
    shared_client: TorcClient, tmp_path: Path, limit: str
) -> None:
    tiny = ResourceRequirementsDraft(name="tiny", memory=limit, runtime="PT1H")
    jobs = [job("good", "true", resource_requirements=0), job("killed", "kill -9 $$", resource_requirements=0)]
    ran = run(shared_client, create(shared_client, *jobs, needs=[tiny]), tmp_path)
    assert [ran.results(name)[0].peak_memory_bytes for name in ("good", "killed")] == [None, None]
    evidence = shared_client.job_evidence(ran.jobs()["killed"].id or 0).evidence
    assert (evidence.verdict, evidence.peak_memory_bytes) == (None, None)
    (group,) = shared_client.failures.groups(ran.workflow_id).items
    assert group.cause == "It ended on SIGKILL without a message."
    assert group.suggestion is None
    assert group.leaning is not None
    assert (group.leaning.class_, group.leaning.rule) == ("oom", "fact-sigkill")


def test_a_job_that_held_more_than_the_launcher_has_exceeded_its_limit(
    shared_client: TorcClient, tmp_path: Path
) -> None:
    small = ResourceRequirementsDraft(name="small", memory="2m", runtime="PT1H")
    hog = job("hog", "python3 -c 'x = b\"x\" * (60 << 20)'", resource_requirements=0)
    ran = run(shared_client, create(shared_client, hog, needs=[small]), tmp_path)
    assert (ran.results("hog")[0].peak_memory_bytes or 0) > 60 << 20


def test_a_job_that_does_nothing_is_measured_at_no_more_than_the_launchers_footprint(tmp_path: Path) -> None:
    launcher = LocalLauncher({"PATH": "/usr/bin:/bin"}, log=tmp_path / "log")
    launcher.run(1, "true", env={}, stdout=None, stderr=None)
    launcher.flush()
    event: object = None
    while not isinstance(event, Ended):
        for event in launcher.events():
            assert isinstance(event, Started | Ended)
    assert event.peak_memory_bytes <= launcher.footprint_bytes() < 20 << 20
    launcher.close()
    assert launcher.footprint_bytes() == 0


def test_the_kernels_own_kill_is_recognised(server: ServerProcess, client: TorcClient, tmp_path: Path) -> None:
    scope = ["systemd-run", "--user", "--scope", "--quiet", "-p", "MemoryMax=120M", "-p", "MemorySwapMax=0"]
    allowed = shutil.which(scope[0]) and subprocess.run([*scope, "true"], capture_output=True, check=False)
    if not allowed or allowed.returncode != 0:
        pytest.skip("this machine gives users no control groups of their own")
    hog = "python3 -c 'x = b\"x\" * (400 << 20)'; exit $?"
    workflow_id = create(client, job("hog", hog))
    command = [sys.executable, "-m", "torc_cli.main", "--url", server.url, "run", str(workflow_id), "-o", str(tmp_path)]
    subprocess.run([*scope, *command], capture_output=True, check=False, timeout=60)
    (hogs,) = client.jobs.list_all(workflow_id=workflow_id)
    assert client.job_evidence(hogs.id or 0).evidence.verdict == "oom"
