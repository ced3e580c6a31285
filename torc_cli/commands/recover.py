"""`torc recover`: one recovery of a workflow that ended with failures."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from torc_cli.commands.options.ai import AiChoices, agent_for
from torc_cli.commands.options.left_allocations import NewAllocationChoices
from torc_cli.commands.options.recovery import RECOVERY_PATIENCE_S, OutputDirOption, RecoveryChoices, recovery_tools
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, TorcError
from torc_core.hints import Hint, Line, torc
from torc_core.jobs.status import AWAITING_DECISION, JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torc_client.recovery.recover import AppliedRecovery, PlannedRecovery, RecoveryTools
    from torc_core.api.workflows import WorkflowStatusModel
    from torc_core.recovery.plan import RecoverOptions


_RECOVERY = RecoveryChoices()
_AI = AiChoices()
_NEW_ALLOCATIONS = NewAllocationChoices()


@command
def recover(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    recovery: RecoveryChoices = _RECOVERY,
    ai: AiChoices = _AI,
    new_allocations: NewAllocationChoices = _NEW_ALLOCATIONS,
    output_dir: OutputDirOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")] = False,
    no_prompts: Annotated[
        bool, typer.Option("--no-prompts", help="Do not ask, on a terminal neither: apply the heuristics.")
    ] = False,
) -> None:
    """Diagnose failed jobs, raise what they lacked, and retry them.

    On a terminal it asks what to do with the failures of each kind. For example: `torc recover 3 --dry-run`.
    """
    try:
        options = recovery.as_options()
        tools = recovery_tools(session, recovery, output_dir=output_dir, submits=True)
        tools = replace(tools, ask_agent=agent_for(session, ai, recovery, say=tools.say, proposes_only=dry_run))
        chosen = session.workflow_id(workflow_id)
        tools = replace(tools, allocations=new_allocations.allocations(session, chosen))
        if dry_run:
            done = _preview(session, chosen, options, tools)
        elif not no_prompts and not session.is_json and sys.stdin.isatty() and sys.stdout.isatty():
            done = _ask_and_recover(session, chosen, options, tools)
        else:
            done = _recover(session, chosen, options, tools)
    except TorcError as error:
        if not session.is_json:
            raise
        failure = {
            "error": error.message,
            "hint": session.hint_of(error),
            "workflow_id": workflow_id,
            "dry_run": dry_run,
        }
        session.out.record(failure)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from error
    if not done:
        raise typer.Exit(1)


def _preview(session: Session, workflow_id: int, options: "RecoverOptions", tools: "RecoveryTools") -> bool:
    from torc_client.recovery.planned_text import planned_lines
    from torc_client.recovery.recover import preview
    from torc_client.recovery.state import lacks_allocations
    from torc_core.recovery import texts

    planned = preview(session.client, workflow_id, options, tools.allocations)
    if planned.plan.needs_decision and tools.ask_agent is not None:
        run = tools.ask_agent(session.client, workflow_id, planned.plan)
        planned = replace(planned, plan=planned.plan.after_asking(), agent=run)
    orphans = [f"  Job {job.job_id} ({job.job_name}): {job.reason}" for job in planned.orphans.jobs]
    if orphans:
        orphans.insert(0, f"[DRY RUN] Would clean up {len(orphans)} orphaned job(s)")
    planned_allocations = planned.allocations
    has_ready = bool(planned_allocations) and lacks_allocations(planned.status)
    if not planned.plan.retries and not orphans and not has_ready:
        return _end_without_retries(session, planned, options, tools, dry_run=True)
    lines = texts.proposed_lines(
        workflow_id,
        planned.plan,
        foreseen=planned.foreseen,
        planned_allocations=None
        if planned_allocations is None
        else sum(each.allocation_count for each in planned_allocations),
        allocation_lines=[
            *planned_lines(planned_allocations or ()),
            *(f"  {note}" for each in planned_allocations or () for note in each.notes),
        ],
    )
    _finish(session, [*orphans, *lines, *_how_to_decide(session, planned)], planned, options, dry_run=True)
    _show_proposals(session, planned)
    return True


def _recover(session: Session, workflow_id: int, options: "RecoverOptions", tools: "RecoveryTools") -> bool:
    from torc_client.recovery.bounded_recovery import recover_once
    from torc_client.recovery.state import lacks_allocations
    from torc_core.recovery import texts

    session.client.workflow_status(workflow_id)  # a server that is not there at all is not waited for
    with session.connect(patience_s=RECOVERY_PATIENCE_S) as client:
        done = recover_once(
            client, workflow_id, options, tools, resetting=lambda planned: [texts.resetting_line(planned.plan)]
        )
    planned, applied = done.planned, done.applied
    if applied is None and lacks_allocations(planned.status) and tools.allocations.serves(session.client, workflow_id):
        return _submit_for_ready(session, planned, options, tools)
    if applied is None:
        return _end_without_retries(session, planned, options, tools, dry_run=False)
    return _show_applied(session, planned, applied, options, tools)


def _submit_for_ready(
    session: Session, planned: "PlannedRecovery", options: "RecoverOptions", tools: "RecoveryTools"
) -> bool:
    """Submit allocations for jobs that are ready and have none, such as those of allocations that are gone."""
    from torc_core.recovery import texts

    submitted = tools.allocations.submit(
        session.client, planned.workflow_id, output_dir=tools.output_dir, say=tools.say
    )
    lines = [
        "No failed or terminated jobs to recover; the jobs that are ready had no allocations.",
        texts.REGENERATING,
        *texts.submission_lines(submitted),
    ]
    _finish(session, lines, planned, options, dry_run=False)
    return True


def _ask_and_recover(session: Session, workflow_id: int, options: "RecoverOptions", tools: "RecoveryTools") -> bool:
    """Recover as a person chooses on the terminal."""
    from torc_cli.commands.recover_wizard import RecoveryWizard
    from torc_client.recovery.recover import carry_out, find_failures, run_hook_of
    from torc_core.recovery import texts

    session.client.workflow_status(workflow_id)
    planned = find_failures(session.client, workflow_id, options, tools)
    if not planned.diagnoses:
        return _end_without_retries(session, planned, options, tools, dry_run=False)
    try:
        chosen = RecoveryWizard(session, options).ask(planned, tools)
    except typer.Abort:
        chosen = None
    if chosen is None:
        session.out.done(Hint("Nothing was retried. To look again: {}", torc("recover", workflow_id)), {})
        return False
    planned, tools = chosen
    with session.connect(patience_s=RECOVERY_PATIENCE_S) as client:
        run_hook_of(client, planned, tools)
        tools.say(texts.resetting_line(planned.plan))
        applied = carry_out(client, planned, tools)
    return _show_applied(session, planned, applied, options, tools)


def _show_applied(
    session: Session,
    planned: "PlannedRecovery",
    applied: "AppliedRecovery",
    options: "RecoverOptions",
    tools: "RecoveryTools",
) -> bool:
    """Print what a recovery did; return whether all of it was done."""
    from torc_client.recovery.summary import recovery_data
    from torc_core.recovery import texts

    workflow_id = planned.workflow_id
    count, allocations = applied.answer.reset_count, applied.jobs_per_allocation
    moved_on = len(applied.answer.skipped_job_ids)
    for line in texts.carried_out_lines(count, moved_on=moved_on, jobs_per_allocation=allocations):
        tools.say(line)
    if applied.not_submitted is not None:
        for message in texts.not_submitted_lines(workflow_id, applied.not_submitted.message):
            tools.say(message)
    tools.say("")
    lines = texts.recovered_lines(workflow_id, planned.plan, reset_count=count, submitted=bool(allocations))
    session.out.done(
        lines if applied.not_submitted is None else lines[:-1],
        recovery_data(planned, options, dry_run=False, applied=applied),
    )
    return applied.not_submitted is None


def _end_without_retries(
    session: Session, planned: "PlannedRecovery", options: "RecoverOptions", tools: "RecoveryTools", *, dry_run: bool
) -> bool:
    """Print why nothing is retried; return whether that is well: every job succeeded, or others can go on."""
    from torc_client.agents.result import end_lines
    from torc_client.recovery.state import is_at_rest, is_success, waiting_jobs
    from torc_core.recovery import texts

    workflow_id, status, agent = planned.workflow_id, planned.status, planned.agent
    lines: list[Line]
    if agent is not None and (ended := end_lines(agent)):
        tools.say("")
        _finish(session, ended, planned, options, dry_run=dry_run)
        return bool(agent.retried)
    if dry_run and agent is not None and agent.proposals:
        lines = ["Recovery by itself has nothing to do here."]
    elif planned.diagnoses:
        if dry_run:
            for line in [texts.DIAGNOSING, *texts.heuristics_lines(planned.plan)]:
                tools.say(line)
        tools.say("")
        lines = [*texts.nothing_recoverable_lines(planned.plan)]
    else:
        lines = ["No failed or terminated jobs to recover."]
        if is_success(status):
            lines = [f"{lines[0]} Every job of workflow {workflow_id} succeeded."]
        elif (canceled := status.jobs_by_status[JobStatus.CANCELED]) and is_at_rest(status):
            reset = torc("workflows reset-status", workflow_id, "--failed-only", "--reinitialize")
            lines.append(Hint("{} job(s) are canceled; send them back with: {}", canceled, reset))
    if waiting_jobs(status) and not status.is_canceled:
        lines.append(_how_jobs_go_on(status))
    if dry_run:
        lines += _how_to_decide(session, planned)
    _finish(session, lines, planned, options, dry_run=dry_run)
    has_proposals = dry_run and _show_proposals(session, planned)
    return has_proposals or is_success(status) or (not planned.diagnoses and not is_at_rest(status))


def _how_jobs_go_on(status: "WorkflowStatusModel") -> Hint:
    """Return where the ready jobs will run, or what has to be typed for that."""
    from torc_client.recovery.state import has_allocations, waiting_jobs

    workflow_id, waiting = status.workflow_id, waiting_jobs(status)
    if has_allocations(status):
        return Hint(
            "{} job(s) run when their allocations begin; follow them with: {}", waiting, torc("watch", workflow_id)
        )
    if status.due_allocation_actions:
        return Hint("{} job(s) wait for allocations; submit them with: {}", waiting, torc("submit", workflow_id))
    return Hint("{} job(s) can go on with: {}", waiting, torc("run", workflow_id))


def _how_to_decide(session: Session, planned: "PlannedRecovery") -> list[Line]:
    """Return who can decide about the failures that a recovery leaves, where no agent was asked."""
    if planned.agent is not None or not planned.plan.needs_decision:
        return []
    from torc_client.agents.rules import decide_groups, read_groups
    from torc_core.recovery.defaults import MIN_CONFIDENCE

    workflow_id, waiting = planned.workflow_id, len(planned.plan.needs_decision)
    retries = {retry.job_id: retry for retry in planned.plan.retries}
    decision = decide_groups(read_groups(session.client, workflow_id), retries, min_confidence=MIN_CONFIDENCE)
    known = decision.job_count - len(decision.planned)
    return [
        Hint("{} job(s) wait for a decision: {}", waiting, torc("failures list", workflow_id)),
        Hint(
            "The rules know {} of them: {}", known, torc("recover", workflow_id, "--ai-recovery", "--ai-agent", "rules")
        ),
    ]


def _show_proposals(session: Session, planned: "PlannedRecovery") -> bool:
    """Print what the agent proposes, for people; return whether there is anything."""
    agent = planned.agent
    if agent is None or session.is_json:
        return agent is not None and bool(agent.proposals)
    from torc_cli.render.decision_text import ENTRIES, how_to_approve, proposal_rows
    from torc_cli.session.pages import offer_review
    from torc_client.agents.result import result_lines

    session.out.done(["", *result_lines(agent)], {})
    for proposal in agent.proposals:
        session.out.records(ENTRIES, proposal_rows(proposal.entries))
        session.out.done(how_to_approve(proposal), {})
    offer_review(session, planned.workflow_id, waiting=len(agent.proposals))
    return bool(agent.proposals)


def _finish(
    session: Session, lines: "Sequence[Line]", planned: "PlannedRecovery", options: "RecoverOptions", *, dry_run: bool
) -> None:
    from torc_cli.session.pages import offer_review
    from torc_client.recovery.summary import recovery_data

    data: dict[str, Any] = recovery_data(planned, options, dry_run=dry_run)
    session.out.done(lines, data)
    offer_review(session, planned.workflow_id, waiting=planned.status.jobs_by_status.total(AWAITING_DECISION))
