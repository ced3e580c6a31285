"""Regroups jobs: each group gets a resource requirement of its own; all groups, or none."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from torc_core.api.resource_requirements import RegroupedJobs, RegroupRequest, RegroupResponse, ResourceGroup
from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.hints import Hint, torc
from torc_core.recovery.decision import JobFacts
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import format_memory, parse_memory
from torc_server.db.queries.triage import recovery as queries
from torc_server.db.queries.triage.decisions import job_facts
from torc_server.db.queries.triage.recovery import Amounts
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.events import store_event
from torc_server.services.records.lookup import find_open_workflow
from torc_server.services.triage.scale_resources import find_or_create

_NAMED_IN_ERRORS: Final = 10


def plan_groups(uow: UnitOfWork, workflow_id: int, request: RegroupRequest) -> RegroupResponse:
    """Return what `regroup` would do. Only reads.

    Raises InvalidInputError for amounts that are none, jobs of another workflow, and a job in two groups.
    """
    find_open_workflow(uow, workflow_id)
    jobs = _find_jobs(uow, workflow_id, request)
    groups = [
        _describe(_name_of(group, number), group, _amounts(group), jobs)
        for number, group in enumerate(request.groups, start=1)
    ]
    return RegroupResponse(workflow_id=workflow_id, total_jobs=len(jobs), groups=groups)


def regroup(uow: UnitOfWork, workflow_id: int, request: RegroupRequest) -> RegroupResponse:
    """Give the jobs of each group its amounts, which count from their next attempt; raises as `plan_groups` does.

    A resource requirement of the same name and amounts is used again, so that a repetition changes nothing.
    """
    plan = plan_groups(uow, workflow_id, request)
    known = queries.requirements(uow, workflow_id)
    done: list[RegroupedJobs] = []
    for group, planned in zip(request.groups, plan.groups, strict=True):
        requirement_id = find_or_create(uow, workflow_id, planned.name, _amounts(group), known)
        queries.assign_requirement(uow, group.job_ids, requirement_id)
        name = known[requirement_id][0]
        done.append(planned.model_copy(update={"resource_requirements_id": requirement_id, "name": name}))
    facts = {"groups": len(done), "jobs": plan.total_jobs}
    store_event(uow, workflow_id, {"category": "user_action", "action": "regroup_resources", **facts})
    uow.touch(workflow_id)
    return plan.model_copy(update={"groups": done})


def _find_jobs(uow: UnitOfWork, workflow_id: int, request: RegroupRequest) -> dict[int, JobFacts]:
    ids = {"workflow_id": workflow_id}
    named = Counter(job_id for group in request.groups for job_id in group.job_ids)
    if twice := sorted(job_id for job_id, times in named.items() if times > 1):
        raise InvalidInputError(f"named more than once: jobs {_some(twice)}", hint="a job is in one group", ids=ids)
    jobs = job_facts(uow, list(named))
    if foreign := sorted(each for each in named if each not in jobs or jobs[each].workflow_id != workflow_id):
        raise InvalidInputError(
            f"workflow {workflow_id} has no jobs {_some(foreign)}",
            hint=Hint("`{}` shows its jobs", torc("jobs list", workflow_id)),
            ids=ids,
        )
    return jobs


def _name_of(group: ResourceGroup, number: int) -> str:
    if group.name == UNSPECIFIED_REQUIREMENT:
        raise InvalidInputError(
            f"a group cannot be named {UNSPECIFIED_REQUIREMENT!r}: amounts under this name are no limits",
            hint="give it another name, or none",
        )
    return group.name or f"regrouped_{number}"


def _amounts(group: ResourceGroup) -> Amounts:
    """Return the amounts in one spelling. Raises InvalidInputError for what is no amount."""
    memory_bytes, runtime_s = parse_memory(group.memory), parse_duration(group.runtime)
    return Amounts(
        num_cpus=group.num_cpus,
        num_gpus=group.num_gpus,
        num_nodes=group.num_nodes,
        memory=format_memory(memory_bytes),
        runtime=format_duration(runtime_s),
        memory_bytes=memory_bytes,
        runtime_s=runtime_s,
    )


def _describe(name: str, group: ResourceGroup, amounts: Amounts, jobs: Mapping[int, JobFacts]) -> RegroupedJobs:
    return RegroupedJobs(
        name=name,
        memory=amounts.memory,
        num_cpus=amounts.num_cpus,
        runtime=amounts.runtime,
        num_gpus=amounts.num_gpus,
        num_nodes=amounts.num_nodes,
        job_count=len(group.job_ids),
        before=dict(Counter(jobs[job_id].requirement_name for job_id in group.job_ids)),
    )


def _some(ids: list[int]) -> str:
    more = len(ids) - _NAMED_IN_ERRORS
    return ", ".join(map(str, ids[:_NAMED_IN_ERRORS])) + (f" and {more} more" if more > 0 else "")
