"""Tools that change something. With `dry_run`, the default, they change nothing and show what they would do."""

from typing import Annotated, Final

from pydantic import Field

from torc_client.requirements import give_own_requirements, plan_own_requirements
from torc_core.api.failures import (
    Classification,
    ClassifiedJob,
    ClassifyRequest,
    ClassifyResponse,
    DecisionLimits,
    ProposalModel,
)
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.errors import ForbiddenError, InvalidInputError
from torc_core.evidence.attempt import UNSPECIFIED_REQUIREMENT
from torc_core.hints import torc
from torc_core.recovery.resource_report import UNSPECIFIED
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_mcp.actor import actor_of
from torc_mcp.asking import PersonsAnswer, check_answer
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import App, ToolContext, app_of, one_line
from torc_mcp.failure_listing import FEW_JOBS, with_full_signatures
from torc_mcp.settings import Access
from torc_mcp.tools.act.answers import DecidedJob, DecisionEntry, Decisions, ResourceAmounts, UpdatedResources
from torc_mcp.tools.parameters import DryRun, JobId, WorkflowId

_ROOM: Final = PAYLOAD_BYTES - 1_500
_MAX_ENTRIES: Final = 10_000
_FOREIGN_SHOWN: Final = 5


def classify_and_resolve_failures(
    ctx: ToolContext,
    workflow_id: WorkflowId,
    *,
    classifications: Annotated[
        list[DecisionEntry] | None, Field(min_length=1, max_length=_MAX_ENTRIES, description="The entries.")
    ] = None,
    proposal_id: Annotated[
        int | None, Field(ge=1, description="Show this earlier proposal again, instead of classifications.")
    ] = None,
    dry_run: DryRun = True,
    answer: PersonsAnswer,
) -> Decisions:
    """Decide about pending_failed jobs: retry what is transient, fail what is permanent.

    With dry_run (the default) the entries are stored as a proposal and shown: which jobs would be retried, failed or
    skipped, with which memory and runtime. Once your user agrees, send workflow_id, the `proposal_id` of that answer
    and dry_run=false: what was shown is applied, in one transaction, and nothing else. For a few jobs the
    classifications themselves do, with dry_run=false. Jobs that moved on since are skipped, each with a `detail`; so
    are jobs that agents sent back too often. Your user may be asked before anything is applied. `proposal_id` alone
    shows how an earlier proposal would fare now.

    Each entry names a `signature` (every waiting job of that group; its first characters do) or a `job_id`, an
    `action` and a `reason`. `memory` and `runtime` go with retry and change that job alone; a retried job whose
    suggestion says oom or timeout needs more of them. Leave out jobs you cannot decide about: they keep waiting.

    Example: {"workflow_id": 123, "classifications": [{"signature": "9f2c…", "action": "retry",
    "reason": "The storage server was down"}, {"job_id": 789, "action": "fail", "reason": "SyntaxError in user code"}]}
    """
    app = app_of(ctx)
    is_preview = dry_run or app.settings.access < Access.WRITE
    if (classifications is None) == (proposal_id is None):
        raise InvalidInputError(
            "name either classifications or proposal_id",
            hint="list_pending_failed_jobs shows what there is to classify",
        )
    if proposal_id is not None and is_preview:
        return _show_proposal(app, _read_proposal(app, workflow_id, proposal_id))
    if not is_preview:
        check_answer(answer, workflow_id)
    if proposal_id is not None:
        return _apply_proposal(ctx, workflow_id, proposal_id)
    entries = [entry.as_classification() for entry in classifications or ()]
    _check_jobs(app, workflow_id, entries)
    request = ClassifyRequest(
        classifications=with_full_signatures(app.client, workflow_id, entries),
        actor=actor_of(ctx),
        limits=app.settings.limits,
    )
    if is_preview:
        return _show_proposal(app, app.client.failures.propose(workflow_id, request))
    _check_previewed(app, workflow_id, request)
    return _show_applied(app.client.failures.classify(workflow_id, request))


def update_job_resources(
    ctx: ToolContext,
    job_id: JobId,
    *,
    num_cpus: Annotated[int | None, Field(ge=0, description="CPUs.")] = None,
    memory: Annotated[str | None, Field(description="An integer and k, m, g or t, for example 16g.")] = None,
    runtime: Annotated[str | None, Field(description="An ISO 8601 duration, for example PT4H.")] = None,
    dry_run: DryRun = True,
) -> UpdatedResources:
    """Change what one job needs: CPUs, memory, runtime. Other jobs that share its requirements keep theirs.

    It counts from the job's next attempt. For jobs that failed for memory or time recover_workflow and
    classify_and_resolve_failures give more by themselves.
    """
    app = app_of(ctx)
    if num_cpus is None and memory is None and runtime is None:
        raise InvalidInputError("nothing is to be changed", hint="give num_cpus, memory or runtime")
    check_limits(app.settings.limits, memory=memory, runtime=runtime)
    job = app.client.jobs.get(job_id)
    before, after = plan_own_requirements(app.client, job, memory=memory, runtime=runtime, num_cpus=num_cpus)
    return UpdatedResources(
        job_id=job_id,
        job_name=one_line(job.name),
        workflow_id=job.workflow_id,
        dry_run=dry_run,
        before=_amounts(before),
        after=_amounts(after),
        resource_requirements_id=None if dry_run else give_own_requirements(app.client, job, after),
        next_steps="Nothing was changed; call again with dry_run=false."
        if dry_run
        else "Counts from its next attempt.",
    )


def _read_proposal(app: App, workflow_id: int, proposal_id: int) -> ProposalModel:
    """Return the proposal. Raises InvalidInputError for one of another workflow."""
    proposal = app.client.failures.proposal(proposal_id)
    if proposal.workflow_id != workflow_id:
        raise InvalidInputError(
            f"proposal {proposal_id} is of workflow {proposal.workflow_id}, not of {workflow_id}",
            hint=f"say workflow_id={proposal.workflow_id}",
            ids={"proposal_id": proposal_id, "workflow_id": proposal.workflow_id},
        )
    return proposal


def _apply_proposal(ctx: ToolContext, workflow_id: int, proposal_id: int) -> Decisions:
    """Apply what the agent itself has proposed. Raises ForbiddenError for a proposal of somebody else."""
    app = app_of(ctx)
    _read_proposal(app, workflow_id, proposal_id)
    request = ClassifyRequest(proposal_id=proposal_id, actor=actor_of(ctx), limits=app.settings.limits)
    return _show_applied(app.client.failures.classify(workflow_id, request))


def _check_previewed(app: App, workflow_id: int, request: ClassifyRequest) -> None:
    """Raise InvalidInputError for more jobs than may be decided without the id of a preview."""
    most = app.settings.preview_above
    if most is None:
        return
    planned = app.client.failures.preview(workflow_id, request)
    changed = planned.jobs_to_retry + planned.jobs_to_fail
    if changed > most:
        raise InvalidInputError(
            f"{changed} jobs would be changed, more than {most}: no job was changed",
            hint="send the same classifications with dry_run=true, show your user what they would do, "
            "then send the proposal_id of that answer with dry_run=false",
            ids={"workflow_id": workflow_id},
        )


def _check_jobs(app: App, workflow_id: int, entries: list[Classification]) -> None:
    """Raise ForbiddenError for jobs of other workflows where the server is bound to some, without a word about them."""
    named = {entry.job_id for entry in entries if entry.job_id is not None}
    if app.settings.workflows is None or not named:
        return
    foreign = sorted(named - set(app.client.job_ids(workflow_id)))
    if foreign:
        raise ForbiddenError(
            f"job {', '.join(map(str, foreign[:_FOREIGN_SHOWN]))} is not of workflow {workflow_id}",
            hint="list_pending_failed_jobs shows the jobs that wait for a decision",
            ids={"job_id": foreign[0], "workflow_id": workflow_id},
        )


def _show_proposal(app: App, proposal: ProposalModel) -> Decisions:
    by_person = f"a person approves it with `{torc('failures approve', proposal.id)}`"
    if app.settings.access < Access.WRITE:
        how_on = f"No job was changed: this server takes proposals only; {by_person}."
    else:
        how_on = (
            f"No job was changed. Once your user agrees, send proposal_id={proposal.id} with dry_run=false; "
            f"or {by_person}."
        )
    return Decisions(
        workflow_id=proposal.workflow_id,
        dry_run=True,
        proposal_id=proposal.id,
        proposal_status=proposal.status,
        expires_at=proposal.expires_at,
        total_classifications=proposal.job_count,
        jobs_to_retry=proposal.jobs_to_retry,
        jobs_to_fail=proposal.jobs_to_fail,
        jobs_skipped=proposal.jobs_skipped,
        results_total=proposal.job_count,
        results=_rows(proposal.jobs),
        next_steps=how_on,
    )


def _show_applied(applied: ClassifyResponse) -> Decisions:
    total = applied.jobs_to_retry + applied.jobs_to_fail + applied.jobs_skipped
    if applied.jobs_to_retry:
        how_on = f"A runner picks the retried jobs up; where none is left: `{torc('run', applied.workflow_id)}`."
    else:
        how_on = "get_workflow_status shows what is left."
    return Decisions(
        workflow_id=applied.workflow_id,
        dry_run=False,
        proposal_id=applied.proposal_id,
        total_classifications=total,
        jobs_to_retry=applied.jobs_to_retry,
        jobs_to_fail=applied.jobs_to_fail,
        jobs_skipped=applied.jobs_skipped,
        results_total=total,
        results=_rows(applied.jobs),
        next_steps=how_on,
    )


def _rows(jobs: list[ClassifiedJob]) -> list[DecidedJob]:
    """Return what a reader cannot know from the counts: of many jobs the skipped ones and those with other amounts.

    An agent knows what it asked for: rows that only repeat it would be most of what it reads. Few jobs come all.
    """
    if len(jobs) > FEW_JOBS:
        jobs = [job for job in jobs if job.status == "skipped" or job.detail]
    ranked = sorted(jobs, key=lambda job: job.status != "skipped")
    return take_rows([_row(job) for job in ranked], _ROOM)


def _row(job: ClassifiedJob) -> DecidedJob:
    return DecidedJob(
        job_id=job.job_id,
        name=one_line(job.job_name, 120),
        attempt_id=job.attempt_id,
        signature=job.signature,
        action=job.action,
        status=job.status,
        reason=one_line(job.reason, 300),
        memory=job.memory,
        old_memory=job.old_memory,
        runtime=job.runtime,
        old_runtime=job.old_runtime,
        detail=one_line(job.detail, 300) if job.detail else None,
    )


def check_limits(limits: DecisionLimits, *, memory: str | None, runtime: str | None) -> None:
    """Raise InvalidInputError for amounts above the limits of this server."""
    if memory and limits.max_memory and parse_memory(memory) > parse_memory(limits.max_memory):
        raise InvalidInputError(
            f"{memory} is more memory than {limits.max_memory}", hint="stay below this server's bound"
        )
    if runtime and limits.max_runtime and parse_duration(runtime) > parse_duration(limits.max_runtime):
        raise InvalidInputError(
            f"{runtime} is more runtime than {limits.max_runtime}", hint="stay below this server's bound"
        )


def _amounts(record: ResourceRequirementsModel) -> ResourceAmounts:
    """Return the amounts; placeholders of the default requirement are shown as unspecified."""
    is_placeholder = record.name == UNSPECIFIED_REQUIREMENT
    is_free = parse_memory(record.memory) == 0, parse_duration(record.runtime) == 0
    return ResourceAmounts(
        requirement=one_line(record.name),
        num_cpus=record.num_cpus,
        memory=UNSPECIFIED if is_placeholder or is_free[0] else record.memory,
        runtime=UNSPECIFIED if is_placeholder or is_free[1] else record.runtime,
    )
