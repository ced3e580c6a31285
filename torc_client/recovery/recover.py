"""One recovery: reclaim orphans, diagnose, plan, run the hook, apply in one transaction."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torc_client.agents.result import AgentRun, result_lines
from torc_client.http import TorcClient
from torc_client.processes import host_facts
from torc_client.recovery.allocations import Allocations, PlannedAllocation
from torc_client.recovery.attempt_facts import failed_attempts, orphan_facts
from torc_client.recovery.foresight import look_ahead, raise_waiting
from torc_client.recovery.hooks import Hook, run_hook
from torc_client.recovery.orphans import find_orphans, reclaim
from torc_client.recovery.state import active_jobs
from torc_core.api.failures import Actor
from torc_core.api.jobs import ReclaimedJob
from torc_core.api.recovery import ApplyRecoveryRequest, ApplyRecoveryResponse, PlannedRetry
from torc_core.api.workflows import WorkflowStatusModel
from torc_core.errors import SchedulerError, StateConflictError
from torc_core.evidence.attempt import AttemptFacts
from torc_core.hints import Hint, Line, Say, torc
from torc_core.jobs.status import JobStatus
from torc_core.recovery import texts
from torc_core.recovery.diagnosis import Diagnosis, diagnose
from torc_core.recovery.foresight import ForeseenRaise
from torc_core.recovery.orphans import OrphanPlan
from torc_core.recovery.plan import RecoverOptions, RecoveryPlan, make_plan
from torc_core.slurm.allocation import AllocationEnd
from torc_core.slurm.plan import NewAmounts

AskAgent = Callable[[TorcClient, int, RecoveryPlan], AgentRun]
"""Lets an agent decide about the workflow's pending_failed jobs; the plan says what recovery does without it."""


@dataclass(frozen=True, kw_only=True)
class RecoveryTools:
    """The settings and helpers of a recovery. `environment` is that of the hook; `say` gets every line for users.

    `max_ai_retries` bounds how often an `actor` that is no person sends one job back without a known cause.
    """

    user: str
    say: Say
    output_dir: Path = Path("output")
    hook: Hook | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    allocations: Allocations = field(default_factory=Allocations)
    fire_actions: Callable[[TorcClient, int, Path], Iterable[Line]] | None = None
    """Carries out the due actions of a workflow that ask for allocations; a line for each."""
    ask_agent: AskAgent | None = None
    actor: Actor | None = None
    """Who recovers, where it is not the user: its retries are recorded as its decisions."""
    max_ai_retries: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedRecovery:
    """The findings of a recovery and its plan; `orphans` are reclaimed before, or have been."""

    status: WorkflowStatusModel
    diagnoses: tuple[Diagnosis, ...]
    plan: RecoveryPlan
    orphans: OrphanPlan
    allocations: tuple[PlannedAllocation, ...] | None = None
    """What would be submitted; None where the workflow has no scheduler."""
    agent: AgentRun | None = None
    """The call of an agent on the way, if there was one."""
    foreseen: tuple[ForeseenRaise, ...] = ()
    """What is raised for jobs that wait, where the options ask for it."""

    @property
    def workflow_id(self) -> int:
        return self.status.workflow_id

    @property
    def new_amounts(self) -> Mapping[int, NewAmounts]:
        """Return what each job that is retried will have."""
        return {
            retry.job_id: NewAmounts(memory_bytes=retry.memory_bytes, runtime_s=retry.runtime_s)
            for retry in self.plan.retries
        }


@dataclass(frozen=True, kw_only=True)
class AppliedRecovery:
    """The effect of a recovery; `jobs_per_allocation` is empty for a local workflow."""

    answer: ApplyRecoveryResponse
    jobs_per_allocation: tuple[int, ...] = ()
    not_submitted: SchedulerError | None = None
    """Why the jobs that are ready again have no allocations yet."""


def preview(client: TorcClient, workflow_id: int, options: RecoverOptions, allocations: Allocations) -> PlannedRecovery:
    """Return what `prepare` and `carry_out` would do. Changes nothing. Raises as `prepare` does."""
    status = client.workflow_status(workflow_id)
    orphans = find_orphans(
        client, workflow_id, host=host_facts(), ended_allocations=allocations.ended(client, workflow_id)
    )
    _check_at_rest(status, orphaned=len(orphans.jobs))
    facts = [*failed_attempts(client, workflow_id, allocations), *_future_failures(client, orphans, status.run_id)]
    planned = _planned(client, _after_clean_up(status, orphans), facts, options, orphans)
    if not allocations.serves(client, workflow_id):
        return planned
    submissions = allocations.plan(client, workflow_id, planned.new_amounts)
    return replace(planned, allocations=tuple(submissions))


def _after_clean_up(status: WorkflowStatusModel, orphans: OrphanPlan) -> WorkflowStatusModel:
    """Return the status without the runners and allocations that are gone: the server still counts them as there."""
    gone = {
        "active_compute_nodes": len(orphans.runners),
        "pending_scheduled_nodes": len(orphans.pending_allocations),
        "active_scheduled_nodes": len(orphans.active_allocations),
    }
    left = {name: max(getattr(status, name) - count, 0) for name, count in gone.items()}
    return status.model_copy(update=left)


def prepare(client: TorcClient, workflow_id: int, options: RecoverOptions, tools: RecoveryTools) -> PlannedRecovery:
    """Reclaim orphans, diagnose, plan, and run the hook where the plan needs it.

    Raises StateConflictError while jobs are active, HookFailedError when the hook did not succeed; no job has been
    reset then.
    """
    planned = find_failures(client, workflow_id, options, tools)
    if not planned.diagnoses:
        return planned
    tools.say(texts.DIAGNOSING)
    for line in texts.heuristics_lines(planned.plan):
        tools.say(line)
    if not run_hook_of(client, planned, tools):
        return planned
    # Again: the hook may have changed resources or decided about jobs itself.
    return replace(_look(client, workflow_id, options, tools, planned.orphans), agent=planned.agent)


def find_failures(
    client: TorcClient, workflow_id: int, options: RecoverOptions, tools: RecoveryTools
) -> PlannedRecovery:
    """Reclaim orphans, diagnose and plan. Raises StateConflictError while jobs are active."""
    client.workflow_status(workflow_id)  # an unknown workflow, before anything is looked for
    orphans = clean_up(client, workflow_id, tools)
    planned = _look(client, workflow_id, options, tools, orphans)
    if planned.plan.needs_decision and tools.ask_agent is not None:
        planned = _ask(client, planned, options, tools, tools.ask_agent)
    return planned


def run_hook_of(client: TorcClient, planned: PlannedRecovery, tools: RecoveryTools) -> bool:
    """Run the hook where the plan needs it; return whether it did. Raises HookFailedError."""
    if planned.plan.recovery_hook is None or tools.hook is None:
        return False
    environment = {
        **tools.environment,
        **client.environment(),
        "TORC_RUN_ID": str(planned.status.run_id),
        "TORC_OUTPUT_DIR": str(tools.output_dir),
    }
    run_hook(tools.hook, planned.workflow_id, environment=environment, say=tools.say)
    return True


def carry_out(client: TorcClient, planned: PlannedRecovery, tools: RecoveryTools) -> AppliedRecovery:
    """Apply a plan with retries in one transaction, and submit allocations for them.

    Raises StateConflictError when the workflow has changed since it was planned, InvalidInputError when a job fits no
    partition; nothing has changed then. Jobs that were reset stay so where the scheduler refuses their allocations.
    """
    workflow_id = planned.workflow_id
    request = ApplyRecoveryRequest(
        run_id=planned.status.run_id,
        requested_by=tools.user,
        actor=tools.actor,
        max_ai_retries=tools.max_ai_retries,
        retries=[
            PlannedRetry(
                job_id=retry.job_id,
                run_id=retry.run_id,
                attempt_id=retry.attempt_id,
                reason=retry.reason,
                memory=retry.memory,
                runtime=retry.runtime,
                is_infrastructure_fault=retry.is_infrastructure_fault,
                cause=retry.cause,
            )
            for retry in planned.plan.retries
        ],
    )
    is_served = tools.allocations.serves(client, workflow_id)
    if is_served:
        # Before anything is changed: a job may have grown beyond every partition.
        tools.allocations.plan(client, workflow_id, planned.new_amounts)
    # before the new run begins: the raises were planned for this one, and its jobs still wait
    raise_waiting(client, planned.status, planned.foreseen, user=tools.user, say=tools.say)
    answer = client.failures.apply_recovery(workflow_id, request)
    for reason, count in Counter(skipped.reason for skipped in answer.skipped).items():
        tools.say(texts.not_retried_line(count, reason))
    if not is_served:
        return AppliedRecovery(answer=answer)
    try:
        submitted = tools.allocations.submit(client, workflow_id, output_dir=tools.output_dir, say=tools.say)
    except SchedulerError as error:
        return AppliedRecovery(answer=answer, not_submitted=error)
    return AppliedRecovery(answer=answer, jobs_per_allocation=tuple(submitted))


def clean_up(
    client: TorcClient,
    workflow_id: int,
    tools: RecoveryTools,
    *,
    requeue: bool = False,
    ended: Mapping[int, AllocationEnd] | None = None,
) -> OrphanPlan:
    """Reclaim the jobs of runners that are gone, and report it; with `requeue` they are ready again at once.

    `ended` are the allocations that are over, where the scheduler was asked before.
    """
    ended = tools.allocations.ended(client, workflow_id) if ended is None else ended
    orphans = find_orphans(client, workflow_id, host=host_facts(), ended_allocations=ended)
    if not orphans.is_empty:
        for line in reclaimed_lines(reclaim(client, orphans, requeue=requeue).jobs, orphans):
            tools.say(line)
    return orphans


def reclaimed_lines(jobs: list[ReclaimedJob], orphans: OrphanPlan) -> list[str]:
    """Return a line for each reclaimed job, with its outcome and the reason."""
    reasons = {job.job_id: job.reason for job in orphans.jobs}
    lines = [f"  Job {job.job_id} ({job.job_name}): {job.outcome}, {reasons.get(job.job_id, '')}" for job in jobs[:50]]
    more = [f"  and {len(jobs) - 50} more"] if len(jobs) > 50 else []
    count = len(jobs) + len(orphans.claims_of_nobody)
    return [f"Cleaned up {count} orphaned job(s)", *lines, *more] if count else []


def _ask(
    client: TorcClient, asked: PlannedRecovery, options: RecoverOptions, tools: RecoveryTools, ask_agent: AskAgent
) -> PlannedRecovery:
    """Call the agent and plan again; the plan is empty when a runner has claimed a job that the agent retried."""
    workflow_id = asked.workflow_id
    run = ask_agent(client, workflow_id, asked.plan)
    for line in result_lines(run):
        tools.say(line)
    status = client.workflow_status(workflow_id)
    if run.retried and active_jobs(status):
        return replace(asked, status=status, diagnoses=(), plan=RecoveryPlan(), agent=run)
    left = _look(client, workflow_id, options, tools, asked.orphans)
    return replace(left, plan=left.plan.after_asking(run.decided_job_ids), agent=run)


def _look(
    client: TorcClient, workflow_id: int, options: RecoverOptions, tools: RecoveryTools, orphans: OrphanPlan
) -> PlannedRecovery:
    status = client.workflow_status(workflow_id)
    _check_at_rest(status)
    return _planned(client, status, failed_attempts(client, workflow_id, tools.allocations), options, orphans)


def _planned(
    client: TorcClient,
    status: WorkflowStatusModel,
    facts: list[AttemptFacts],
    options: RecoverOptions,
    orphans: OrphanPlan,
) -> PlannedRecovery:
    diagnoses = tuple(diagnose(each) for each in facts)
    foreseen = look_ahead(client, status.workflow_id, diagnoses, options) if options.foresight else ()
    return PlannedRecovery(
        status=status, diagnoses=diagnoses, plan=make_plan(diagnoses, options), orphans=orphans, foreseen=foreseen
    )


def _check_at_rest(status: WorkflowStatusModel, *, orphaned: int = 0) -> None:
    workflow_id, active = status.workflow_id, active_jobs(status) - orphaned
    ids = {"workflow_id": workflow_id}
    if status.is_archived:
        raise StateConflictError(
            f"workflow {workflow_id} is archived",
            hint=Hint("bring it back first: {}", torc("workflows archive", "false", workflow_id)),
            ids=ids,
        )
    if active > 0:
        raise StateConflictError(
            f"Cannot recover: {active} job(s) of workflow {workflow_id} are pending or running",
            hint=Hint(
                "wait until they end (`{}`); if their runner is gone, run `{}` on its machine",
                torc("watch", workflow_id),
                torc("workflows sync-status", workflow_id),
            ),
            ids=ids,
        )


def _future_failures(client: TorcClient, orphans: OrphanPlan, run_id: int) -> list[AttemptFacts]:
    """Return the facts of started jobs that reclaiming would turn into failures."""
    orphaned = {job.job_id: job for job in orphans.jobs if job.started}
    if not orphaned:
        return []
    workflow_id = orphans.workflow_id
    running = client.jobs.list_all(workflow_id=workflow_id, status=JobStatus.RUNNING)
    requirements = {each.id: each for each in client.resource_requirements.list_all(workflow_id=workflow_id)}
    return [
        orphan_facts(orphaned[job.id], job, requirements.get(job.resource_requirements_id), run_id=run_id)
        for job in running
        if job.id in orphaned
    ]
