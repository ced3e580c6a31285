"""Failures of a workflow, grouped by what they have in common."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from torc_core.api.base import MAX_PAGE, Page
from torc_core.api.failures import FailureGroup, FailureGroups, FailureSample, SignatureRecord
from torc_core.api.jobs import EvidenceModel
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT, AttemptFacts, PartitionLimits, RequirementFacts
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import FAILURES, JobStatus
from torc_core.recovery.suggested_amounts import suggest_amounts
from torc_core.triage.assess import Assessment, assess
from torc_core.triage.history import apply_history
from torc_core.triage.limits import AllocationLimits, Ceiling, find_ceiling
from torc_core.triage.similar import AlikeLessons, Lesson, find_alike
from torc_core.triage.suggestion import Suggestion
from torc_server.db.queries.triage import failures as queries
from torc_server.db.queries.triage.failures import Failure, Histories, StoredEvidence
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest

FailureStatus = Literal["pending_failed", "failed", "terminated", "all"]

_TEXTS_KEPT: Final = 512
"""Assessments kept in memory, of at most 16 KiB of evidence each."""
_UNKNOWN_CODE: Final = -1
"""The return code of an attempt that left no result."""


class GroupFilter(NamedTuple):
    """Conditions on failure groups; None is no condition. `text` stands in cause, signature, reason or a job's name."""

    class_: str | None = None
    action: str | None = None
    min_confidence: float | None = None
    min_count: int = 0
    text: str | None = None

    @property
    def asks_for_suggestion(self) -> bool:
        """Return whether groups must be assessed before it is known which of them are wanted."""
        return (self.class_, self.action, self.min_confidence, self.text) != (None, None, None, None)

    def takes(self, group: FailureGroup, names: Iterable[str]) -> bool:
        suggestion = group.suggestion
        return (
            (self.class_ is None or (suggestion is not None and suggestion.class_ == self.class_))
            and (self.action is None or (suggestion is not None and suggestion.action == self.action))
            and (
                self.min_confidence is None or (suggestion is not None and suggestion.confidence >= self.min_confidence)
            )
            and (self.text is None or self._is_in(group, names))
        )

    def _is_in(self, group: FailureGroup, names: Iterable[str]) -> bool:
        wanted = (self.text or "").casefold()
        reason = "" if group.suggestion is None else group.suggestion.reason
        return any(wanted in text.casefold() for text in (group.cause, group.signature, reason, *names))


_ANY: Final = GroupFilter()


def list_groups(
    uow: UnitOfWork,
    workflow_id: int,
    page: PageRequest,
    *,
    status: FailureStatus,
    job_ids_limit: int | None,
    signature: str | None = None,
    job_id: int | None = None,
    wanted: GroupFilter = _ANY,
) -> FailureGroups:
    """Return jobs that are in `status` now, grouped by the signature of their newest failed attempt, largest first.

    Only groups whose signature begins with `signature`, or only the group of one job, and only those `wanted`.
    """
    find_workflow(uow, workflow_id)
    found = queries.failures(uow, workflow_id, _statuses(status), prefix=signature, job_id=job_id)
    if job_id is not None and found:
        found = queries.failures(uow, workflow_id, _statuses(status), signature=found[0].signature)
    groups = [group for group in _largest_first(found) if len(group) >= wanted.min_count]
    if wanted.asks_for_suggestion:
        assessed = _assessed(uow, workflow_id, groups, job_ids_limit=job_ids_limit)
        taken = [
            (model, members)
            for model, members in zip(assessed, groups, strict=True)
            if wanted.takes(model, (failure.job_name for failure in members))
        ]
        groups = [members for _, members in taken]
        items = [model for model, _ in taken[page.offset : page.offset + page.limit]]
    else:
        part = groups[page.offset : page.offset + page.limit]
        items = _assessed(uow, workflow_id, part, job_ids_limit=job_ids_limit)
    return FailureGroups(
        workflow_id=workflow_id,
        total_jobs=sum(map(len, groups)),
        items=items,
        offset=page.offset,
        max_limit=MAX_PAGE,
        count=len(items),
        total_count=len(groups),
        has_more=page.offset + len(items) < len(groups),
    )


def _assessed(
    uow: UnitOfWork, workflow_id: int, groups: Sequence[Sequence[Failure]], *, job_ids_limit: int | None
) -> list[FailureGroup]:
    """Return the models of these groups, each with the suggestion for its first job."""
    samples = [group[0] for group in groups]
    texts = queries.evidence_texts(uow, _evidence_ids(samples))
    histories = queries.histories(uow, workflow_id, [sample.signature for sample in samples])
    allocations = queries.allocation_limits(uow, workflow_id)
    # only for causes that nobody has decided about: those of others cannot change the rest
    is_new = any(sample.signature not in histories for sample in samples)
    lessons = queries.lessons(uow, workflow_id) if is_new else []
    return [
        _group(
            group,
            texts.get(group[0].evidence_id or 0),
            histories.get(group[0].signature),
            lessons,
            allocations=allocations,
            job_ids_limit=job_ids_limit,
        )
        for group in groups
    ]


def list_evidence(uow: UnitOfWork, workflow_id: int, signature: str, page: PageRequest) -> Page[EvidenceModel]:
    """Return the evidence of the newest failed attempts with this signature; made of results where none was stored."""
    find_workflow(uow, workflow_id)
    found = queries.failures(uow, workflow_id, FAILURES, signature=signature)
    wanted = found[page.offset : page.offset + page.limit]
    texts = queries.evidence_texts(uow, _evidence_ids(wanted))
    items = [
        EvidenceModel(
            workflow_id=workflow_id,
            job_id=failure.job_id,
            job_name=failure.job_name,
            run_id=failure.run_id,
            attempt_id=failure.attempt_id,
            evidence=_evidence(texts.get(failure.evidence_id or 0)) or _facts(failure),
        )
        for failure in wanted
    ]
    return page.page(items, total=len(found))


def _statuses(status: FailureStatus) -> Collection[JobStatus]:
    return FAILURES if status == "all" else (JobStatus(status),)


def _largest_first(found: Sequence[Failure]) -> list[list[Failure]]:
    groups: defaultdict[str, list[Failure]] = defaultdict(list)
    for failure in found:
        groups[failure.signature].append(failure)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].job_id))


@lru_cache(maxsize=_TEXTS_KEPT)
def _assess_text(data: str) -> Assessment:
    """Return what stored evidence means; the same text always means the same, and is looked at again and again."""
    return assess(Evidence.model_validate_json(data))


def _evidence_ids(found: Sequence[Failure]) -> list[int]:
    return [failure.evidence_id for failure in found if failure.evidence_id is not None]


def _group(
    group: Sequence[Failure],
    stored: StoredEvidence | None,
    known: Histories | None,
    lessons: Sequence[Lesson],
    *,
    allocations: Collection[AllocationLimits],
    job_ids_limit: int | None,
) -> FailureGroup:
    first = group[0]
    evidence = _evidence(stored)
    cause = _cause(first, stored)
    assessed = assess(_facts(first)) if stored is None else _assess_text(stored.data)
    history = known or Histories()
    alike = find_alike(cause, lessons, own_signature=first.signature) if known is None else AlikeLessons()
    suggestion = _suggestion(group, assessed, history, alike, allocations=allocations, cause=cause)
    return FailureGroup(
        signature=first.signature,
        cause=cause,
        count=len(group),
        job_ids=[failure.job_id for failure in group[:job_ids_limit]],
        suggestion=suggestion,
        leaning=assessed.leaning if suggestion is None else None,
        doubts=assessed.doubts,
        record=SignatureRecord(
            retried=sum(each.retried for each in history),
            retries_succeeded=sum(each.succeeded for each in history),
            retries_failed_again=sum(each.failed_again for each in history),
            failed=sum(each.failed for each in history),
            alike=alike.causes,
        ),
        sample=FailureSample(
            job_id=first.job_id,
            job_name=first.job_name,
            run_id=first.run_id,
            attempt_id=first.attempt_id,
            return_code=_UNKNOWN_CODE if first.return_code is None else first.return_code,
            exec_time_minutes=first.exec_time_minutes,
            evidence=evidence,
        ),
    )


def _suggestion(
    group: Sequence[Failure],
    assessed: Assessment,
    history: Histories,
    alike: AlikeLessons,
    *,
    allocations: Collection[AllocationLimits],
    cause: str,
) -> Suggestion | None:
    suggestion = apply_history(
        assessed.suggestion, history.here, elsewhere=history.elsewhere, alike=alike.history, cause=cause
    )
    if suggestion is None:
        return None
    ceiling = find_ceiling(allocations, group[0].scheduler_id)
    return suggest_amounts(suggestion, _neediest(group, assessed.evidence, ceiling))


def _neediest(group: Sequence[Failure], evidence: Evidence, ceiling: Ceiling) -> AttemptFacts:
    """Return the facts of an attempt that needs as much as the neediest job of the group."""
    first = group[0]
    stated = [failure for failure in group if failure.requirement_name != UNSPECIFIED_REQUIREMENT] or group
    peaks = [failure.peak_memory_bytes for failure in group if failure.peak_memory_bytes is not None]
    return AttemptFacts(
        job_id=first.job_id,
        job_name=first.job_name,
        status=JobStatus.PENDING_FAILED,
        run_id=first.run_id,
        attempt_id=first.attempt_id,
        return_code=evidence.return_code,
        exec_time_minutes=first.exec_time_minutes or 0.0,
        requirement=RequirementFacts(
            id=stated[0].requirement_id,
            name=stated[0].requirement_name,
            memory_bytes=max(failure.memory_bytes for failure in stated),
            runtime_s=max(failure.runtime_s for failure in stated),
        ),
        peak_memory_bytes=max(peaks, default=None),
        evidence=evidence,
        partition=PartitionLimits(memory_bytes=ceiling.memory_bytes, runtime_s=ceiling.runtime_s),
    )


def _evidence(stored: StoredEvidence | None) -> Evidence | None:
    return None if stored is None else Evidence.model_validate_json(stored.data)


def _facts(failure: Failure) -> Evidence:
    """Return evidence made of the result alone."""
    states_limits = failure.requirement_name != UNSPECIFIED_REQUIREMENT
    return Evidence(
        return_code=_UNKNOWN_CODE if failure.return_code is None else failure.return_code,
        peak_memory_bytes=failure.peak_memory_bytes,
        memory_limit_bytes=failure.memory_bytes or None if states_limits else None,
        runtime_s=None if failure.exec_time_minutes is None else failure.exec_time_minutes * 60,
        runtime_limit_s=failure.runtime_s or None if states_limits else None,
    )


def _cause(failure: Failure, stored: StoredEvidence | None) -> str:
    if stored is not None and stored.cause:
        return stored.cause
    if failure.return_code is None:
        return "Nothing about the failure was recorded."
    return f"It exited with {failure.return_code}; nothing more was recorded."
