"""Watches jobs while they run: when to measure them, and the limits of their requirement that they must keep."""

from collections.abc import Mapping
from typing import Final

from runner.attempts import Attempt
from runner.evidence import memory_limit, runtime_limit
from runner.sampler import Sampler
from torc_core.api.workflows import WorkflowModel

_FIRST_AFTER_S: Final = 1.0
_INTERVAL_S: Final = 5.0
_SHARE_OF_AGE: Final = 0.2
_NEAR_LIMIT: Final = 0.7
_LOOK_EVERY_S: Final = 0.5


class Monitor:
    """Jobs are first measured when they are a second old, then ever less often down to the interval.

    A job near its memory limit is measured twice a second.
    """

    def __init__(self, sampler: Sampler, *, workflow: WorkflowModel, interval_s: float | None) -> None:
        config = workflow.resource_monitor_config
        execution = workflow.execution_config
        self._sampler = sampler
        self._enforces = not (execution and execution.limit_resources is False)
        self._samples = self._enforces or not (config and config.enabled is False)
        self._interval_s = interval_s or (config and config.sample_interval_seconds) or _INTERVAL_S
        self._next_look = 0.0

    def next_look(self) -> float:
        """When `look` has something to do, on the monotonic clock, while jobs run."""
        return self._next_look

    def look(self, running: Mapping[int, Attempt], now: float) -> list[Attempt]:
        """Orders measurements that are due; returns attempts that run longer than they may."""
        if now < self._next_look:
            return []
        self._next_look = now + _LOOK_EVERY_S
        if self._samples:
            due = {
                attempt.key: (attempt.pid, memory_limit(attempt.claim.need))
                for attempt in running.values()
                if attempt.pid is not None and self._is_due(attempt, now)
            }
            if due:
                self._sampler.ask(due)
        if not self._enforces:
            return []
        return [attempt for attempt in running.values() if attempt.stop is None and is_too_long(attempt, now)]

    def note_samples(self, running: Mapping[int, Attempt]) -> list[Attempt]:
        """Takes what was measured; returns attempts that hold more memory than they may."""
        too_large: list[Attempt] = []
        for sample in self._sampler.take():
            attempt = running.get(sample.key)
            if attempt is None:
                continue
            attempt.samples.add(memory_bytes=sample.memory_bytes, cpu_time_s=sample.cpu_time_s, at=sample.at)
            limit = memory_limit(attempt.claim.need)
            if self._enforces and limit is not None and sample.memory_bytes > limit and attempt.stop is None:
                too_large.append(attempt)
        return too_large

    def close(self) -> None:
        self._sampler.close()

    def _is_due(self, attempt: Attempt, now: float) -> bool:
        samples, limit = attempt.samples, memory_limit(attempt.claim.need)
        age_s = now - attempt.started_at
        if not samples.count:
            return age_s >= _FIRST_AFTER_S
        is_near = limit is not None and samples.peak_memory_bytes > limit * _NEAR_LIMIT
        return now - samples.at >= (0.0 if is_near else min(self._interval_s, age_s * _SHARE_OF_AGE))


def is_too_long(attempt: Attempt, now: float) -> bool:
    """Whether it runs longer than its requirement allows."""
    limit = runtime_limit(attempt.claim.need)
    return limit is not None and now - attempt.started_at > limit
