"""Compares what a campaign left behind with what had to come."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos.scenario import Scenario, action_record, record_of
from torc_client.http import TorcClient
from torc_core.jobs.status import JobStatus


@dataclass
class Verdict:
    """What went wrong, one line each, and what is worth counting."""

    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Verdict") -> None:
        self.problems += other.problems
        self.counts += other.counts


def compare(client: TorcClient, workflow_id: int, scenario: Scenario, folder: Path) -> Verdict:
    """Return the verdict on a workflow that is over: statuses, results, overlapping attempts, actions."""
    verdict = Verdict()
    verdict.problems += _statuses(client, workflow_id, scenario)
    verdict.problems += _results(client, workflow_id)
    for plan in scenario.jobs:
        verdict.problems += _attempts(record_of(folder, plan.name), plan.name, verdict.counts)
    for trigger in scenario.action_names():
        times = len(_lines(action_record(folder, trigger)))
        verdict.counts["actions"] += 1
        if times == 0:
            verdict.problems.append(f"action lost: {trigger}")
            verdict.counts["actions lost"] += 1
        elif times > 1:
            verdict.counts["actions that ran again"] += 1
    verdict.counts["jobs"] += len(scenario.jobs)
    return verdict


def _statuses(client: TorcClient, workflow_id: int, scenario: Scenario) -> Iterator[str]:
    expected = scenario.expected()
    for job in client.jobs.list_all(workflow_id=workflow_id):
        if job.status is not expected[job.name]:
            yield f"{job.name} is {job.status}, expected {expected[job.name]}"


def _results(client: TorcClient, workflow_id: int) -> Iterator[str]:
    results = client.results.list_all(workflow_id=workflow_id, all_runs=True)
    completed = Counter(result.job_id for result in results if result.status is JobStatus.COMPLETED)
    yield from (f"job {job_id} has {times} completed results" for job_id, times in completed.items() if times > 1)
    keys = Counter((result.job_id, result.run_id, result.attempt_id) for result in results)
    yield from (f"attempt {key} has {times} results" for key, times in keys.items() if times > 1)


def _attempts(record: Path, name: str, counts: Counter[str]) -> Iterator[str]:
    """Yield attempts of one job that ran at the same time.

    An attempt is over when it wrote its end; one that was killed never did, and the next one may begin.
    """
    ended: set[str] = set()
    begun: list[str] = []
    successes = 0
    for line in _lines(record):
        word, pid, value = line.split()
        if word == "begin":
            counts["attempts"] += 1
            begun.append(pid)
            continue
        if begun and pid != begun[-1] and pid not in ended:
            yield f"{name}: process {pid} ended after {begun[-1]} had begun: two attempts at the same time"
            counts["double"] += 1
        ended.add(pid)
        successes += value == "0"
    if successes > 1:
        counts["successes that ran again"] += successes - 1


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
