"""The monitor: when running jobs are measured, and which of them exceed their resource requirement."""

from collections.abc import Iterable, Mapping
from typing import Final

from runner.base.attempt import Attempt
from runner.base.evidence import memory_limit, runtime_limit
from runner.monitoring.process_tree import StepMarks, Tree
from runner.monitoring.sampler import Sampler, Target
from runner.monitoring.series import SeriesJob
from torc_core.api.configs import ResourceMonitorConfig
from torc_core.api.workflows import WorkflowModel

_FIRST_AFTER_S: Final = 1.0
_INTERVAL_S: Final = 5.0
_SHARE_OF_AGE: Final = 0.2
_NEAR_LIMIT: Final = 0.7
_LOOK_EVERY_S: Final = 0.5


class Monitor:
    """Decides which jobs are measured when.

    For a summary a job is first measured when it is a second old, then ever less often down to the interval. For
    a time series all jobs are measured together once in each interval. A job near its memory limit is measured
    twice a second anyway.
    """

    def __init__(
        self, sampler: Sampler, *, workflow: WorkflowModel, interval_s: float | None, are_steps: bool = False
    ) -> None:
        """`are_steps`: Slurm limits the memory of the jobs, and only those on this node can be measured."""
        config = workflow.resource_monitor_config or ResourceMonitorConfig()
        execution = workflow.execution_config
        granularity = config.job_granularity()
        self._sampler = sampler
        self._enforces = not (execution and execution.limit_resources is False)
        self._are_steps = are_steps
        self._enforces_memory = self._enforces and not are_steps
        self._samples = self._enforces or granularity is not None
        self._is_series = granularity == "time_series"
        self._interval_s = interval_s or config.sample_interval_seconds or _INTERVAL_S
        self._targets: dict[int, Target] = {}
        self._next_look = 0.0
        self._next_pass = 0.0
        self._is_reported = False

    def next_look(self) -> float:
        """Return when `look` has something to do, on the monotonic clock, while jobs run."""
        return min(self._next_look, self._next_pass) if self._is_series else self._next_look

    def look(self, running: Mapping[int, Attempt], now: float) -> list[Attempt]:
        """Start measurements that are due; return attempts that run longer than they may."""
        if now < self.next_look():
            return []
        self._next_look = now + _LOOK_EVERY_S
        if self._samples:
            self._measure(self._due(running.values(), now))
        for key in self._targets.keys() - running.keys():
            del self._targets[key]
        if not self._enforces:
            return []
        return [attempt for attempt in running.values() if attempt.stop is None and is_too_long(attempt, now)]

    def note_samples(self, running: Mapping[int, Attempt]) -> list[Attempt]:
        """Take what was measured; return attempts that hold more memory than they may."""
        too_large: list[Attempt] = []
        for sample in self._sampler.take():
            attempt = running.get(sample.key)
            if attempt is None:
                continue
            attempt.samples.add(
                memory_bytes=sample.memory_bytes,
                cpu_time_s=sample.cpu_time_s,
                cpu_percent=sample.cpu_percent,
                at=sample.at,
            )
            limit = memory_limit(attempt.claim.need)
            if self._enforces_memory and limit is not None and sample.memory_bytes > limit and attempt.stop is None:
                too_large.append(attempt)
        return too_large

    def take_problems(self) -> list[str]:
        """Return what went wrong with measuring, once."""
        problem = self._sampler.problem
        if problem is None or self._is_reported:
            return []
        self._is_reported = True
        return [problem]

    def close(self) -> None:
        self._sampler.close()

    def _due(self, attempts: Iterable[Attempt], now: float) -> list[Attempt]:
        started = [attempt for attempt in attempts if attempt.pid is not None]
        if self._is_series and now >= self._next_pass:
            on_time = self._next_pass + self._interval_s
            self._next_pass = on_time if on_time > now else now + self._interval_s
            return started
        return [attempt for attempt in started if self._is_due(attempt, now)]

    def _measure(self, attempts: Iterable[Attempt]) -> None:
        targets = [self._targets.get(attempt.key) or self._new_target(attempt) for attempt in attempts]
        if targets:
            self._sampler.ask(targets)

    def _new_target(self, attempt: Attempt) -> Target:
        claim, need = attempt.claim, attempt.claim.need
        target = self._targets[attempt.key] = Target(
            key=attempt.key,
            tree=_tree_of_step(attempt) if self._are_steps else Tree(attempt.pid or 0),
            job=SeriesJob(
                job_id=claim.job_id,
                attempt_id=claim.attempt_id,
                name=claim.model.name,
                num_cpus=need.cpus,
                memory_limit_bytes=memory_limit(need),
                runtime_limit_s=runtime_limit(need),
            ),
            at=attempt.started_at,
        )
        return target

    def _is_due(self, attempt: Attempt, now: float) -> bool:
        if attempt.pid is None:
            return False
        samples, limit = attempt.samples, memory_limit(attempt.claim.need)
        if limit is not None and samples.peak_memory_bytes > limit * _NEAR_LIMIT:
            return True
        if self._is_series:
            return False
        age_s = now - attempt.started_at
        if not samples.count:
            return age_s >= _FIRST_AFTER_S
        return now - samples.at >= min(self._interval_s, age_s * _SHARE_OF_AGE)


def _tree_of_step(attempt: Attempt) -> Tree:
    """Return the tree of a job that srun has started somewhere; its leader is the id of no process."""
    claim = attempt.claim
    facts = {
        "TORC_WORKFLOW_ID": claim.model.workflow_id,
        "TORC_JOB_ID": claim.job_id,
        "TORC_ATTEMPT_ID": claim.attempt_id,
    }
    variables = frozenset(f"{name}={value}".encode() for name, value in facts.items())
    return Tree(-attempt.key - 1, step=StepMarks(variables=variables, srun=attempt.pid or 0))


def is_too_long(attempt: Attempt, now: float) -> bool:
    """Return whether it runs longer than its requirement allows."""
    limit = runtime_limit(attempt.claim.need)
    # without a process id it waits to be started, and its time has not begun
    return limit is not None and attempt.pid is not None and now - attempt.started_at > limit
