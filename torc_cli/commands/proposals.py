"""Proposals about failed jobs, and the decisions that were made: parts of `torc failures`."""

from enum import StrEnum
from typing import Annotated

import typer

from torc_cli.commands.options.decision import ReasonOption, check_reason, deciding_person, how_to_run, note_due_actions
from torc_cli.session.command import command, listing
from torc_cli.session.options import WorkflowArgument, YesOption
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc


class ProposalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@listing
def proposals(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    status: Annotated[ProposalState | None, typer.Option("--status", help="List only proposals in this state.")] = None,
) -> None:
    """List the proposals of a workflow.

    For example: `torc failures proposals 3 --status open`.
    """
    from torc_cli.render.decision_text import PROPOSALS

    session.out.records(PROPOSALS, session.client.failures.proposals(session.workflow_id(workflow_id), status=status))


@command
def proposal(session: Session, proposal_id: int) -> None:
    """Show a proposal with its jobs; for an open one, what approval would do now.

    For example: `torc failures proposal 1`.
    """
    from torc_cli.render.decision_text import proposal_text
    from torc_cli.session.pages import offer_review

    found = session.client.failures.proposal(proposal_id)
    session.out.done(proposal_text(found), found)
    offer_review(session, found.workflow_id, waiting=found.job_count if found.status == "open" else 0)


@command
def approve(
    session: Session,
    proposal_id: int,
    *,
    only_job: Annotated[
        list[int] | None,
        typer.Option("--only-job", metavar="JOB_ID", help="Apply it to this job alone; may be repeated."),
    ] = None,
    only_group: Annotated[
        list[str] | None,
        typer.Option("--only-group", metavar="S", help="Apply it to the jobs with this signature alone."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="S", help="Leave out the jobs with this signature."),
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option("--edit", metavar="JOB=retry|fail", help="Decide about this job otherwise; needs --reason."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="16g", help="Give the jobs that --edit retries this memory.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option("--runtime", metavar="PT4H", help="Give the jobs that --edit retries this runtime.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept with the approval and the edits.")
    ] = None,
    no_prompts: YesOption = False,
) -> None:
    """Approve a proposal and apply it to the jobs that have not moved on since.

    Approval is a person's: without a terminal, and with JSON output, it needs --yes.
    For example: `torc failures approve 1 --edit 12=fail --reason "wrong input"`, or
    `torc failures approve 1 --leave-out 4f2a`.
    """
    from torc_cli.commands.options.proposal_edits import choose_jobs, read_edits
    from torc_cli.render.decision_text import decided_text
    from torc_core.api.failures import ApproveRequest

    edits = read_edits(
        edit or [], reason=reason if reason is None else check_reason(reason), memory=memory, runtime=runtime
    )
    if only_group or leave_out:
        found = session.client.failures.proposal(proposal_id)
        only_job = choose_jobs(found, only_jobs=only_job or [], only_groups=only_group or [], left_out=leave_out or [])
    if not session.agrees(f"Apply proposal {proposal_id}?", without_asking=no_prompts, needs_person=True):
        session.out.note("Nothing was changed.")
        return
    request = ApproveRequest(actor=deciding_person(session), only_job_ids=only_job, edits=edits, reason=reason)
    answer = session.client.failures.approve(proposal_id, request)
    session.out.done(decided_text(answer, planned=False), answer)
    if answer.jobs_to_retry:
        session.out.note(how_to_run(answer.workflow_id))
    elif answer.jobs_to_fail:
        note_due_actions(session, answer.workflow_id)


@command
def reject(session: Session, proposal_id: int, *, reason: ReasonOption) -> None:
    """Close a proposal without applying it.

    For example: `torc failures reject 1 --reason "the input is wrong"`.
    """
    from torc_core.api.failures import RejectRequest

    closed = session.client.failures.reject(
        proposal_id, RejectRequest(actor=deciding_person(session), reason=check_reason(reason))
    )
    session.out.done(f"Rejected proposal {proposal_id}", closed)


class DecisionOutcome(StrEnum):
    OPEN = "open"
    SUCCEEDED = "succeeded"
    FAILED_AGAIN = "failed_again"
    NOT_RUN = "not_run"
    UNDONE = "undone"


@listing
def decisions(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job: Annotated[
        int | None, typer.Option("-j", "--job", metavar="JOB_ID", help="List only the decisions about this job.")
    ] = None,
    outcome: Annotated[
        DecisionOutcome | None, typer.Option("--outcome", help="List only decisions with this outcome.")
    ] = None,
    by_group: Annotated[
        bool, typer.Option("--by-group", help="One line for all jobs that were decided alike and ended alike.")
    ] = False,
) -> None:
    """List decisions: who made each, why, and its outcome.

    For example: `torc failures decisions 3 --by-group`, or `torc failures decisions 3 -f csv > decisions.csv`.
    """
    from torc_cli.render.decision_log import DECISION_GROUPS, DECISIONS, group_decisions

    found = session.client.failures.decisions(session.workflow_id(workflow_id), job_id=job)
    if outcome is not None:
        found = [decision for decision in found if decision.outcome == outcome]
    if by_group:
        session.out.records(DECISION_GROUPS, group_decisions(found))
    else:
        session.out.records(DECISIONS, found)


@command
def undo(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    proposal_id: Annotated[
        int | None, typer.Option("--proposal", metavar="ID", help="Undo the decisions of this proposal.")
    ] = None,
    job: Annotated[
        list[int] | None, typer.Option("-j", "--job", metavar="JOB_ID", help="Undo the decision about this job.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Undo every decision that can be undone.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept with the event.")] = None,
    no_prompts: YesOption = False,
) -> None:
    """Undo decisions while nothing has run because of them: the jobs wait for a decision again.

    For example: `torc failures undo 3 --proposal 4`.
    """
    from torc_cli.render.decision_text import undone_text
    from torc_core.api.failures import UndoRequest
    from torc_core.errors import InvalidInputError

    if all_ == bool(proposal_id is not None or job):
        raise InvalidInputError(
            "say which decisions to undo: --proposal, --job or --all",
            hint=Hint("`{}` shows them", torc("failures decisions", "WORKFLOW_ID")),
        )
    chosen = session.workflow_id(workflow_id)
    if not session.agrees(f"Undo decisions of workflow {chosen}?", without_asking=no_prompts, needs_person=True):
        session.out.note("Nothing was changed.")
        return
    request = UndoRequest(actor=deciding_person(session), proposal_id=proposal_id, job_ids=job, reason=reason)
    answer = session.client.failures.undo(chosen, request)
    session.out.done(undone_text(answer), answer)
    if not answer.undone:
        raise typer.Exit(1)
