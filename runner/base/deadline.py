"""When a run must end."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from runner.base.settings import RunnerOptions
from torc_core.api.workflows import WorkflowModel

_LEAD_S: Final = 30.0
_HEADROOM_S: Final = 60.0
_SHARE: Final = 0.1
_FRESH_S: Final = 120.0
"""So long after its start an allocation takes jobs that need all of its time: nowhere would they have more of it."""
_SHARE_OF_KILL_WAIT: Final = 0.5
"""Of the seconds between Slurm's signal and its kill; the others are for ends to be reaped and reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationTimes:
    """When the runner's allocation began and will end, and the seconds from Slurm's signal to its kill; None: unknown.

    Slurm kills what is not done: unlike a time limit of the user's, the end of an allocation cannot be overrun.
    """

    start_at: datetime | None = None
    end_at: datetime | None = None
    kill_wait_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moments at which a run must end, on the monotonic clock; None: never.

    From `claims_end_at` on no jobs are claimed. At `stop_at` running jobs are stopped, so that all is
    reported before `end_at`. `lead_s` is the time from the termination signal to SIGKILL, then and whenever the
    runner ends jobs; `signaled_lead_s` the same where a signal has asked the runner to end. Jobs that would not have
    ended by `jobs_end_at` are not started; until `fresh_until` those are that need no more than `whole_s`.
    """

    end_at: float | None = None
    stop_at: float | None = None
    claims_end_at: float | None = None
    lead_s: float = _LEAD_S
    signaled_lead_s: float = _LEAD_S
    jobs_end_at: float | None = None
    fresh_until: float = 0.0
    whole_s: float = 0.0

    @classmethod
    def of(cls, options: RunnerOptions, workflow: WorkflowModel, allocation: AllocationTimes | None = None) -> Self:
        """Return the deadline of a run by its options and its workflow.

        Lead, headroom and the last time for claims shrink, or are ignored, where they would take half the time.
        """
        config = workflow.execution_config
        now, clock = datetime.now(UTC), time.monotonic()
        left = [options.time_limit_s] if options.time_limit_s is not None else []
        ends = [options.end_time, None if allocation is None else allocation.end_at]
        left += [(end - now).total_seconds() for end in ends if end is not None]
        lead = config.sigterm_lead_seconds if config else None
        headroom = config.sigkill_headroom_seconds if config else None
        longest_s = math.inf
        if allocation is not None and allocation.kill_wait_s is not None:
            longest_s = allocation.kill_wait_s * _SHARE_OF_KILL_WAIT
        if not left:
            lead_s = _LEAD_S if lead is None else float(lead)
            return cls(lead_s=lead_s, signaled_lead_s=min(lead_s, longest_s))
        total = max(0.0, min(left))
        lead_s = min(_LEAD_S, total * _SHARE) if lead is None else min(float(lead), total / 2)
        headroom_s = min(_HEADROOM_S, total * _SHARE) if headroom is None else min(float(headroom), total / 2)
        end_at = clock + total
        stop_at = end_at - headroom_s - lead_s
        least_s = workflow.compute_node_min_time_for_new_jobs_seconds or 0
        fresh_until = whole_s = 0.0
        if allocation is not None and allocation.start_at is not None and allocation.end_at is not None:
            whole_s = (allocation.end_at - allocation.start_at).total_seconds()
            fresh_until = clock + min(_FRESH_S, whole_s * _SHARE) - (now - allocation.start_at).total_seconds()
        return cls(
            end_at=end_at,
            stop_at=stop_at,
            claims_end_at=end_at - least_s if least_s < total / 2 else None,
            lead_s=lead_s,
            signaled_lead_s=min(lead_s, longest_s),
            jobs_end_at=end_at if allocation is None or allocation.end_at is None else stop_at,
            fresh_until=fresh_until,
            whole_s=whole_s,
        )

    def left_s(self, now: float) -> float | None:
        """Return the seconds that jobs started now may take; None without a limit."""
        if self.jobs_end_at is None:
            return None
        left_s = max(0.0, self.jobs_end_at - now)
        return max(left_s, self.whole_s) if now < self.fresh_until else left_s

    def leaves(self, runtime_s: float | None, now: float) -> bool:
        """Return whether this much time is left, in whole seconds as claims count; a runtime of None needs none."""
        left_s = self.left_s(now)
        return runtime_s is None or left_s is None or runtime_s <= math.ceil(left_s)

    def allows_claims(self, now: float) -> bool:
        return self.claims_end_at is None or now < self.claims_end_at
