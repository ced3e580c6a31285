"""Reads the facts of ended attempts, in a few requests for any number of jobs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_core.api.jobs import EvidenceModel, JobModel
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.api.results import ResultModel
from torc_core.evidence.attempt import (
    UNSPECIFIED_REQUIREMENT,
    AttemptFacts,
    EarlierAttempt,
    PartitionLimits,
    RequirementFacts,
)
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import FAILED_FOR_GOOD, FAILURES, JobStatus
from torc_core.recovery.diagnosis import diagnose
from torc_core.recovery.orphans import OrphanedJob
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_core.triage.facts import RUNNER_LOST_CODE

"""The statuses of a failed attempt's result, also where its job is pending_failed."""
_NO_REQUIREMENT: Final = RequirementFacts(id=0, name=UNSPECIFIED_REQUIREMENT, memory_bytes=0, runtime_s=0)
_UNKNOWN_CODE: Final = 1


class _AttemptKey(NamedTuple):
    job_id: int
    run_id: int
    attempt_id: int


def failed_attempts(client: TorcClient, workflow_id: int, allocations: Allocations) -> list[AttemptFacts]:
    """Return the newest attempt of every failed, terminated and pending_failed job, with its earlier failures."""
    jobs = client.jobs.list_all(workflow_id=workflow_id, status=sorted(FAILURES))
    if not jobs:
        return []
    requirements = _requirements(client, workflow_id)
    attempts = _by_job(_failed_results(client, workflow_id), {job.id for job in jobs})
    has_history = any(len(results) > 1 for results in attempts.values())
    textless = _evidence(client, workflow_id, only_latest=False, with_texts=False) if has_history else {}
    evidence = _evidence(client, workflow_id, only_latest=True, with_texts=True)
    limits = allocations.limits(client, jobs)
    given_up = {one.job_id: one.why_given_up for one in client.failures.decisions(workflow_id, only_standing=True)}
    return [
        _failure(job, requirements, attempts.get(job.id or 0, []), evidence, textless, limit).model_copy(
            update={"given_up": given_up.get(job.id or 0)}
        )
        for job, limit in zip(jobs, limits, strict=True)
    ]


def completed_attempts(client: TorcClient, workflow_id: int, *, run_id: int | None = None) -> list[AttemptFacts]:
    """Return the newest attempts that completed, of all runs or within one."""
    return list(_of_results(client, workflow_id, run_id=run_id, statuses=(JobStatus.COMPLETED,), evidence={}))


def failed_attempts_of_run(client: TorcClient, workflow_id: int, *, run_id: int) -> list[AttemptFacts]:
    """Return the last attempts of a run that failed, also where the job completed in a later run."""
    evidence = _evidence(client, workflow_id, only_latest=False, with_texts=True, statuses=tuple(JobStatus))
    return list(_of_results(client, workflow_id, run_id=run_id, statuses=tuple(FAILED_FOR_GOOD), evidence=evidence))


def attempts_with_evidence(
    client: TorcClient, workflow_id: int, *, statuses: Sequence[JobStatus]
) -> Iterator[tuple[ResultModel, AttemptFacts]]:
    """Yield every attempt of all runs that ended so, with its result and its evidence without texts."""
    results = [
        result
        for status in statuses
        for result in client.results.list_all(workflow_id=workflow_id, all_runs=True, status=status)
    ]
    if not results:
        return
    jobs = {job.id: job for job in client.jobs.list_all(workflow_id=workflow_id)}
    requirements = _requirements(client, workflow_id)
    evidence = _evidence(client, workflow_id, only_latest=False, with_texts=False, statuses=tuple(JobStatus))
    for result in results:
        job = jobs.get(result.job_id)
        if job is not None:
            facts = _facts(job, _requirement_of(job, requirements), result, evidence.get(_attempt_key(result)))
            yield result, facts.model_copy(update={"status": result.status})


def orphan_facts(
    orphan: OrphanedJob, job: JobModel, requirement: ResourceRequirementsModel | None, *, run_id: int
) -> AttemptFacts:
    """Return the facts that a running job will have once it is reclaimed from a runner that is gone."""
    runtime_s = None
    if orphan.ended_at is not None and job.start_time is not None:
        runtime_s = max(0.0, (orphan.ended_at - datetime.fromisoformat(job.start_time)).total_seconds())
    return _facts(
        job,
        _requirement(requirement) if requirement else _NO_REQUIREMENT,
        result=None,
        evidence=Evidence(
            return_code=RUNNER_LOST_CODE, verdict="lost", scheduler=orphan.scheduler, runtime_s=runtime_s
        ),
    ).model_copy(update={"status": JobStatus.FAILED, "run_id": run_id, "return_code": RUNNER_LOST_CODE})


def _of_results(
    client: TorcClient,
    workflow_id: int,
    *,
    run_id: int | None,
    statuses: Sequence[JobStatus],
    evidence: Mapping[_AttemptKey, Evidence],
) -> Iterator[AttemptFacts]:
    """Yield the last attempt of each job in the run whose result has one of the statuses."""
    results = client.results.list_all(workflow_id=workflow_id, run_id=run_id, all_runs=run_id is not None)
    newest = _by_job(results, None)
    jobs = {job.id: job for job in client.jobs.list_all(workflow_id=workflow_id)} if newest else {}
    requirements = _requirements(client, workflow_id) if newest else {}
    for job_id, attempts in newest.items():
        result, job = attempts[-1], jobs.get(job_id)
        if job is not None and result.status in statuses:
            facts = _facts(job, _requirement_of(job, requirements), result, evidence.get(_attempt_key(result)))
            yield facts.model_copy(update={"status": result.status})


def _failure(
    job: JobModel,
    requirements: Mapping[int, RequirementFacts],
    attempts: Sequence[ResultModel],
    evidence: Mapping[_AttemptKey, Evidence],
    textless: Mapping[_AttemptKey, Evidence],
    limits: PartitionLimits,
) -> AttemptFacts:
    requirement = _requirement_of(job, requirements)
    result = attempts[-1] if attempts else None
    facts = _facts(job, requirement, result, evidence.get(_attempt_key(result)) if result else None)
    return facts.model_copy(
        update={
            "partition": limits,
            "history": tuple(_earlier(job, requirement, result, textless) for result in attempts[:-1]),
        }
    )


def _earlier(
    job: JobModel, requirement: RequirementFacts, result: ResultModel, evidence: Mapping[_AttemptKey, Evidence]
) -> EarlierAttempt:
    facts = _facts(job, requirement, result, evidence.get(_attempt_key(result)))
    return diagnose(facts.model_copy(update={"status": result.status})).as_history()


def _facts(
    job: JobModel, requirement: RequirementFacts, result: ResultModel | None, evidence: Evidence | None
) -> AttemptFacts:
    """Join what is known of one attempt; without a result (deleted) its end is unknown."""
    return AttemptFacts(
        job_id=job.id or 0,
        job_name=job.name,
        status=job.status or JobStatus.FAILED,
        run_id=result.run_id if result else 1,
        attempt_id=(result.attempt_id if result else job.attempt_id) or 1,
        return_code=result.return_code if result else _UNKNOWN_CODE,
        exec_time_minutes=result.exec_time_minutes if result else 0.0,
        requirement=requirement,
        peak_memory_bytes=result.peak_memory_bytes if result else None,
        peak_cpu_percent=result.peak_cpu_percent if result else None,
        evidence=evidence,
        infrastructure_faults=job.infrastructure_faults or 0,
    )


def _failed_results(client: TorcClient, workflow_id: int) -> Iterator[ResultModel]:
    for status in tuple(FAILED_FOR_GOOD):
        yield from client.results.list_all(workflow_id=workflow_id, all_runs=True, status=status)


def _by_job(results: Iterable[ResultModel], wanted: set[int | None] | None) -> dict[int, list[ResultModel]]:
    """Return the results of each wanted job, the newest attempt last."""
    groups: defaultdict[int, list[ResultModel]] = defaultdict(list)
    for result in results:
        if wanted is None or result.job_id in wanted:
            groups[result.job_id].append(result)
    for group in groups.values():
        group.sort(key=_attempt_key)
    return groups


def _attempt_key(result: ResultModel) -> _AttemptKey:
    return _AttemptKey(result.job_id, result.run_id, result.attempt_id or 1)


def _evidence(
    client: TorcClient,
    workflow_id: int,
    *,
    only_latest: bool,
    with_texts: bool,
    statuses: Sequence[JobStatus] = tuple(FAILURES),
) -> dict[_AttemptKey, Evidence]:
    found: Iterable[EvidenceModel] = client.failures.workflow_evidence(
        workflow_id, statuses=statuses, only_latest=only_latest, with_texts=with_texts
    )
    return {_AttemptKey(item.job_id, item.run_id, item.attempt_id): item.evidence for item in found}


def _requirements(client: TorcClient, workflow_id: int) -> dict[int, RequirementFacts]:
    records = client.resource_requirements.list_all(workflow_id=workflow_id)
    return {record.id: _requirement(record) for record in records if record.id is not None}


def _requirement_of(job: JobModel, requirements: Mapping[int, RequirementFacts]) -> RequirementFacts:
    return requirements.get(job.resource_requirements_id or 0, _NO_REQUIREMENT)


def _requirement(record: ResourceRequirementsModel) -> RequirementFacts:
    return RequirementFacts(
        id=record.id or 0,
        name=record.name,
        memory_bytes=parse_memory(record.memory),
        runtime_s=parse_duration(record.runtime),
        num_cpus=record.num_cpus,
        num_gpus=record.num_gpus,
        num_nodes=record.num_nodes,
    )
