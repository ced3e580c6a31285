"""Claims: ready jobs are given to runners, each job to one."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from torc_core.api.jobs import Capacity, ClaimedJobs, ComputeNodesResources, JobNeed, Outlook
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.jobs.lifecycle import Event
from torc_core.jobs.status import ACTIVE, DONE, JobStatus
from torc_core.resources.duration import format_duration, parse_duration
from torc_server.db.queries.jobs import claims as queries
from torc_server.db.queries.jobs.claims import Candidate, Eligible, Kind
from torc_server.db.queries.jobs.jobs import OUTPUTS, job_models
from torc_server.db.queries.records.workflows import WorkflowState, count_jobs
from torc_server.db.queries.runs.create import as_text
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.packing import Packing
from torc_server.services.jobs.transitions import apply_event
from torc_server.services.records.lookup import find_runner, find_workflow

_SMALLEST_CHUNK: Final = 128
_LARGEST_CHUNK: Final = 5_000
_MOST_KINDS: Final = 64
"""With so many kinds of ready jobs, finding them takes a claim about 0.3 ms."""
_NO_SCHEDULER: Final = -1
"""Matches only jobs that name no scheduler."""


def claim_jobs(
    uow: UnitOfWork,
    workflow_id: int,
    resources: ComputeNodesResources,
    *,
    limit: int,
    strict_scheduler_match: bool = False,
) -> ClaimedJobs:
    """Claim up to `limit` jobs that fit together into the runner's free resources, and `ahead` more.

    Claim order is priority, then GPUs, runtime, memory and CPUs, the largest first, then age. Jobs of the runner's own
    scheduler come first; others only when there are none, and never with `strict_scheduler_match`. A runner of another
    run gets nothing, as its results would be refused.
    """
    workflow = find_workflow(uow, workflow_id)
    if resources.id is not None:
        find_runner(uow, workflow_id, resources.id)
    claimed: list[int] = []
    if _why_nothing(workflow, resources.run_id) is None:
        for eligible in _passes(workflow_id, resources, strict=strict_scheduler_match):
            claimed = _claim(uow, eligible, resources, limit=limit)
            if claimed:
                break
    return _answer(uow, workflow, claimed, resources, strict=strict_scheduler_match, run_id=resources.run_id)


def claim_next_jobs(
    uow: UnitOfWork,
    workflow_id: int,
    *,
    limit: int = 10,
    compute_node_id: int | None = None,
    run_id: int | None = None,
    labels: Sequence[str] = (),
) -> ClaimedJobs:
    """Claim up to `limit` ready jobs whatever they need but for labels; a caller of another run gets nothing."""
    workflow = find_workflow(uow, workflow_id)
    if compute_node_id is not None:
        find_runner(uow, workflow_id, compute_node_id)
    is_served = limit > 0 and _why_nothing(workflow, run_id) is None
    wanted = queries.first_ready(uow, workflow_id, limit, labels=as_text(list(labels))) if is_served else []
    apply_event(uow, Event.CLAIM, wanted, owner=compute_node_id)
    return _answer(uow, workflow, wanted, None, strict=False, run_id=run_id)


def nothing_to_claim(
    uow: UnitOfWork,
    workflow_id: int,
    resources: ComputeNodesResources | None = None,
    *,
    strict_scheduler_match: bool = False,
    run_id: int | None = None,
    labels: Sequence[str] = (),
) -> ClaimedJobs | None:
    """Return the empty answer that a claim would get now, or None when it would get jobs. Only reads."""
    workflow = find_workflow(uow, workflow_id)
    run_id = resources.run_id if resources else run_id
    is_served = _why_nothing(workflow, run_id) is None
    if is_served and _would_get_any(uow, workflow_id, resources, strict=strict_scheduler_match, labels=labels):
        return None
    return _answer(uow, workflow, [], resources, strict=strict_scheduler_match, run_id=run_id)


def _why_nothing(workflow: WorkflowState, run_id: int | None) -> str | None:
    if workflow.is_canceled:
        return "Workflow is canceled"
    if run_id not in {None, workflow.run_id}:
        return f"Workflow is in run {workflow.run_id}, not in run {run_id}"
    return None


def _would_get_any(
    uow: UnitOfWork,
    workflow_id: int,
    resources: ComputeNodesResources | None,
    *,
    strict: bool,
    labels: Sequence[str],
) -> bool:
    if resources is None:
        return queries.is_anything_ready(uow, workflow_id, labels=as_text(list(labels)))
    *_, widest = _passes(workflow_id, resources, strict=strict)
    offers: list[Capacity] = [resources]
    if resources.ahead and resources.capacity:
        offers.append(resources.capacity)
    return any(chunk for offer in offers for chunk in _read(uow, widest, Packing(offer), size=1))


def _passes(workflow_id: int, resources: ComputeNodesResources, *, strict: bool) -> Iterator[Eligible]:
    time_limit_s = None if resources.time_limit is None else parse_duration(resources.time_limit)
    scheduler_id = _NO_SCHEDULER if resources.scheduler_config_id is None else resources.scheduler_config_id
    timeless = UNSPECIFIED_REQUIREMENT if resources.takes_unstated_runtime else None
    labels = as_text(resources.labels or [])
    yield Eligible(workflow_id, time_limit_s, scheduler_id, timeless, labels)
    if not strict:
        yield Eligible(workflow_id, time_limit_s, None, timeless, labels)


def _claim(uow: UnitOfWork, eligible: Eligible, resources: ComputeNodesResources, *, limit: int) -> list[int]:
    claimed = _choose(uow, eligible, resources, limit=limit)
    apply_event(uow, Event.CLAIM, claimed, owner=resources.id)
    if resources.ahead and resources.capacity:
        idle = Packing(resources.capacity).fit()
        more = [job.id for job in queries.next_candidates(uow, eligible, idle, after=None, limit=resources.ahead)]
        claimed += apply_event(uow, Event.CLAIM, more, owner=resources.id)
    return claimed


def _choose(uow: UnitOfWork, eligible: Eligible, free: Capacity, *, limit: int) -> list[int]:
    packing, chosen = Packing(free), list[int]()
    for candidates in _read(uow, eligible, packing, size=min(max(_SMALLEST_CHUNK, limit), _LARGEST_CHUNK)):
        fitting = (job.id for job in candidates if packing.take(job))
        chosen += islice(fitting, limit - len(chosen))
        if len(chosen) >= limit:
            break
    return chosen


def _read(uow: UnitOfWork, eligible: Eligible, packing: Packing, *, size: int) -> Iterator[Sequence[Candidate]]:
    """Yield the ready jobs that fit, in claim order, in chunks; each job is read once.

    Kinds of jobs that do not fit beside those that were taken are left out as a whole: without that, a runner with one
    free CPU would make the database look at each of a million jobs that need more. Where there are very many kinds, a
    look at each of them takes longer than that.
    """
    kinds = queries.ready_kinds(uow, eligible.workflow_id, limit=_MOST_KINDS + 1)
    if len(kinds) > _MOST_KINDS:
        yield from _read_chunks(uow, eligible, packing, size=size)
        return
    for kind in kinds:
        yield from _read_chunks(uow, eligible, packing, size=size, kind=kind)


def _read_chunks(
    uow: UnitOfWork, eligible: Eligible, packing: Packing, *, size: int, kind: Kind | None = None
) -> Iterator[Sequence[Candidate]]:
    last = None
    while kind is None or (_ends_in_time(kind, eligible) and packing.may_take(kind)):
        candidates = queries.next_candidates(uow, eligible, packing.fit(), kind=kind, after=last, limit=size)
        if candidates:
            yield candidates
        if len(candidates) < size:
            return
        last = candidates[-1]


def _ends_in_time(kind: Kind, eligible: Eligible) -> bool:
    is_short = eligible.time_limit_s is None or kind.runtime_s <= eligible.time_limit_s
    return is_short or eligible.timeless is not None


def _answer(
    uow: UnitOfWork,
    workflow: WorkflowState,
    claimed: list[int],
    resources: ComputeNodesResources | None,
    *,
    strict: bool,
    run_id: int | None,
) -> ClaimedJobs:
    if claimed:
        return ClaimedJobs(jobs=job_models(uow, claimed, fields=OUTPUTS))
    return ClaimedJobs(
        jobs=[],
        reason=_why_nothing(workflow, run_id),
        outlook=_outlook(uow, workflow, resources, strict=strict),
    )


def _outlook(
    uow: UnitOfWork, workflow: WorkflowState, resources: ComputeNodesResources | None, *, strict: bool
) -> Outlook:
    counts = count_jobs(uow, workflow.id)
    ready = fitting = counts.get(JobStatus.READY, 0)
    if ready and resources is not None:
        *_, widest = _passes(workflow.id, resources, strict=strict)
        fitting = queries.count_fitting(uow, widest, Packing(resources.capacity or resources).fit())
    others = 0
    if ready and resources is not None and not fitting:
        others = queries.count_with_other_labels(uow, workflow.id, as_text(resources.labels or []))
    smallest = queries.smallest_need(uow, workflow.id) if ready and not fitting else None
    return Outlook(
        run_id=workflow.run_id,
        active=sum(counts.get(status, 0) for status in ACTIVE),
        ready=ready,
        ready_that_fit=fitting,
        ready_with_other_labels=others,
        blocked=counts.get(JobStatus.BLOCKED, 0),
        pending_failed=counts.get(JobStatus.PENDING_FAILED, 0),
        is_complete=workflow.is_canceled or all(status in DONE for status in counts),
        is_canceled=workflow.is_canceled,
        smallest_need=None if smallest is None else _describe(smallest),
    )


def _describe(need: queries.SmallestNeed) -> JobNeed:
    return JobNeed(
        num_cpus=need.num_cpus,
        num_gpus=need.num_gpus,
        num_nodes=need.num_nodes,
        memory_gb=need.memory_bytes / 2**30,
        runtime=format_duration(need.runtime_s),
    )
