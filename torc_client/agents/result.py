"""The outcome of calling an agent, as the server shows it afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torc_core.api.failures import ProposalModel
from torc_core.hints import Hint, Line, torc

RULES_AGENT = "rules"
"""The agent that needs no model and no network."""


@dataclass(frozen=True, kw_only=True)
class AgentRun:
    """One call of an agent. `retried` and `failed` count its decisions, `waiting` the jobs that still wait for one,
    that no rule of recovery helps, and that no proposal of it is about.

    `problem` says what went wrong on the way, also where something was decided before it did.
    """

    agent: str
    workflow_id: int
    retried: int = 0
    failed: int = 0
    waiting: int = 0
    left: Sequence[str] = ()
    """Why jobs were left, where that is known: a line each."""
    decided_job_ids: frozenset[int] = frozenset()
    proposals: Sequence[ProposalModel] = ()
    problem: str | None = None
    hint: Hint | None = None

    @property
    def did_something(self) -> bool:
        return bool(self.retried or self.failed or self.proposals)

    def as_data(self) -> dict[str, Any]:
        """Return the call as JSON data."""
        return {
            "agent": self.agent,
            "retried": self.retried,
            "failed": self.failed,
            "still_waiting": self.waiting,
            "left": list(self.left),
            "proposals": [proposal.model_dump(mode="json", exclude_none=True) for proposal in self.proposals],
            "problem": self.problem,
            "hint": None if self.hint is None else str(self.hint),
        }


def result_lines(run: AgentRun) -> list[Line]:
    """Return what people read about the call, and how to decide by hand where it left something."""
    lines: list[Line] = []
    if run.problem:
        lines.append(f"AI recovery: {run.problem}")
        lines += [Hint("  {}", run.hint)] if run.hint else []
    if run.retried or run.failed:
        lines.append(f"AI recovery: {run.agent} sent {run.retried} job(s) back and gave {run.failed} up")
    lines += [
        Hint(
            "AI recovery: {} proposes to retry {} and to fail {} job(s): proposal {} (apply it: {})",
            run.agent,
            each.jobs_to_retry,
            each.jobs_to_fail,
            each.id,
            torc("failures approve", each.id),
        )
        for each in run.proposals
    ]
    if not run.did_something:
        lines.append(f"AI recovery: {run.agent} decided nothing")
    lines += [f"  left: {why}" for why in run.left]
    if run.waiting and run.proposals:
        failures = torc("failures list", run.workflow_id)
        lines.append(Hint("{} other job(s) wait for a decision, without a proposal: {}", run.waiting, failures))
    elif run.waiting:
        lines += manual_lines(run.workflow_id, run.waiting)
    return lines


def end_lines(run: AgentRun) -> list[Line]:
    """Return the summary of a recovery in which only the agent changed something."""
    if run.retried:
        return [
            f"Recovery complete for workflow {run.workflow_id}",
            f"  - {run.retried} job(s) sent back by {run.agent}",
            *([f"  - {run.failed} job(s) given up by {run.agent}"] if run.failed else []),
            *([f"  - {run.waiting} job(s) wait for a decision"] if run.waiting else []),
            Hint("Run them with: {}", torc("run", run.workflow_id)),
        ]
    return [f"Nothing is left to retry: {run.agent} gave {run.failed} job(s) up."] if run.failed else []


def manual_lines(workflow_id: int, waiting: int) -> list[Line]:
    """Return the ways to decide without the agent."""
    failures = torc("failures list", workflow_id)
    classify = torc("failures classify", workflow_id, "--signature", "S", "--retry", "--reason", "TEXT")
    return [
        f"{waiting} job(s) wait for a decision. Decide yourself:",
        Hint("  by hand: {}, then {} (or --fail)", failures, classify),
        Hint(
            "  all of them once more: {}",
            torc("workflows reset-status", workflow_id, "--failed-only", "--reinitialize"),
        ),
        Hint(
            "  with an assistant: its tools list_pending_failed_jobs and classify_and_resolve_failures ({})",
            torc("mcp config", "--agent", "claude"),
        ),
    ]
