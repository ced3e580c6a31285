"""Plans a request to decide: what would be done with each job, and which jobs are skipped and why."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from torc_core.api.failures import (
    MAX_DECIDED_JOBS,
    Actor,
    ActorKind,
    Classification,
    ClassifiedJob,
    ClassifyRequest,
    DecisionLimits,
)
from torc_core.errors import InvalidInputError, NotFoundError
from torc_core.evidence.redaction import redact_secrets
from torc_core.hints import Hint, torc
from torc_core.jobs.status import JobStatus
from torc_core.recovery.decision import DecisionRequest, bounds_of, plan_decision, read_memory, read_runtime
from torc_core.triage.limits import Ceiling, find_ceiling
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.queries.triage import decisions
from torc_server.db.queries.triage import failures as queries_failures
from torc_server.db.unit_of_work import UnitOfWork

_SHOWN: Final = 20


class DecisionCounts(NamedTuple):
    retry: int
    fail: int
    skipped: int


def count(jobs: Iterable[ClassifiedJob]) -> DecisionCounts:
    """Count the jobs that are, or would be, retried, failed and skipped."""
    kinds = Counter("skipped" if job.status == "skipped" else job.action for job in jobs)
    return DecisionCounts(kinds["retry"], kinds["fail"], kinds["skipped"])


class Plan(NamedTuple):
    """The part of a request that is done at once; `left` counts the jobs of each signature that were too many."""

    jobs: list[ClassifiedJob]
    left: Mapping[str, int]


def plan_request(
    uow: UnitOfWork, workflow: WorkflowState, request: ClassifyRequest, *, decider: Actor, is_proposal: bool = False
) -> Plan:
    """Return what the request would do to each job now, in the order of its entries.

    Raises InvalidInputError for wrong amounts, jobs named twice and too many jobs, NotFoundError for jobs that do
    not exist; nothing else of the request counts then.
    """
    requests = expand(uow, workflow, request.classifications)
    planned = plan_decisions(
        uow, workflow, requests, limits=request.limits, decider=decider.kind, is_proposal=is_proposal
    )
    return _cut(planned, named={each.job_id for each in request.classifications if each.job_id is not None})


def plan_decisions(
    uow: UnitOfWork,
    workflow: WorkflowState,
    requests: Sequence[DecisionRequest],
    *,
    limits: DecisionLimits,
    decider: ActorKind,
    is_proposal: bool = False,
) -> list[ClassifiedJob]:
    """Plan the request. Raises NotFoundError naming the jobs that do not exist."""
    # A workflow may allow less than the server, never more: else who owns one could undo the server's bound.
    max_raise = min(uow.settings.max_raise, workflow.max_raise or uow.settings.max_raise)
    bounds = bounds_of(limits, decider, is_proposal=is_proposal, max_raise=max_raise)
    job_ids = [wanted.job_id for wanted in requests]
    jobs = decisions.job_facts(uow, job_ids)
    missing = [job_id for job_id in job_ids if job_id not in jobs]
    if missing:
        raise NotFoundError(
            f"there is no job {some(missing)}",
            hint=Hint("`{}` shows the jobs that wait for a decision", torc("failures list", workflow.id)),
            ids={"workflow_id": workflow.id, "job_id": missing[0]},
        )
    retries = decisions.retries_without_people(uow, job_ids)
    allocations = queries_failures.allocation_limits(uow, workflow.id)
    # Where a scheduler grants the nodes, a recovery may ask for larger ones than those seen so far.
    machine = None if allocations else Ceiling(memory_bytes=queries_failures.largest_memory(uow, workflow.id))
    return [
        plan_decision(
            wanted,
            job := jobs[wanted.job_id],
            workflow_id=workflow.id,
            run_id=workflow.run_id,
            retries=retries.get(job.id, 0),
            bounds=bounds,
            allocation=find_ceiling(allocations, job.scheduler_id),
            machine=machine,
        )
        for wanted in requests
    ]


def expand(
    uow: UnitOfWork, workflow: WorkflowState, classifications: Sequence[Classification]
) -> list[DecisionRequest]:
    """Return one decision request for each job: a signature stands for every pending_failed job that has it now."""
    waiting = queries_failures.failures(uow, workflow.id, [JobStatus.PENDING_FAILED])
    signatures = {failure.job_id: failure.signature for failure in waiting}
    by_signature: dict[str, list[int]] = {}
    for failure in waiting:
        by_signature.setdefault(failure.signature, []).append(failure.job_id)
    requests: list[DecisionRequest] = []
    for place, classification in enumerate(classifications):
        wanted = decision_request(classification, place)
        if classification.signature is None:
            job_ids = [] if classification.job_id is None else [classification.job_id]
        else:
            job_ids = by_signature.get(classification.signature, [])
            if not job_ids:
                raise _no_such_signature(workflow.id, classification.signature)
        requests += [wanted(job_id, signatures.get(job_id)) for job_id in job_ids]
    check_targets(
        [wanted.job_id for wanted in requests],
        named=sum(classification.job_id is not None for classification in classifications),
    )
    return requests


def _cut(planned: list[ClassifiedJob], *, named: Collection[int]) -> Plan:
    """Keep as many as one call may decide: jobs that are named, then those that can move, then skipped ones."""
    if len(planned) <= MAX_DECIDED_JOBS:
        return Plan(planned, {})
    ordered = sorted(planned, key=lambda job: (job.job_id not in named, job.status == "skipped"))
    kept = {job.job_id for job in ordered[:MAX_DECIDED_JOBS]}
    left = Counter(job.signature or "" for job in ordered[MAX_DECIDED_JOBS:] if job.status != "skipped")
    return Plan([job for job in planned if job.job_id in kept], left)


def decision_request(classification: Classification, place: int) -> "Wanted":
    """Return the classification with its amounts read. Raises InvalidInputError that names the wrong one."""
    return Wanted(
        classification,
        read_memory(classification.memory or None, f"classifications.{place}.memory"),
        read_runtime(classification.runtime or None, f"classifications.{place}.runtime"),
        redact_secrets(classification.reason),
    )


class Wanted(NamedTuple):
    """The action wanted for every job that the classification names."""

    classification: Classification
    memory_bytes: int | None
    runtime_s: float | None
    reason: str

    def __call__(
        self, job_id: int, signature: str | None, *, bound_to: tuple[int, int] | None = None
    ) -> DecisionRequest:
        return DecisionRequest(
            job_id=job_id,
            action=self.classification.action,
            reason=self.reason,
            memory_bytes=self.memory_bytes,
            runtime_s=self.runtime_s,
            signature=signature,
            bound_to=bound_to,
        )


def check_targets(job_ids: Sequence[int], *, named: int) -> None:
    """Check the targets. Raises InvalidInputError for a job named twice, or for too many `named` one by one."""
    twice = sorted(job_id for job_id, times in Counter(job_ids).items() if times > 1)
    if twice:
        raise InvalidInputError(
            f"job {some(twice)} is named more than once",
            hint="name each job once: by itself, or by its signature",
            ids={"job_id": twice[0]},
        )
    if named > MAX_DECIDED_JOBS:
        raise InvalidInputError(
            f"{named} jobs are too many for one decision", hint=f"decide at most {MAX_DECIDED_JOBS} at once"
        )


def _no_such_signature(workflow_id: int, signature: str) -> NotFoundError:
    return NotFoundError(
        f"workflow {workflow_id} has no pending_failed job with the signature {signature[:40]!r}",
        hint=Hint("they may have been decided meanwhile: `{}`", torc("failures list", workflow_id)),
        ids={"workflow_id": workflow_id},
    )


def some(job_ids: Sequence[int]) -> str:
    """Return the first of the ids, for a message."""
    shown = ", ".join(map(str, job_ids[:_SHOWN]))
    return shown if len(job_ids) <= _SHOWN else f"{shown} and {len(job_ids) - _SHOWN} more"
