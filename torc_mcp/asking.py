"""Asks the person before decisions of an agent are applied, where the client can ask."""

from collections import Counter
from typing import Annotated, Final

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel, Field

from torc_core.api.failures import ClassifiedJob, ClassifyRequest, ProposalEntry
from torc_core.errors import ForbiddenError, TorcError
from torc_core.recovery.review import job_words, on_one_line
from torc_mcp.actor import actor_of
from torc_mcp.context import App, ToolContext, app_of
from torc_mcp.settings import Access
from torc_mcp.tools.act.answers import DecisionEntry

_GROUPS_SHOWN: Final = 12
_REASON_CHARS: Final = 160


class GoAhead(BaseModel):
    """The answer of a person who is asked."""

    apply: bool = Field(default=True, title="Apply these decisions")


def ask_person(
    ctx: ToolContext,
    workflow_id: int,
    classifications: list[DecisionEntry] | None,
    proposal_id: int | None,
    dry_run: bool,
) -> GoAhead | Elicit[GoAhead]:
    """Return the question to the person; the answer itself where nothing is applied, or where nobody can be asked."""
    app = app_of(ctx)
    if dry_run or not app.settings.asks_person or app.settings.access < Access.WRITE or not _can_ask(ctx):
        return GoAhead()
    try:
        message = _question(ctx, app, workflow_id, classifications, proposal_id)
    except TorcError:
        return GoAhead()  # the tool refuses the same request, and says why
    return Elicit(message, GoAhead)


PersonsAnswer = Annotated[ElicitationResult[GoAhead], Resolve(ask_person)]
"""A parameter that the framework fills with the person's answer; agents do not see it."""


def check_answer(answer: ElicitationResult[GoAhead], workflow_id: int) -> None:
    """Raise ForbiddenError unless the person agreed."""
    if not isinstance(answer, AcceptedElicitation) or not answer.data.apply:
        raise ForbiddenError(
            f"your user was asked and did not agree: no job of workflow {workflow_id} was changed",
            hint="ask what should be done instead",
            ids={"workflow_id": workflow_id},
        )


def _can_ask(ctx: ToolContext) -> bool:
    capabilities = ctx.client_capabilities
    return capabilities is not None and capabilities.elicitation is not None


def _question(
    ctx: ToolContext,
    app: App,
    workflow_id: int,
    classifications: list[DecisionEntry] | None,
    proposal_id: int | None,
) -> str:
    """Return the summary by group of what would be applied now."""
    if proposal_id is not None:
        proposal = app.client.failures.proposal(proposal_id)
        counts = f"retry {proposal.jobs_to_retry}, fail {proposal.jobs_to_fail}, skip {proposal.jobs_skipped} job(s)"
        lines = [_entry_line(entry) for entry in proposal.entries]
        return _text(f"Apply proposal {proposal_id} to workflow {workflow_id}: {counts}?", lines)
    request = ClassifyRequest(
        classifications=[entry.as_classification() for entry in classifications or ()],
        actor=actor_of(ctx),
        limits=app.settings.limits,
    )
    planned = app.client.failures.preview(workflow_id, request)
    counts = f"retry {planned.jobs_to_retry}, fail {planned.jobs_to_fail}, skip {planned.jobs_skipped} job(s)"
    return _text(f"Apply these decisions to workflow {workflow_id}: {counts}?", _job_lines(planned.jobs))


def _text(question: str, lines: list[str]) -> str:
    more = [f"- and {len(lines) - _GROUPS_SHOWN} more groups"] if len(lines) > _GROUPS_SHOWN else []
    return "\n".join([question, *lines[:_GROUPS_SHOWN], *more])


def _entry_line(entry: ProposalEntry) -> str:
    action = "skip" if entry.status == "skipped" else entry.action
    jobs = job_words(entry.count, entry.job_names, entry.job_ids)
    return _line(action, entry.count, jobs, _changes(entry), entry.reason)


def _job_lines(jobs: list[ClassifiedJob]) -> list[str]:
    """Return a line for each group of jobs that are treated alike, the largest first."""
    kinds = Counter(_kind(job) for job in jobs)
    members: dict[tuple[str, ...], list[ClassifiedJob]] = {}
    for job in jobs:
        members.setdefault(_kind(job), []).append(job)
    lines = []
    for kind, count in kinds.most_common():
        first = members[kind][:3]
        names = job_words(count, [job.job_name for job in first], [job.job_id for job in first])
        action = "skip" if first[0].status == "skipped" else first[0].action
        lines.append(_line(action, count, names, _changes(first[0]), first[0].detail or first[0].reason))
    return lines


def _kind(job: ClassifiedJob) -> tuple[str, ...]:
    parts = (job.signature, job.action, job.status, job.reason, job.memory, job.runtime, job.detail)
    return tuple(part or "" for part in parts)


def _changes(what: ClassifiedJob | ProposalEntry) -> str:
    amounts = (("memory", what.old_memory, what.memory), ("runtime", what.old_runtime, what.runtime))
    return ", ".join(f"{name} {old or '-'} -> {new}" for name, old, new in amounts if new)


def _line(action: str, count: int, jobs: str, changes: str, reason: str) -> str:
    """Return one line without control characters: names and reasons come from jobs and agents."""
    change = f" with {changes}" if changes else ""
    return f"- {action} {count}: {on_one_line(jobs)}{change}: {on_one_line(reason)[:_REASON_CHARS]}"
