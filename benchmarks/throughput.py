"""How many short jobs a second: `torc -s run` and `torc -s exec` against peers, all in one run on the same machine.

    python -m benchmarks.throughput [--jobs 5000] [--slots 4] [--rounds 3] [--cores N]

Every peer runs `bash -c true` so many times with so many at once. Torc does the whole thing: server, database,
results, logs of each job. The figures are medians over the rounds; the peers take turns.
`--cores` binds all of it to the first N cores. The second table is where the CPU time of a job of `torc -s run` goes.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import TORC, machine, print_table, torc, torc_json
from benchmarks.cpu_split import CpuSplit

_HYPERQUEUE = """
import sys, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
jobs, slots = int(sys.argv[1]), int(sys.argv[2])
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=slots))
    client = cluster.client()
    job = Job()
    for _ in range(jobs):
        job.program(["bash", "-c", "true"])
    begin = time.perf_counter()
    client.wait_for_jobs([client.submit(job)])
    print(time.perf_counter() - begin)
"""


_CPU_SECONDS: dict[str, list[float]] = {}
"""Of each part of torc, in each round."""


def run_spawn(jobs: int, slots: int, _folder: Path) -> float:
    """Return the seconds for bare posix_spawn and wait: nothing is recorded."""
    bash = shutil.which("bash") or "/bin/bash"
    begin, running, left = time.perf_counter(), 0, jobs
    while left or running:
        while left and running < slots:
            os.posix_spawn(bash, [bash, "-c", "true"], os.environ)
            running, left = running + 1, left - 1
        os.wait()
        running -= 1
    return time.perf_counter() - begin


def run_hyperqueue(jobs: int, slots: int, folder: Path) -> float:
    """Return the seconds from submit to the end of the last task, server and worker of HyperQueue already up."""
    done = subprocess.run(
        [sys.executable, "-c", _HYPERQUEUE, str(jobs), str(slots)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return float(done.stdout.split()[-1])


def run_parallel(jobs: int, slots: int, folder: Path) -> float:
    """Return the seconds for GNU parallel."""
    begin = time.perf_counter()
    lines = "bash -c true\n" * jobs
    subprocess.run(["parallel", "-j", str(slots)], input=lines, text=True, cwd=folder, check=True, timeout=600)
    return time.perf_counter() - begin


def run_torc(jobs: int, slots: int, folder: Path) -> float:
    """Return the seconds of the whole command `torc -s run ID`: embedded server, runner, everything recorded."""
    spec = folder / "throughput.yaml"
    spec.write_text(
        f"name: throughput\njobs:\n  - name: job_{{i}}\n    command: 'true'\n    parameters: {{i: '1:{jobs}'}}\n"
    )
    torc("-s", "create", str(spec), cwd=folder)
    workflow = torc_json("-s", "workflows", "list", cwd=folder)[-1]["id"]
    words = ("-s", "run", str(workflow), "--max-parallel-jobs", str(slots), "--num-cpus", str(slots))
    begin = time.perf_counter()
    with subprocess.Popen([*TORC, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:
        split = CpuSplit(command.pid)
        command.wait()
        seconds = time.perf_counter() - begin
    for part, used_s in split.stop().items():
        _CPU_SECONDS.setdefault(part, []).append(used_s)
    results = torc_json("-s", "results", "list", str(workflow), cwd=folder)
    if len(results) != jobs or any(r["return_code"] for r in results):
        raise SystemExit(f"{len(results)} results for {jobs} jobs")
    return seconds


def run_exec(jobs: int, slots: int, folder: Path) -> float:
    """Return the seconds of the whole command `torc -s exec`: as GNU parallel, it begins with a file of commands."""
    (folder / "commands").write_text("true\n" * jobs)
    begin = time.perf_counter()
    torc("-s", "exec", "-n", "throughput", "-C", "commands", "-j", str(slots), cwd=folder)
    seconds = time.perf_counter() - begin
    results = torc_json("-s", "results", "list", "1", cwd=folder)
    if len(results) != jobs or any(r["return_code"] for r in results):
        raise SystemExit(f"{len(results)} results for {jobs} jobs")
    return seconds


def available_peers() -> dict[str, Callable[[int, int, Path], float]]:
    peers: dict[str, Callable[[int, int, Path], float]] = {
        "torc -s run": run_torc,
        "torc -s exec": run_exec,
        "posix_spawn": run_spawn,
    }
    try:
        import hyperqueue  # noqa: F401
    except ImportError:
        print("HyperQueue is not installed (pip install hyperqueue): left out", file=sys.stderr)
    else:
        peers["HyperQueue"] = run_hyperqueue
    if shutil.which("parallel"):
        peers["GNU parallel"] = run_parallel
    else:
        print("GNU parallel is not installed: left out", file=sys.stderr)
    return peers


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=5000)
    arguments.add_argument("--slots", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--cores", type=int, help="the first so many; all when left out")
    options = arguments.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    seconds: dict[str, list[float]] = {}
    peers = available_peers()
    for _ in range(options.rounds):
        for name, run in peers.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds.setdefault(name, []).append(run(options.jobs, options.slots, Path(folder)))
    rates = {name: options.jobs / statistics.median(times) for name, times in seconds.items()}
    ours = rates["torc -s run"]
    print_table(
        f"{options.jobs} jobs `true`, {options.slots} at once, median of {options.rounds} rounds ({machine()})",
        ("peer", "jobs/s", "torc / peer", "seconds of each round"),
        [
            (name, f"{rate:.0f}", f"{ours / rate:.2f}", " ".join(f"{t:.1f}" for t in seconds[name]))
            for name, rate in rates.items()
        ],
    )
    per_job_ms = {
        part: [used_s / options.jobs * 1000 for used_s in used] for part, used in sorted(_CPU_SECONDS.items())
    }
    print_table(
        "CPU time of one job of `torc -s run`, median",
        ("part", "ms", "of each round"),
        [
            (part, f"{statistics.median(used):.3f}", " ".join(f"{each:.3f}" for each in used))
            for part, used in per_job_ms.items()
        ],
    )


if __name__ == "__main__":
    main()
