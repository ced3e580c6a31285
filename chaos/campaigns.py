"""The campaigns: one round of each is a workflow that must come to its known end whatever is done to it."""

import json
import random
import re
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from chaos.processes import Runner, Server
from chaos.proxy import Fault, FaultyProxy
from chaos.scenario import Scenario, random_scenario
from chaos.spec_files import run_specs
from chaos.verdict import Verdict, compare
from torc_client.http import TorcClient
from torc_core.api.drafts import WorkflowDraft
from torc_core.api.jobs import ComputeNodesResources, JobDraft
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import TorcError

_JOBS: Final = 40
_KILLS: Final = 4
"""Below the bound of infrastructure faults (5), so that no job may fail for being killed."""
_MOST_RUNS: Final = 20
_CLAIMING_RUNNERS: Final = 8
_FAULT_SHARE: Final = 0.15
_BUSY_LOOPS: Final = 40
_BUSY_JOBS: Final = 300
_BUSY_LOOP: Final = "while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done"
_BUSY_QUIET_S: Final = 900.0
"""Far more than a job, a request or a thread waits for its turn beside the loops and other rounds."""
_DISK_BYTES: Final = 3 << 20
_STARTED_JOBS: Final = 10
_MOMENTS: Final[Mapping[str, tuple[str, int]]] = {
    "creation": (r"POST .*/bulk_workflows$", 1),
    "initialization": (r"POST .*/initialize_jobs$", 1),
    "registration": (r"POST .*/compute_nodes$", 1),
    "sign-off": (r"PUT .*/compute_nodes/\d+$", 1),
    "summary": (r"GET .*/workflows/\d+/status$", 4),
}
"""Requests of `torc run FILE`, and which one of their kind; the earlier ones for the status belong to the start."""
_MOMENT_SHARE: Final = 0.6


def kill_round(folder: Path, rng: random.Random) -> Verdict:
    """Kill the server, the runner or its launcher at random moments."""
    with _running(folder, rng) as (server, workflow_id, scenario):
        runner = Runner(server.url, server.token, workflow_id, folder)
        verdict = Verdict()
        for _ in range(_KILLS):
            _wait(runner, rng.uniform(0.2, 2.0))
            victim = rng.choice(("server", "runner", "launcher"))
            verdict.counts[f"{victim} killed"] += 1
            if victim == "server":
                server.kill()
                server.start()
            elif victim == "launcher":
                runner.kill_launcher()
            else:
                runner.kill()
                runner = Runner(server.url, server.token, workflow_id, folder)
        verdict.add(_bring_to_end(server, server.url, runner, workflow_id, scenario, folder))
    return verdict


def faults_round(folder: Path, rng: random.Random) -> Verdict:
    """Refuse, delay, double or break requests of the runner, or lose their answers."""
    lock = threading.Lock()

    def choose(_method: str, _path: str) -> Fault:
        with lock:
            if rng.random() >= _FAULT_SHARE:
                return Fault.NONE
            return rng.choice([fault for fault in Fault if fault is not Fault.NONE])

    with _running(folder, rng) as (server, workflow_id, scenario):
        proxy = FaultyProxy(server.url, choose)
        try:
            runner = Runner(proxy.url, server.token, workflow_id, folder)
            verdict = _bring_to_end(server, proxy.url, runner, workflow_id, scenario, folder)
        finally:
            proxy.close()
        verdict.counts.update({f"requests {fault}": times for fault, times in proxy.counts.items()})
    return verdict


def outage_round(folder: Path, rng: random.Random) -> Verdict:
    """Take the server away while jobs end, and kill the runner before it comes back."""
    with _running(folder, rng) as (server, workflow_id, scenario):
        runner = Runner(server.url, server.token, workflow_id, folder)
        _wait(runner, rng.uniform(0.5, 1.5))
        server.kill()
        _wait(runner, rng.uniform(0.5, 3.0))
        if rng.random() < 0.5:
            runner.kill()
        server.start()
        return _bring_to_end(server, server.url, runner, workflow_id, scenario, folder)


def disk_round(folder: Path, rng: random.Random) -> Verdict:
    """Fill the disk of the database while jobs run, then make room again. Needs root, for a small tmpfs."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(disk)], check=True)
    try:
        with _running(folder, rng, database=disk / "torc.db") as (server, workflow_id, scenario):
            runner = Runner(server.url, server.token, workflow_id, folder)
            _wait(runner, rng.uniform(0.3, 1.0))
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file:
                try:
                    while file.write(b"\0" * 4096) == 4096:
                        pass
                except OSError:
                    pass
            _wait(runner, rng.uniform(0.5, 2.0))
            filler.unlink()
            return _bring_to_end(server, server.url, runner, workflow_id, scenario, folder)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def busy_round(folder: Path, rng: random.Random) -> Verdict:
    """Run many short jobs where busy loops leave the runner's threads hardly any time: the run must end."""
    with _running(folder, rng, jobs=_BUSY_JOBS) as (server, workflow_id, scenario):
        runner = Runner(server.url, server.token, workflow_id, folder, quiet_s=_BUSY_QUIET_S)
        return _bring_to_end(server, server.url, runner, workflow_id, scenario, folder)


@contextmanager
def busy_loops() -> Iterator[None]:
    """Keep the processors busy, beside all rounds; a loop also ends when this process is gone."""
    # a session each: Linux may share the processors among sessions, and 40 loops in one would count as one
    loops = [subprocess.Popen(["sh", "-c", _BUSY_LOOP], start_new_session=True) for _ in range(_BUSY_LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def starts_round(folder: Path, rng: random.Random) -> Verdict:
    """Kill the server while a run from a file begins and while it ends: one workflow, and one registration each run."""
    with _serving(folder) as server:
        scenario = random_scenario(rng, jobs=_STARTED_JOBS)
        file = folder / "workflow.json"
        file.write_text(json.dumps(scenario.spec(folder)), encoding="utf-8")
        killer = _KillerAtMoments(server, rng)
        proxy = FaultyProxy(server.url, killer)
        try:
            runner = Runner(proxy.url, server.token, file, folder)
            runner.wait()
            killer.join()
            client = server.client()
            found = client.workflows.list_all()
            if len(found) != 1:
                return Verdict(problems=[f"{len(found)} workflows were created from one file"])
            workflow_id = found[0].id or 0
            verdict = _bring_to_end(server, proxy.url, runner, workflow_id, scenario, folder)
            killer.join()
            runs = 1 + verdict.counts["runner started again"]
            nodes = client.compute_nodes.list_all(workflow_id=workflow_id)
            if len(nodes) > runs:
                verdict.problems.append(f"{len(nodes)} runners were registered by {runs} runs")
            verdict.problems += [f"runner {node.id} did not sign off" for node in nodes if node.is_active]
        finally:
            killer.join()
            proxy.close()
    verdict.counts.update({f"server killed at {moment}": 1 for moment in killer.done})
    return verdict


class _KillerAtMoments:
    """Lets every request pass, and kills the server while some of them are answered; it is back soon."""

    def __init__(self, server: Server, rng: random.Random) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._left = {moment: times for moment, (_, times) in _MOMENTS.items() if rng.random() < _MOMENT_SHARE}
        self._delays = {moment: (rng.uniform(0.0, 0.05), rng.uniform(0.0, 2.0)) for moment in _MOMENTS}
        self._threads: list[threading.Thread] = []
        self.done: list[str] = []

    def __call__(self, method: str, path: str) -> Fault:
        with self._lock:
            for moment in list(self._left):
                if re.search(_MOMENTS[moment][0], f"{method} {path.partition('?')[0]}"):
                    self._left[moment] -= 1
                    if self._left[moment] == 0:
                        del self._left[moment]
                        self.done.append(moment)
                        self._threads.append(threading.Thread(target=self._kill, args=self._delays[moment]))
                        self._threads[-1].start()
        return Fault.NONE

    def _kill(self, before_s: float, away_s: float) -> None:
        time.sleep(before_s)
        with self._lock:  # one after the other; requests wait, too, and find the server gone
            self._server.kill()
        time.sleep(away_s)
        with self._lock:
            if self._server.process is None:
                self._server.start()

    def join(self) -> None:
        """Wait until the server is back."""
        for thread in self._threads:
            thread.join()


def claims_round(folder: Path, rng: random.Random) -> Verdict:
    """Let eight runners claim the same jobs at once: each job is given to one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder)
    server.start()
    try:
        return _claim_everything(server, jobs=rng.randrange(800, 1600))
    finally:
        server.kill()


def _claim_everything(server: Server, *, jobs: int) -> Verdict:
    client = server.client()
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="claims", user="chaos"),
        jobs=[JobDraft(name=f"job{number}", command="true") for number in range(jobs)],
    )
    workflow_id = client.create_from_draft(draft).workflow.id or 0
    client.initialize_jobs(workflow_id)
    claimed: list[list[int]] = [[] for _ in range(_CLAIMING_RUNNERS)]

    def claim(place: int) -> None:
        own = server.client()
        node_id = own.compute_nodes.create(_node(workflow_id)).id
        resources = ComputeNodesResources(id=node_id, num_cpus=7, num_gpus=0, num_nodes=1, memory_gb=64)
        while jobs_given := own.claim_jobs(workflow_id, resources, limit=7).jobs:
            claimed[place] += [job.id or 0 for job in jobs_given]

    threads = [threading.Thread(target=claim, args=[place]) for place in range(_CLAIMING_RUNNERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = Verdict()
    every = [job_id for ids in claimed for job_id in ids]
    verdict.counts.update({"jobs": jobs, "claims": len(every), "double": len(every) - len(set(every))})
    if len(every) != len(set(every)):
        verdict.problems.append(f"{len(every) - len(set(every))} jobs were given to two runners")
    if len(set(every)) != jobs:
        verdict.problems.append(f"{jobs - len(set(every))} jobs were given to nobody")
    return verdict


def _node(workflow_id: int) -> ComputeNodeModel:
    return ComputeNodeModel(
        workflow_id=workflow_id,
        hostname="localhost",
        pid=1,
        start_time="2026-01-01T00:00:00Z",
        num_cpus=7,
        num_gpus=0,
        num_nodes=1,
        memory_gb=64,
        compute_node_type="local",
    )


@contextmanager
def _running(
    folder: Path, rng: random.Random, *, database: Path | None = None, jobs: int = _JOBS
) -> Iterator[tuple[Server, int, Scenario]]:
    """Yield a server with a new random workflow."""
    with _serving(folder, database) as server:
        scenario = random_scenario(rng, jobs=jobs)
        client = server.client()
        workflow_id = client.create_from_draft(scenario.draft(folder)).workflow.id or 0
        client.initialize_jobs(workflow_id)
        yield server, workflow_id, scenario


@contextmanager
def _serving(folder: Path, database: Path | None = None) -> Iterator[Server]:
    for name in ("records", "actions", "output"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    server = Server(folder, database)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _bring_to_end(
    server: Server, url: str, runner: Runner, workflow_id: int, scenario: Scenario, folder: Path
) -> Verdict:
    """Start the runner again until the workflow is complete, as its user would, and compare."""
    verdict = Verdict()
    for _ in range(_MOST_RUNS):
        runner.wait()
        client = server.client()
        if client.is_complete(workflow_id).is_complete and not _waiting_actions(client, workflow_id):
            verdict.add(compare(client, workflow_id, scenario, folder))
            verdict.problems += _broken_invariants(server.database_file)
            return verdict
        verdict.counts["runner started again"] += 1
        runner = Runner(url, server.token, workflow_id, folder, quiet_s=runner.quiet_s)
    runner.wait()
    verdict.add(compare(server.client(), workflow_id, scenario, folder))
    verdict.problems.append(f"not at its end after {_MOST_RUNS} runs")
    return verdict


def _waiting_actions(client: TorcClient, workflow_id: int) -> bool:
    try:
        return bool(client.pending_actions(workflow_id))
    except TorcError:
        return True


def _broken_invariants(database: Path) -> list[str]:
    """Return what the database itself finds wrong with it."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return [f"database: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]


def _wait(runner: Runner, seconds: float) -> None:
    """Let the runner work for a while, or until it ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not runner.has_ended:
        time.sleep(0.01)


CAMPAIGNS: Final[dict[str, Callable[[Path, random.Random], Verdict]]] = {
    "kill": kill_round,
    "faults": faults_round,
    "claims": claims_round,
    "outage": outage_round,
    "starts": starts_round,
    "disk": disk_round,
    "busy": busy_round,
    "specs": run_specs,
}

SURROUNDINGS: Final[dict[str, Callable[[], AbstractContextManager[None]]]] = {"busy": busy_loops}
"""What goes on beside all rounds of a campaign."""
