"""Looks ahead: raises for jobs that wait whose started siblings lacked memory or time."""

from collections.abc import Sequence
from dataclasses import dataclass

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.attempt_facts import failed_attempts
from torc_core.api.recovery import PlannedRaise, RaiseWaitingRequest
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.errors import StateConflictError
from torc_core.hints import Say
from torc_core.jobs.status import FAILURES, JobStatus
from torc_core.recovery.diagnosis import Diagnosis, diagnose
from torc_core.recovery.foresight import LEAST_FAILED, WAITING, ForeseenRaise, Sibling, foresee
from torc_core.recovery.plan import RecoverOptions
from torc_core.recovery.texts import foreseen_lines

_GROWTH = 1.1
"""A watch looks ahead again once there are so many times the failures: each look reads all of them."""


def read_siblings(client: TorcClient, workflow_id: int) -> list[Sibling]:
    """Return every job of the workflow, as far as its siblings need it."""
    return [
        Sibling(
            job_id=job.id or 0,
            name=job.name,
            requirement_id=job.resource_requirements_id or 0,
            status=job.status or JobStatus.UNINITIALIZED,
            attempt_id=job.attempt_id or 1,
        )
        for job in client.jobs.list_all(workflow_id=workflow_id)
    ]


def look_ahead(
    client: TorcClient, workflow_id: int, diagnoses: Sequence[Diagnosis], options: RecoverOptions
) -> tuple[ForeseenRaise, ...]:
    """Return the raises for jobs that wait; none without enough failures. Changes nothing."""
    if len(diagnoses) < LEAST_FAILED:
        return ()
    return foresee(diagnoses, read_siblings(client, workflow_id), options)


def raise_waiting(
    client: TorcClient, status: WorkflowStatusModel, foreseen: Sequence[ForeseenRaise], *, user: str, say: Say
) -> int:
    """Carry out the raises, and report them; return how many jobs got more. Started jobs are left as they are."""
    if not foreseen:
        return 0
    request = RaiseWaitingRequest(
        run_id=status.run_id,
        requested_by=user,
        raises=[
            PlannedRaise(
                job_ids=list(each.job_ids),
                resource_requirements_id=each.resource_requirements_id,
                memory=each.memory,
                runtime=each.runtime,
                reason=each.reason,
            )
            for each in foreseen
        ],
    )
    for line in foreseen_lines(foreseen, proposed=False):
        say(line)
    return client.failures.raise_waiting(status.workflow_id, request).raised


@dataclass(kw_only=True)
class Foresight:
    """Looks ahead while a workflow runs, each time that clearly more jobs have failed than at the last look."""

    client: TorcClient
    options: RecoverOptions
    allocations: Allocations
    user: str
    say: Say
    _seen: int = 0

    def look(self, status: WorkflowStatusModel) -> int:
        """Raise what waits, where enough siblings have failed by now; return how many jobs got more."""
        counts = status.jobs_by_status
        failed, waiting = counts.total(FAILURES), counts.total(WAITING)
        if failed < LEAST_FAILED or failed < self._seen * _GROWTH or not waiting:
            # after a recovery fewer are failed: they count anew
            self._seen = min(self._seen, failed)
            return 0
        self._seen = failed + 1
        facts = failed_attempts(self.client, status.workflow_id, self.allocations)
        foreseen = look_ahead(self.client, status.workflow_id, [diagnose(each) for each in facts], self.options)
        try:
            return raise_waiting(self.client, status, foreseen, user=self.user, say=self.say)
        except StateConflictError:
            # another recovery began a new run meanwhile: the next look sees that
            return 0
