"""Completions: attempts end, are recorded, and decide the next status of their jobs."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, assert_never

from torc_core.api.jobs import CompleteJobsRequest, CompleteJobsResponse, JobCompletion, JobError, JobModel
from torc_core.errors import InvalidInputError, StateConflictError, TorcError
from torc_core.jobs.lifecycle import OUTCOME_EVENTS, may_go_back, may_retry
from torc_core.jobs.status import ACTIVE, DONE, FAILED_FOR_GOOD, JobStatus
from torc_server.db.queries.jobs import attempts as queries
from torc_server.db.queries.jobs.attempts import AttemptKey
from torc_server.db.queries.jobs.jobs import JobState, job_models, job_states
from torc_server.db.queries.jobs.runners import node_states
from torc_server.db.queries.jobs.transitions import add_fault, mark_suspects
from torc_server.db.queries.records.lookup import others_records
from torc_server.db.queries.records.workflows import WorkflowState
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.jobs.announcements import announce_status
from torc_server.services.jobs.change_status import take_by_hand
from torc_server.services.jobs.dependents import finish
from torc_server.services.jobs.evidence import sign_evidence
from torc_server.services.jobs.retry import note_retries
from torc_server.services.jobs.transitions import apply_event, send_back
from torc_server.services.records.foreign import RUNNERS
from torc_server.services.records.lookup import check_run, find_job, find_workflow, no_such_job


class _Ending(NamedTuple):
    """An attempt that ends now; `outcome` is the job's next status unless it is retried."""

    job: JobState
    attempt: AttemptKey
    completion: JobCompletion
    outcome: JobStatus
    retried: bool


def complete_jobs(uow: UnitOfWork, workflow_id: int, request: CompleteJobsRequest) -> CompleteJobsResponse:
    """Record the attempts, move the jobs, and release or cancel their dependents in the same transaction.

    An attempt that is recorded already is a success that changes nothing: a runner that got no answer sends it again.
    What is wrong with one completion stands in `errors`, and nothing of that completion is stored.
    """
    workflow = find_workflow(uow, workflow_id)
    endings: dict[int, _Ending] = {}
    completed: dict[int, bool] = {}
    errors: list[JobError] = []
    for completion, ending in _endings(uow, workflow, request.completions):
        job_id = completion.job_id
        match ending:
            case TorcError():
                errors.append(JobError(job_id=job_id, message=ending.message, code=ending.code))
            case _Ending():
                endings.setdefault(job_id, ending)
                completed.setdefault(job_id, ending.retried)
            case JobState():
                went_back = _may_be_retried(completion) and ending.attempt_id > (completion.result.attempt_id or 0)
                completed.setdefault(job_id, went_back)
            case _:
                assert_never(ending)
    if endings:
        _record(uow, workflow_id, list(endings.values()))
    retried = [job_id for job_id, went_back in completed.items() if went_back]
    return CompleteJobsResponse(completed=list(completed), errors=errors, retried=retried)


def complete_job(uow: UnitOfWork, job_id: int, completion: JobCompletion) -> JobModel:
    """Complete one job; raise what is wrong with it."""
    job = find_job(uow, job_id)
    workflow = find_workflow(uow, job.workflow_id)
    for _, ending in _endings(uow, workflow, [completion]):
        if isinstance(ending, TorcError):
            raise ending
    complete_jobs(uow, job.workflow_id, CompleteJobsRequest(completions=[completion]))
    return job_models(uow, [job_id])[0]


def uses_pending_failed(uow: UnitOfWork, workflow: WorkflowState) -> bool:
    """Return whether failures of the workflow wait for a decision when no rule decides about them."""
    chosen = workflow.use_pending_failed
    return uow.settings.use_pending_failed if chosen is None else chosen


def _endings(
    uow: UnitOfWork, workflow: WorkflowState, completions: Sequence[JobCompletion]
) -> list[tuple[JobCompletion, _Ending | JobState | TorcError]]:
    """Return for each completion its ending, the job's state where the attempt is recorded already, or the error."""
    job_ids = [completion.job_id for completion in completions]
    states = job_states(uow, job_ids)
    recorded = queries.recorded_attempts(uow, job_ids, workflow.run_id)
    defers = uses_pending_failed(uow, workflow)
    listening = _active_reporters(uow, workflow.id, states, completions)
    runners = {completion.result.compute_node_id for completion in completions}
    foreign = frozenset(others_records(uow, RUNNERS, workflow.id, runners))
    endings: list[tuple[JobCompletion, _Ending | JobState | TorcError]] = []
    for completion in completions:
        try:
            _refuse_foreign(workflow, completion, foreign)
            is_known = completion.result.compute_node_id in listening
            endings.append((completion, _end(workflow, states, recorded, completion, defers=defers, is_known=is_known)))
        except TorcError as error:
            endings.append((completion, error))
    return endings


def _end(
    workflow: WorkflowState,
    states: Mapping[int, JobState],
    recorded: set[AttemptKey],
    completion: JobCompletion,
    *,
    defers: bool,
    is_known: bool,
) -> _Ending | JobState:
    job = states.get(completion.job_id)
    if job is None:
        raise no_such_job(completion.job_id)
    _check(workflow, job, completion)
    attempt = AttemptKey(job.id, workflow.run_id, completion.result.attempt_id or job.attempt_id)
    moved_on = job.status not in ACTIVE or attempt.attempt_id != job.attempt_id
    if moved_on and attempt in recorded:
        return job
    # a program of one's own may run a ready job without a claim; what a runner reports of a job that was reset or
    # reclaimed is refused: the job will run again
    is_unclaimed = job.status is JobStatus.READY and attempt.attempt_id == job.attempt_id and not completion.claimed
    moved_on = moved_on and not (is_unclaimed and is_known)
    if moved_on:
        raise StateConflictError(
            f"attempt {attempt.attempt_id} of job {job.id} ({job.name}) cannot end: the job is {job.status} in attempt "
            f"{job.attempt_id}",
            hint="the job was canceled, reset or reclaimed meanwhile; this result is not needed any more",
            ids={"job_id": job.id, "workflow_id": workflow.id},
        )
    if job.compute_node_id not in {None, completion.result.compute_node_id}:
        raise StateConflictError(
            f"job {job.id} ({job.name}) is {job.status} on compute node {job.compute_node_id}, not on "
            f"{completion.result.compute_node_id}",
            hint="the job was reclaimed and given to another runner meanwhile",
            ids={"job_id": job.id, "workflow_id": workflow.id},
        )
    outcome = completion.status
    if completion.unmatched_failure and outcome is JobStatus.FAILED and defers:
        outcome = JobStatus.PENDING_FAILED
    return _Ending(job, attempt, completion, outcome, _is_retried(job, completion))


def _active_reporters(
    uow: UnitOfWork, workflow_id: int, states: Mapping[int, JobState], completions: Sequence[JobCompletion]
) -> set[int]:
    """Return the active runners of the workflow that completions of unclaimed ready jobs name, mostly none."""
    named = {
        completion.result.compute_node_id
        for completion in completions
        if not completion.claimed
        and completion.job_id in states
        and states[completion.job_id].status is JobStatus.READY
    }
    nodes = node_states(uow, sorted(named)) if named else {}
    return {node_id for node_id, node in nodes.items() if node.workflow_id == workflow_id and node.is_active}


def _is_retried(job: JobState, completion: JobCompletion) -> bool:
    faults = job.infrastructure_faults
    if completion.infrastructure_fault:
        return may_go_back(faults)
    retry = completion.retry
    return retry is not None and may_retry(
        job.attempt_id, max_retries=retry.max_retries, infrastructure_faults=faults, lost_claims=job.lost_claims
    )


def _may_be_retried(completion: JobCompletion) -> bool:
    return completion.retry is not None or completion.infrastructure_fault


def _refuse_foreign(workflow: WorkflowState, completion: JobCompletion, foreign: Collection[int]) -> None:
    """Raise InvalidInputError where the result names a runner of another workflow."""
    runner_id = completion.result.compute_node_id
    if runner_id in foreign:
        raise InvalidInputError(
            f"workflow {workflow.id} has no compute node {runner_id}",
            ids={"workflow_id": workflow.id, "job_id": completion.job_id},
        )


def _check(workflow: WorkflowState, job: JobState, completion: JobCompletion) -> None:
    result, ids = completion.result, {"job_id": job.id, "workflow_id": workflow.id}
    if job.workflow_id != workflow.id:
        raise InvalidInputError(f"job {job.id} is of workflow {job.workflow_id}, not of {workflow.id}", ids=ids)
    if completion.status not in OUTCOME_EVENTS:
        raise InvalidInputError(
            f"job {job.id} cannot end as {completion.status}", hint=f"use one of {', '.join(OUTCOME_EVENTS)}", ids=ids
        )
    check_run(workflow, completion.run_id)
    named = (result.job_id, result.workflow_id, result.run_id, result.status)
    if named != (job.id, workflow.id, completion.run_id, completion.status):
        raise InvalidInputError(
            f"the result names job {result.job_id}, workflow {result.workflow_id}, run {result.run_id}, status "
            f"{result.status}, but the completion job {job.id}, workflow {workflow.id}, run {completion.run_id}, "
            f"status {completion.status}",
            ids=ids,
        )
    if _may_be_retried(completion) and completion.status not in FAILED_FOR_GOOD:
        raise InvalidInputError(f"job {job.id} ended as {completion.status}, which is not retried", ids=ids)


def _record(uow: UnitOfWork, workflow_id: int, endings: Sequence[_Ending]) -> None:
    queries.write_results(uow, workflow_id, ((ending.attempt, ending.completion.result) for ending in endings))
    queries.write_evidence(
        uow,
        workflow_id,
        (
            (ending.attempt, sign_evidence(ending.completion.evidence))
            for ending in endings
            if ending.completion.evidence is not None
        ),
    )
    mtimes = (mtime for ending in endings for mtime in ending.completion.output_mtimes.items())
    queries.write_mtimes(uow, workflow_id, mtimes)
    take_by_hand(uow, [ending.job for ending in endings if ending.job.status is JobStatus.READY])
    done: list[int] = []
    # the start of a short attempt is not reported on its own: its frame would be missing from the streams
    for job, _, completion, *_ in endings:
        if job.status is JobStatus.PENDING:
            runner_id = completion.result.compute_node_id
            announce_status(uow, workflow_id, JobStatus.RUNNING, [(job.id, job.name)], compute_node_id=runner_id)
    for outcome, group in _by_outcome(endings).items():
        ids = [ending.job.id for ending in group]
        apply_event(uow, OUTCOME_EVENTS[outcome], ids)
        names = [(ending.job.id, ending.job.name) for ending in group]
        announce_status(uow, workflow_id, outcome, names, run_id=group[0].attempt.run_id)
        done += [ending.job.id for ending in group if not ending.retried] if outcome in DONE else []
    _note_suspects(uow, endings)
    retried = [ending for ending in endings if ending.retried]
    if retried:
        send_back(uow, [ending.job.id for ending in retried])
        add_fault(uow, [ending.job.id for ending in retried if ending.completion.infrastructure_fault])
        note_retries(uow, [(ending.job, ending.attempt.run_id) for ending in retried])
    finish(uow, workflow_id, done)


def _note_suspects(uow: UnitOfWork, endings: Sequence[_Ending]) -> None:
    """Suspect the jobs that were lost with their launcher, and no longer those that ended by themselves."""
    suspects = [ending.job.id for ending in endings if ending.completion.infrastructure_fault]
    cleared = [ending.job.id for ending in endings if ending.job.is_suspect and ending.job.id not in suspects]
    if suspects:
        mark_suspects(uow, suspects, is_suspect=True)
    if cleared:
        mark_suspects(uow, cleared, is_suspect=False)


def _by_outcome(endings: Sequence[_Ending]) -> dict[JobStatus, list[_Ending]]:
    groups: dict[JobStatus, list[_Ending]] = defaultdict(list)
    for ending in endings:
        groups[ending.completion.status if ending.retried else ending.outcome].append(ending)
    return groups
