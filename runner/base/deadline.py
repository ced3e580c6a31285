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


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moments at which a run must end, on the monotonic clock; None: never.

    From `claims_end_at` on no jobs are claimed. At `stop_at` running jobs are stopped, so that all is
    reported before `end_at`. `lead_s` is the time from the termination signal to SIGKILL, then and whenever the
    runner ends jobs.
    """

    end_at: float | None = None
    stop_at: float | None = None
    claims_end_at: float | None = None
    lead_s: float = _LEAD_S

    @classmethod
    def of(cls, options: RunnerOptions, workflow: WorkflowModel) -> Self:
        """Return the deadline of a run by its options and its workflow.

        Lead, headroom and the last time for claims shrink, or are ignored, where they would take half the time.
        """
        config = workflow.execution_config
        left = [options.time_limit_s] if options.time_limit_s is not None else []
        if options.end_time is not None:
            left.append((options.end_time - datetime.now(UTC)).total_seconds())
        lead = config.sigterm_lead_seconds if config else None
        headroom = config.sigkill_headroom_seconds if config else None
        if not left:
            return cls(lead_s=_LEAD_S if lead is None else float(lead))
        total = max(0.0, min(left))
        lead_s = min(_LEAD_S, total * _SHARE) if lead is None else min(float(lead), total / 2)
        headroom_s = min(_HEADROOM_S, total * _SHARE) if headroom is None else min(float(headroom), total / 2)
        end_at = time.monotonic() + total
        least_s = workflow.compute_node_min_time_for_new_jobs_seconds or 0
        return cls(
            end_at=end_at,
            stop_at=end_at - headroom_s - lead_s,
            claims_end_at=end_at - least_s if least_s < total / 2 else None,
            lead_s=lead_s,
        )

    def left_s(self, now: float) -> float | None:
        return None if self.end_at is None else self.end_at - now

    def leaves(self, runtime_s: float | None, now: float) -> bool:
        """Return whether this much time is left, in whole seconds as claims count; a runtime of None needs none."""
        return runtime_s is None or self.end_at is None or runtime_s <= math.ceil(self.end_at - now)

    def allows_claims(self, now: float) -> bool:
        return self.claims_end_at is None or now < self.claims_end_at
