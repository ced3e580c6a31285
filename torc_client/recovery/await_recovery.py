"""Lets a runner without jobs wait while a watcher may recover the workflow."""

import time
from collections.abc import Callable
from typing import Final

from torc_client.http import TorcClient
from torc_client.recovery.state import failed_jobs, is_at_rest
from torc_core.hints import Line

_POLL_S: Final = 0.5
_GONE_S: Final = 3.0
"""A watcher that lost its connection comes back within this time."""
LONGEST_WAIT_S: Final = 3600.0


def await_recovery(
    client: TorcClient,
    workflow_id: int,
    *,
    run_id: int | None = None,
    say: Callable[[Line], None],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Return True when there are jobs to run again; False without failures or watchers, and after an hour.

    `run_id` is the run that came to rest: a later one was begun by a recovery.
    """
    recovering = client.failures.count_recovering(workflow_id)  # before the look: it may end by recovering
    status = client.workflow_status(workflow_id)
    if run_id is not None and status.run_id > run_id and not is_at_rest(status):
        return True
    if not failed_jobs(status) or not recovering:
        return False
    say(f"`torc watch --recover` follows workflow {workflow_id}: waiting for its recovery. Ctrl-C leaves.")
    began = seen = clock()
    while True:
        status = client.workflow_status(workflow_id)
        if status.is_canceled:
            return False
        if not is_at_rest(status):
            return True
        now = clock()
        if client.failures.count_recovering(workflow_id):
            seen = now
        if now - seen > _GONE_S or now - began > LONGEST_WAIT_S:
            return False
        pause(_POLL_S)
