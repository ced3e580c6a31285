"""The jobs that allocations are planned for: those of a draft, or those of a workflow that still have to run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from torc_client.http import TorcClient
from torc_core.api.drafts import ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.jobs.stages import arrange_stages
from torc_core.jobs.status import JobStatus
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_core.slurm.plan import NewAmounts, PlannedJob, Requirement
from torc_core.spec.graph import job_dependencies

_TO_RUN: Final = frozenset({JobStatus.UNINITIALIZED, JobStatus.BLOCKED, JobStatus.READY})
_UNSPECIFIED: Final = Requirement(name=UNSPECIFIED_REQUIREMENT)


def jobs_of_draft(draft: WorkflowDraft) -> list[PlannedJob]:
    """Return all jobs of the draft with their stages. Raises InvalidInputError when they wait for each other."""
    requirements = [_requirement(each) for each in draft.resource_requirements]
    stages = _stage_of_each(job_dependencies(draft.jobs))
    return [
        PlannedJob(
            name=job.name,
            requirement=_UNSPECIFIED if job.resource_requirements is None else requirements[job.resource_requirements],
            stage=stage,
        )
        for job, stage in zip(draft.jobs, stages, strict=True)
    ]


def jobs_of_workflow(client: TorcClient, workflow_id: int) -> list[PlannedJob]:
    """Return the jobs of the workflow that no runner holds and that are not done, with stages among themselves."""
    requirements: Mapping[int | None, Requirement] = {
        each.id: _requirement(each) for each in client.resource_requirements.list_all(workflow_id=workflow_id)
    }
    jobs = client.job_outlines(workflow_id, *_TO_RUN)
    position = {job.id: place for place, job in enumerate(jobs)}
    waits_for: list[set[int]] = [set() for _ in jobs]
    # Jobs that are all ready wait for nobody.
    rows = client.job_dependencies(workflow_id) if any(job.status is not JobStatus.READY for job in jobs) else []
    for row in rows:
        if row.job_id in position and row.depends_on_job_id in position:
            waits_for[position[row.job_id]].add(position[row.depends_on_job_id])
    stages = _stage_of_each(waits_for)
    return [
        PlannedJob(name=job.name, requirement=requirements.get(job.resource_requirements_id, _UNSPECIFIED), stage=stage)
        for job, stage in zip(jobs, stages, strict=True)
    ]


def ready_jobs(client: TorcClient, workflow_id: int, also: Collection[int] = ()) -> list[PlannedJob]:
    """Return the jobs of the workflow that could run now, and these jobs as if they could, too."""
    requirements: Mapping[int | None, Requirement] = {
        each.id: _requirement(each) for each in client.resource_requirements.list_all(workflow_id=workflow_id)
    }
    jobs = client.job_outlines(workflow_id, *([] if also else [JobStatus.READY]))
    if also:
        jobs = [job for job in jobs if job.status is JobStatus.READY or job.id in also]
    return [
        PlannedJob(name=job.name, requirement=requirements.get(job.resource_requirements_id, _UNSPECIFIED))
        for job in jobs
    ]


def left_jobs(
    client: TorcClient, workflow_id: int, retries: Mapping[int, NewAmounts]
) -> tuple[list[PlannedJob], list[int]]:
    """Return the jobs that will still have to run once these are retried, with stages and amounts, and their ids.

    What depends on a retried job runs again, too.
    """
    requirements: Mapping[int | None, Requirement] = {
        each.id: _requirement(each) for each in client.resource_requirements.list_all(workflow_id=workflow_id)
    }
    jobs = client.job_outlines(workflow_id)
    rows = client.job_dependencies(workflow_id) if any(job.status is not JobStatus.READY for job in jobs) else []
    wanted = set(retries) | {job.id or 0 for job in jobs if job.status in _TO_RUN}
    dependents: dict[int, list[int]] = {}
    for row in rows:
        dependents.setdefault(row.depends_on_job_id, []).append(row.job_id)
    waiting = list(retries)
    while waiting:
        for job_id in dependents.get(waiting.pop(), ()):
            if job_id not in wanted:
                wanted.add(job_id)
                waiting.append(job_id)
    chosen = [job for job in jobs if job.id in wanted]
    position = {job.id: place for place, job in enumerate(chosen)}
    waits_for: list[set[int]] = [set() for _ in chosen]
    for row in rows:
        if row.job_id in position and row.depends_on_job_id in position:
            waits_for[position[row.job_id]].add(position[row.depends_on_job_id])
    planned = [
        PlannedJob(
            name=job.name,
            requirement=_raised(
                requirements.get(job.resource_requirements_id, _UNSPECIFIED), retries.get(job.id or 0, NewAmounts())
            ),
            stage=stage,
        )
        for job, stage in zip(chosen, _stage_of_each(waits_for), strict=True)
    ]
    return planned, [job.id or 0 for job in chosen]


def _raised(requirement: Requirement, new: NewAmounts) -> Requirement:
    return replace(
        requirement,
        memory_bytes=requirement.memory_bytes if new.memory_bytes is None else new.memory_bytes,
        runtime_s=requirement.runtime_s if new.runtime_s is None else new.runtime_s,
    )


def _stage_of_each(waits_for: Sequence[Sequence[int] | set[int]]) -> list[int]:
    stages = [0] * len(waits_for)
    for number, stage in enumerate(arrange_stages(waits_for)):
        for job in stage.jobs:
            stages[job] = number
    return stages


def _requirement(record: ResourceRequirementsDraft | ResourceRequirementsModel) -> Requirement:
    """Return what the record states; the amounts of the unspecified one are placeholders."""
    if record.name == UNSPECIFIED_REQUIREMENT:
        return _UNSPECIFIED
    return Requirement(
        name=record.name,
        cpus=max(record.num_cpus, 1),
        memory_bytes=parse_memory(record.memory) or None,
        gpus=record.num_gpus,
        nodes=record.num_nodes,
        runtime_s=parse_duration(record.runtime) or None,
    )
