"""`torc failures`: what failed and why, grouped; decisions, and proposals that wait for one."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from torc_cli.commands import proposals as of_proposals
from torc_cli.commands import review as of_review
from torc_cli.commands.learn import learn
from torc_cli.commands.options.decision import (
    MemoryOption,
    ReasonOption,
    RuntimeOption,
    check_reason,
    deciding_person,
    how_to_run,
    note_due_actions,
)
from torc_cli.session.command import command, listing
from torc_cli.session.options import LimitOption, OffsetOption, WorkflowArgument
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc

if TYPE_CHECKING:
    from torc_core.api.failures import Classification, FailureGroup

_EXPLAINED = 10
"""Of so many groups the list says in one line why they are to be retried or not."""

app = typer.Typer(no_args_is_help=True, help="Show failure groups, and decide about failed jobs.")


class FailureKind(StrEnum):
    """The classes of suggestions."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    OOM = "oom"
    TIMEOUT = "timeout"


class Suggested(StrEnum):
    """The actions of suggestions."""

    RETRY = "retry"
    FAIL = "fail"


class Which(StrEnum):
    PENDING_FAILED = "pending_failed"
    FAILED = "failed"
    TERMINATED = "terminated"
    ALL = "all"


SignaturesOption = Annotated[
    list[str] | None,
    typer.Option("--signature", metavar="S", help="Decide about this group; its first characters are enough."),
]
JobsOption = Annotated[
    list[int] | None, typer.Option("-j", "--job", metavar="JOB_ID", help="Decide about this job; may be repeated.")
]


@app.command("list")
@listing
def list_(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    status: Annotated[Which, typer.Option("--status", help="Group the jobs that are in this status now.")] = (
        Which.PENDING_FAILED
    ),
    class_: Annotated[FailureKind | None, typer.Option("--class", help="Only groups of this class.")] = None,
    action: Annotated[
        Suggested | None, typer.Option("--action", help="Only groups for which this is suggested.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", min=0, max=1, metavar="0.9", help="Only groups as sure as this.")
    ] = None,
    min_count: Annotated[
        int | None, typer.Option("--min-count", min=1, metavar="N", help="Only groups of so many jobs or more.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Only groups with this in cause, reason, signature or a job's name.")
    ] = None,
    limit: LimitOption = None,
    offset: OffsetOption = 0,
) -> None:
    """List failure groups, the largest first.

    Jobs with the same signature are in one group.

    For example: `torc failures list 3 --status all`, or `torc failures list 3 --action retry --min-confidence 0.9`.
    """
    from torc_cli.render.failure_text import GROUPS, why_line
    from torc_cli.render.text import number
    from torc_cli.session.pages import offer_review

    chosen = session.workflow_id(workflow_id)
    found = session.client.failures.groups(
        chosen,
        status=status,
        offset=offset,
        limit=limit,
        class_=class_,
        action=action,
        min_confidence=min_confidence,
        min_count=min_count,
        text=text,
    )
    session.out.records(GROUPS, found.items)
    if found.items and not session.is_json:
        session.out.note(f"{number(found.total_jobs, 'job')} in {number(found.total_count, 'group')}.")
        for why in filter(None, map(why_line, found.items[:_EXPLAINED])):
            session.out.note(why)
        closer = torc("failures show", chosen, "--signature", found.items[0].signature)
        session.out.note(Hint("Look closer: {}", closer))
        offer_review(session, chosen, waiting=found.total_jobs if status is Which.PENDING_FAILED else 0)


@app.command("show")
@command
def show(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    signature: Annotated[
        str | None, typer.Option("--signature", metavar="S", help="Show this group; its first characters are enough.")
    ] = None,
    job: Annotated[int | None, typer.Option("-j", "--job", metavar="JOB_ID", help="Show this failed job.")] = None,
) -> None:
    """Show the evidence, attempts and decisions of a failure group or of one failed job.

    For example: `torc failures show 3 --job 12`.
    """
    from torc_cli.render.failure_text import attempts_text, evidence_text, group_text
    from torc_core.errors import InvalidInputError
    from torc_core.recovery.review import on_one_line

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
        *(
            f"  decided {one.action} on attempt {one.attempt_id}: {on_one_line(one.reason)} ({one.outcome})"
            for one in decisions
        ),
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
        bool | None, typer.Option("--retry/--fail", help="Run the jobs again, or let them fail for good.")
    ] = None,
    reason: ReasonOption,
    memory: MemoryOption = None,
    runtime: RuntimeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")] = False,
    propose: Annotated[bool, typer.Option("--propose", help="Store a proposal for somebody to approve.")] = False,
) -> None:
    """Decide about failed jobs that wait for a decision: retry or fail.

    For example: `torc failures classify 3 --signature 4f2a --retry --memory 16g --reason "needs more memory"`.
    """
    from torc_cli.render.decision_text import decided_text, progress_text, proposal_text
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
    entries = [_classification(target | body) for target in targets]
    request = ClassifyRequest(classifications=entries, actor=deciding_person(session))
    if propose:
        proposal = session.client.failures.propose(chosen, request)
        step = Hint("Next: {}", torc("failures approve", proposal.id))
        session.out.done([*proposal_text(proposal), step], proposal)
        return
    if dry_run:
        answer = session.client.failures.preview(chosen, request)
    else:
        answer = decide_all(session.client, chosen, request, lambda so_far: session.out.note(progress_text(so_far)))
    session.out.done(decided_text(answer, planned=dry_run), answer)
    if answer.jobs_to_retry and not dry_run:
        session.out.note(how_to_run(chosen))
    elif answer.jobs_to_fail and not dry_run:
        note_due_actions(session, chosen)
    if not answer.jobs_to_retry + answer.jobs_to_fail:
        raise typer.Exit(1)


for _name, _function in {
    "review": of_review.review,
    "proposals": of_proposals.proposals,
    "proposal": of_proposals.proposal,
    "approve": of_proposals.approve,
    "reject": of_proposals.reject,
    "decisions": of_proposals.decisions,
    "undo": of_proposals.undo,
    "learn": learn,
}.items():
    app.command(_name)(_function)


def _classification(values: dict[str, object]) -> "Classification":
    from torc_core.api.failures import Classification

    return Classification.model_validate({**values, "reason": check_reason(str(values["reason"]))})


def _full_signature(session: Session, workflow_id: int, prefix: str) -> str:
    return _find_group(session, workflow_id, signature=prefix, status="pending_failed").signature


def _find_group(
    session: Session, workflow_id: int, *, signature: str | None = None, job_id: int | None = None, status: str = "all"
) -> "FailureGroup":
    """Return the group of the job, or the one whose signature begins so. Raises NotFoundError, InvalidInputError."""
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
    """Return the group's sample with the facts of another of its jobs."""
    from torc_core.errors import NotFoundError

    job = session.client.jobs.get(job_id)
    changed: dict[str, object] = {"job_id": job_id, "job_name": job.name, "evidence": None}
    try:
        stored = session.client.job_evidence(job_id)
    except NotFoundError:
        return group.sample.model_copy(update=changed)
    changed |= {"evidence": stored.evidence, "run_id": stored.run_id, "attempt_id": stored.attempt_id}
    return group.sample.model_copy(update=changed)
