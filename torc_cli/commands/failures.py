"""`torc failures`: what failed and why, grouped; decisions, and proposals that wait for one."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from torc_cli.session.command import command
from torc_cli.session.options import LimitOption, OffsetOption, WorkflowArgument, YesOption
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from torc_core.api.failures import Actor, Classification, FailureGroup

app = typer.Typer(no_args_is_help=True, help="Show failure groups, and decide about failed jobs.")


class Which(StrEnum):
    PENDING_FAILED = "pending_failed"
    FAILED = "failed"
    TERMINATED = "terminated"
    ALL = "all"


class ProposalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


SignaturesOption = Annotated[
    list[str] | None, typer.Option("--signature", metavar="S", help="A group; its first characters are enough.")
]
JobsOption = Annotated[list[int] | None, typer.Option("-j", "--job", metavar="JOB_ID")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with the decision.")]


@app.command("list")
@command
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    status: Annotated[Which, typer.Option("--status", help="Jobs that are in this status now.")] = (
        Which.PENDING_FAILED
    ),
    limit: LimitOption = None,
    offset: OffsetOption = 0,
) -> None:
    """List failure groups, the largest first.

    Jobs with the same signature are in one group.

    For example: `torc failures list 3 --status all`.
    """
    from torc_cli.render.text import number
    from torc_cli.render.triage_text import GROUPS

    chosen = session.workflow_id(workflow_id)
    found = session.client.failures.groups(chosen, status=status, offset=offset, limit=limit)
    session.out.records(GROUPS, found.items)
    if found.items and not session.is_json:
        session.out.note(f"{number(found.total_jobs, 'job')} in {number(found.total_count, 'group')}.")
        closer = torc("failures show", chosen, "--signature", found.items[0].signature)
        session.out.note(Hint("Look closer: {}", closer))


@app.command("show")
@command
def show(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    signature: Annotated[str | None, typer.Option("--signature", metavar="S", help="A group.")] = None,
    job: Annotated[int | None, typer.Option("-j", "--job", metavar="JOB_ID", help="One failed job.")] = None,
) -> None:
    """Show the evidence, attempts and decisions of a failure group or of one failed job.

    For example: `torc failures show 3 --job 12`.
    """
    from torc_cli.render.triage_text import attempts_text, evidence_text, group_text
    from torc_core.errors import InvalidInputError

    if (signature is None) == (job is None):
        both = Hint("`{}` shows both", torc("failures list"))
        raise InvalidInputError("name either --signature or --job", hint=both)
    chosen = session.workflow_id(workflow_id)
    group = _find_group(session, chosen, signature=signature, job_id=job)
    job_id = job if job is not None else group.sample.job_id
    if job_id != group.sample.job_id:
        group = group.model_copy(update={"sample": _sample(session, group, job_id)})
    results = session.client.results.list_all(workflow_id=chosen, job_id=job_id, all_runs=True)
    decisions = session.client.failures.decisions(chosen, job_id=job_id)
    evidence = group.sample.evidence
    parts = [
        group_text(group),
        evidence_text(evidence) if evidence else "  Nothing but its return code was recorded.",
        f"\nAttempts:\n{attempts_text(results)}",
        *(f"  decided {one.action} on attempt {one.attempt_id}: {one.reason} ({one.outcome})" for one in decisions),
    ]
    data: dict[str, Any] = {
        **group.model_dump(mode="json"),
        "attempts": [result.model_dump(mode="json") for result in results],
        "decisions": [decision.model_dump(mode="json") for decision in decisions],
    }
    session.out.done("\n".join(parts), data)


@app.command("classify")
@command
def classify(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    signature: SignaturesOption = None,
    job: JobsOption = None,
    retry: Annotated[
        bool | None, typer.Option("--retry/--fail", help="Send back to the queue, or give up for good.")
    ] = None,
    reason: ReasonOption,
    memory: Annotated[str | None, typer.Option("--memory", metavar="16g", help="For these jobs, from now on.")] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", metavar="PT4H", help="Likewise.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    propose: Annotated[bool, typer.Option("--propose", help="Store it for somebody to approve.")] = False,
) -> None:
    """Decide about failed jobs that wait for a decision: retry or fail.

    For example: `torc failures classify 3 --signature 4f2a --retry --memory 16g --reason "needs more memory"`.
    """
    from torc_cli.render.triage_text import judged_text, progress_text, proposal_text
    from torc_client.agents.decide import decide_all
    from torc_core.api.failures import ClassifyRequest
    from torc_core.errors import InvalidInputError

    if retry is None:
        raise InvalidInputError("say what to do: --retry or --fail")
    if not signature and not job:
        both = Hint("`{}` shows both", torc("failures list"))
        raise InvalidInputError("name what to decide about: --signature or --job", hint=both)
    if dry_run and propose:
        raise InvalidInputError("--dry-run stores nothing and --propose does", hint="leave one of them out")
    if not retry and (memory or runtime):
        raise InvalidInputError("--memory and --runtime go with --retry")
    chosen = session.workflow_id(workflow_id)
    targets: list[dict[str, object]] = [
        {"signature": _full_signature(session, chosen, prefix)} for prefix in signature or []
    ]
    targets += [{"job_id": job_id} for job_id in job or []]
    action = "retry" if retry else "fail"
    body = {"action": action, "reason": reason, "memory": memory, "runtime": runtime}
    request = ClassifyRequest(classifications=[_judgement(target | body) for target in targets], actor=_person(session))
    if propose:
        proposal = session.client.failures.propose(chosen, request)
        step = Hint("Next: {}", torc("failures approve", proposal.id))
        session.out.done([proposal_text(proposal), step], proposal)
        return
    if dry_run:
        answer = session.client.failures.preview(chosen, request)
    else:
        answer = decide_all(session.client, chosen, request, lambda so_far: session.out.note(progress_text(so_far)))
    session.out.done(judged_text(answer, planned=dry_run), answer)
    if answer.jobs_to_retry and not dry_run:
        session.out.note(_how_to_run(chosen))
    if not answer.jobs_to_retry + answer.jobs_to_fail:
        raise typer.Exit(1)


@app.command("proposals")
@command
def proposals(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    status: Annotated[ProposalState | None, typer.Option("--status")] = None,
) -> None:
    """List the proposals of a workflow.

    For example: `torc failures proposals 3 --status open`.
    """
    from torc_cli.render.triage_text import PROPOSALS

    session.out.records(PROPOSALS, session.client.failures.proposals(session.workflow_id(workflow_id), status=status))


@app.command("proposal")
@command
def proposal(session: Session, proposal_id: int) -> None:
    """Show a proposal with its jobs; for an open one, what approval would do now.

    For example: `torc failures proposal 1`.
    """
    from torc_cli.render.triage_text import proposal_text

    found = session.client.failures.proposal(proposal_id)
    session.out.done(proposal_text(found), found)


@app.command("approve")
@command
def approve(
    session: Session,
    proposal_id: int,
    *,
    only_job: Annotated[
        list[int] | None, typer.Option("--only-job", metavar="JOB_ID", help="Leave all others out.")
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option("--edit", metavar="JOB=retry|fail", help="Decide this job otherwise; needs --reason."),
    ] = None,
    memory: Annotated[str | None, typer.Option("--memory", metavar="16g", help="For what --edit retries.")] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", metavar="PT4H", help="Likewise.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Kept with the approval and the edits.")
    ] = None,
    no_prompts: YesOption = False,
) -> None:
    """Approve a proposal and apply it to the jobs that have not moved on since.

    For example: `torc failures approve 1 --edit 12=fail --reason "wrong input"`.
    """
    from torc_cli.commands.options.proposal_edits import read_edits
    from torc_cli.render.triage_text import judged_text
    from torc_core.api.failures import ApproveRequest

    edits = read_edits(
        edit or [], reason=reason if reason is None else _some_reason(reason), memory=memory, runtime=runtime
    )
    if not session.agrees(f"Apply proposal {proposal_id}?", without_asking=no_prompts):
        session.out.note("Nothing was changed.")
        return
    request = ApproveRequest(actor=_person(session), only_job_ids=only_job, edits=edits, reason=reason)
    answer = session.client.failures.approve(proposal_id, request)
    session.out.done(judged_text(answer, planned=False), answer)
    if answer.jobs_to_retry:
        session.out.note(_how_to_run(answer.workflow_id))


@app.command("reject")
@command
def reject(session: Session, proposal_id: int, *, reason: ReasonOption) -> None:
    """Close a proposal without applying it.

    For example: `torc failures reject 1 --reason "the input is wrong"`.
    """
    from torc_core.api.failures import RejectRequest

    closed = session.client.failures.reject(
        proposal_id, RejectRequest(actor=_person(session), reason=_some_reason(reason))
    )
    session.out.done(f"Rejected proposal {proposal_id}", closed)


@app.command("decisions")
@command
def decisions(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    job: Annotated[int | None, typer.Option("-j", "--job", metavar="JOB_ID", help="Only those on this job.")] = None,
) -> None:
    """List decisions: who made each, why, and its outcome.

    For example: `torc failures decisions 3`.
    """
    from torc_cli.render.triage_text import DECISIONS

    found = session.client.failures.decisions(session.workflow_id(workflow_id), job_id=job)
    session.out.records(DECISIONS, found)


def _how_to_run(workflow_id: int) -> Hint:
    return Hint("A runner that is at work takes them; else: {}", torc("run", workflow_id))


def _person(session: Session) -> "Actor":
    from torc_core.api.failures import Actor

    return Actor(kind="person", name=session.settings.user, user=session.settings.user)


def _judgement(values: dict[str, object]) -> "Classification":
    from torc_core.api.failures import Classification

    return Classification.model_validate({**values, "reason": _some_reason(str(values["reason"]))})


def _some_reason(reason: str) -> str:
    """Raises InvalidInputError unless the reason says something."""
    from torc_core.errors import InvalidInputError

    if not reason.strip() or len(reason) > 2000:
        raise InvalidInputError("--reason needs 1 to 2000 characters", hint="say why, for whoever looks later")
    return reason


def _full_signature(session: Session, workflow_id: int, prefix: str) -> str:
    return _find_group(session, workflow_id, signature=prefix, status="pending_failed").signature


def _find_group(
    session: Session, workflow_id: int, *, signature: str | None = None, job_id: int | None = None, status: str = "all"
) -> "FailureGroup":
    """The group of the job, or the one whose signature begins so. Raises NotFoundError, InvalidInputError."""
    from torc_core.errors import InvalidInputError, NotFoundError

    found = session.client.failures.groups(workflow_id, status=status, signature=signature, job_id=job_id).items
    if job_id is not None:
        matching = found
        what = f"failed job {job_id}"
    else:
        exact = [group for group in found if group.signature == signature]
        matching = exact or (found if signature else [])
        what = f"{'failure' if status == 'all' else status} with the signature {signature}"
    if not matching:
        there = Hint("`{}` shows those that there are", torc("failures list", workflow_id, "--status", "all"))
        raise NotFoundError(f"workflow {workflow_id} has no {what}", hint=there)
    if len(matching) > 1:
        names = ", ".join(group.signature for group in matching)
        raise InvalidInputError(f"{signature!r} begins several signatures: {names}", hint="name more of it")
    return matching[0]


def _sample(session: Session, group: "FailureGroup", job_id: int) -> Any:
    """The group's sample with the facts of another of its jobs."""
    from torc_core.errors import NotFoundError

    job = session.client.jobs.get(job_id)
    changed: dict[str, object] = {"job_id": job_id, "job_name": job.name, "evidence": None}
    try:
        stored = session.client.job_evidence(job_id)
    except NotFoundError:
        return group.sample.model_copy(update=changed)
    changed |= {"evidence": stored.evidence, "run_id": stored.run_id, "attempt_id": stored.attempt_id}
    return group.sample.model_copy(update=changed)
