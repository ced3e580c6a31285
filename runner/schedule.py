"""When a run must end, and when it looks after its jobs."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from runner.settings import RunnerOptions
from torc_core.api.configs import ExecutionConfig

_LEAD_S = 30.0
_HEADROOM_S = 60.0
_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """On the monotonic clock. `stop_at`: running jobs are told to end, so that all is reported before `end_at`.

    `lead_s` is the time between the termination signal and SIGKILL, in this case and when the user interrupts.
    """

    end_at: float | None
    stop_at: float | None
    lead_s: float

    @classmethod
    def of(cls, options: RunnerOptions, config: ExecutionConfig | None) -> Self:
        """Headroom and lead shrink where they would eat a large part of a short time limit."""
        left = [options.time_limit_s] if options.time_limit_s is not None else []
        if options.end_time is not None:
            left.append((options.end_time - datetime.now(UTC)).total_seconds())
        lead = config.sigterm_lead_seconds if config else None
        headroom = config.sigkill_headroom_seconds if config else None
        if not left:
            return cls(end_at=None, stop_at=None, lead_s=_LEAD_S if lead is None else float(lead))
        total = max(0.0, min(left))
        lead_s = min(_LEAD_S, total * _SHARE) if lead is None else min(float(lead), total / 2)
        headroom_s = min(_HEADROOM_S, total * _SHARE) if headroom is None else min(float(headroom), total / 2)
        now = time.monotonic()
        return cls(end_at=now + total, stop_at=now + total - headroom_s - lead_s, lead_s=lead_s)

    def left_s(self, now: float) -> float | None:
        return None if self.end_at is None else self.end_at - now
