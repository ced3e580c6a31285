"""Calls an agent to decide about failures: the rules, or the program of an AI agent with Torc's tools alone."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from torc_client.agents.command import agent_environment, describe_end, find_command
from torc_client.agents.files import AgentFile, find_agent
from torc_client.agents.output import AgentOutput
from torc_client.agents.process import ProcessEnd, run_to_end
from torc_client.agents.result import RULES_AGENT, AgentRun
from torc_client.agents.rules import (
    RulesRequest,
    decide_by_rules,
    decide_groups,
    left_lines,
    propose_by_rules,
    read_groups,
)
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_core.agents.description import AgentSpec, fill
from torc_core.api.failures import DecisionLimits
from torc_core.api.tokens import TokenRequest
from torc_core.credentials import PASSWORD_VARIABLE, TOKEN_VARIABLE
from torc_core.errors import StateConflictError, TorcError
from torc_core.hints import Hint, Line
from torc_core.jobs.status import AWAITING_DECISION
from torc_core.recovery.defaults import MIN_CONFIDENCE
from torc_core.recovery.plan import RecoveryPlan

_SERVER_NAME: Final = "torc"
_TOKEN_LEAD_S: Final = 120.0
"""An agent may still be stopping when its time is over."""


@dataclass(frozen=True, kw_only=True)
class AgentOptions:
    """Which agent is called and within which bounds. `proposes_only`: it changes no job, a person approves."""

    name: str
    user: str
    timeout_s: float | None = None
    """None: what the agent's file says."""
    proposes_only: bool = False
    min_confidence: float = MIN_CONFIDENCE
    """The least confidence at which the rules decide; other agents assess by themselves."""
    limits: DecisionLimits = field(default_factory=DecisionLimits)


@dataclass(frozen=True, kw_only=True)
class AgentCaller:
    """Calls the agent of `options`. `environment` is the user's, `say` gets every line for people."""

    options: AgentOptions
    settings: ClientSettings
    environment: Mapping[str, str]
    say: Callable[[Line], None]

    def check(self) -> None:
        """Raise NotFoundError without a file for the agent, InvalidInputError for a wrong one."""
        if self.options.name != RULES_AGENT:
            find_agent(self.options.name, self.environment)

    def ask(self, client: TorcClient, workflow_id: int, plan: RecoveryPlan) -> AgentRun:
        """Call the agent and return what the server holds afterwards.

        A failing agent is no error: jobs that it left keep waiting for a decision. Raises StateConflictError while
        another call about the workflow goes on.
        """
        before = _Baseline.of(client, workflow_id)
        self.say(
            f"Asking {self.options.name} about {before.waiting} job(s) that wait for a decision"
            + (" (it may only propose)..." if self.options.proposes_only else "...")
        )
        problem: str | None = None
        hint: Hint | None = None
        left: list[str] = []
        try:
            if self.options.name == RULES_AGENT:
                left = self._ask_rules(client, workflow_id, plan)
            else:
                agent = find_agent(self.options.name, self.environment)
                problem, advice = self._ask_program(agent, client, workflow_id, waiting=before.waiting)
                hint = None if advice is None else Hint(advice)
        except StateConflictError:
            raise  # another recovery asks an agent: this one ends before it pays for a second
        except TorcError as error:
            problem, hint = error.message, error.hint
        return self._compare(client, workflow_id, before, plan, left=left, problem=problem, hint=hint)

    def _ask_rules(self, client: TorcClient, workflow_id: int, plan: RecoveryPlan) -> list[str]:
        """Decide or propose by the rules; return why jobs were left."""
        options = self.options
        planned = {retry.job_id: retry for retry in plan.retries}
        decision = decide_groups(read_groups(client, workflow_id), planned, min_confidence=options.min_confidence)
        request = RulesRequest(user=options.user, limits=options.limits)
        act = propose_by_rules if options.proposes_only else decide_by_rules
        return left_lines(decision, act(client, workflow_id, decision, request))

    def _ask_program(
        self, agent: AgentFile, client: TorcClient, workflow_id: int, *, waiting: int
    ) -> tuple[str | None, str | None]:
        """Run the agent's program; return a problem and a hint, None and None where it ended with exit code 0."""
        spec = agent.spec
        found = find_command(spec, self.environment)
        if found.problem:
            return found.problem, spec.install_hint
        prompt = fill(
            agent.prompt,
            {
                "workflow_id": str(workflow_id),
                "waiting_jobs": str(waiting),
                "dry_run": "true" if self.options.proposes_only else "false",
                "reach": _PROPOSING if self.options.proposes_only else _DECIDING,
            },
        )
        timeout_s = self.options.timeout_s or spec.limits.timeout_s
        with (
            self._token(client, spec, workflow_id, timeout_s=timeout_s) as token,
            tempfile.TemporaryDirectory(prefix="torc-agent-", ignore_cleanup_errors=True) as private,
        ):
            config, folder = Path(private, "mcp.json"), Path(private, "empty")
            folder.mkdir()
            _write_private(config, self._mcp_config(spec, client, workflow_id, token=token))
            values = {"prompt": prompt, "mcp_config_file": str(config), "workflow_id": str(workflow_id)}
            try:
                ended = run_to_end(
                    [*found.argv, *(fill(argument, values) for argument in spec.arguments)],
                    folder=folder,
                    environment=agent_environment(spec, self.environment),
                    timeout_s=timeout_s,
                    grace_s=spec.limits.grace_s,
                    output=self._output(spec),
                )
            except OSError as error:
                return f"{spec.title} cannot be started: {error.strerror}", spec.install_hint
        return _problem_of(ended, spec, timeout_s), None

    @contextmanager
    def _token(self, client: TorcClient, spec: AgentSpec, workflow_id: int, *, timeout_s: float) -> Iterator[str]:
        """Yield a token by which the agent may look, and propose or decide, in this workflow during this call."""
        request = TokenRequest(
            name=f"agent {spec.name}"[:100],
            is_call=True,
            scope="operator",
            expires_in_s=timeout_s + _TOKEN_LEAD_S,
            workflow_id=workflow_id,
            agent=spec.name,
            mode="propose" if self.options.proposes_only else "decide",
        )
        token = client.access.create_token(request)
        try:
            yield token.token or ""
        finally:
            with suppress(TorcError):  # it ends by itself
                client.access.revoke_token(token.id)

    def _output(self, spec: AgentSpec) -> AgentOutput:
        limits = spec.limits
        return AgentOutput(
            lambda line: self.say(f"[{spec.prefix}] {line}"),
            max_lines=limits.output_lines,
            line_chars=limits.line_chars,
        )

    def _mcp_config(self, spec: AgentSpec, client: TorcClient, workflow_id: int, *, token: str) -> dict[str, Any]:
        """Return the MCP configuration: a server for this workflow alone, with the tools of triage alone.

        The agent's token stands in this file alone: other users can read arguments, and an agent prints its
        environment.
        """
        settings, limits = self.settings, self.options.limits
        environment = {
            **client.environment(),
            PASSWORD_VARIABLE: None,
            TOKEN_VARIABLE: token,
            "TORC_USERNAME": settings.user,
            "TORC_OUTPUT_DIR": str(Path(settings.output_dir).absolute()),
            "TORC_ACTOR_NAME": spec.name,
            "TORC_MAX_AI_RETRIES": None if limits.max_ai_retries is None else str(limits.max_ai_retries),
            "TORC_MAX_MEMORY": limits.max_memory,
            "TORC_MAX_RUNTIME": limits.max_runtime,
            "PYTHONPATH": self.environment.get("PYTHONPATH"),
        }
        server = {
            **spec.mcp_config.server,
            "command": sys.executable,
            "args": [
                *("-P", "-m", "torc_mcp.main", "--toolsets", "triage", "--workflow", str(workflow_id)),
                *("--no-asking", "--preview-above", "never"),  # nobody watches
                *(["--proposals-only"] if self.options.proposes_only else []),
            ],
            "env": {name: value for name, value in environment.items() if value},
        }
        return {spec.mcp_config.servers_key: {_SERVER_NAME: server}}

    def _compare(
        self,
        client: TorcClient,
        workflow_id: int,
        before: "_Baseline",
        plan: RecoveryPlan,
        *,
        left: list[str],
        problem: str | None,
        hint: Hint | None,
    ) -> AgentRun:
        undecided = {each.job_id for each in plan.needs_decision}
        planned = before.waiting - len(undecided)
        decisions = [
            decision
            for decision in client.failures.decisions(workflow_id)
            if decision.id > before.last_decision and decision.actor.kind != "person"
        ]
        proposals = [
            client.failures.proposal(proposal.id)
            for proposal in client.failures.proposals(workflow_id)
            if proposal.id > before.last_proposal and proposal.actor.kind != "person"
        ]
        proposed = {job.job_id for each in proposals for job in each.jobs if job.status != "skipped"}
        pending = client.workflow_status(workflow_id).jobs_by_status.total(AWAITING_DECISION)
        return AgentRun(
            agent=self.options.name,
            workflow_id=workflow_id,
            retried=sum(decision.action == "retry" for decision in decisions),
            failed=sum(decision.action == "fail" for decision in decisions),
            waiting=max(pending - planned - len(proposed & undecided), 0),
            left=left,
            decided_job_ids=frozenset(decision.job_id for decision in decisions),
            proposals=proposals,
            problem=problem,
            hint=hint,
        )


@dataclass(frozen=True, kw_only=True)
class _Baseline:
    """Proposals and decisions that the server held before the agent was called."""

    waiting: int
    last_decision: int
    last_proposal: int

    @classmethod
    def of(cls, client: TorcClient, workflow_id: int) -> "_Baseline":
        return cls(
            waiting=client.workflow_status(workflow_id).jobs_by_status.total(AWAITING_DECISION),
            last_decision=max((decision.id for decision in client.failures.decisions(workflow_id)), default=0),
            last_proposal=max((proposal.id for proposal in client.failures.proposals(workflow_id)), default=0),
        )


_PROPOSING: Final = "You propose what to do with each; a person looks at your proposal before any job changes."
_DECIDING: Final = "Your decisions are applied at once, within the bounds that the user set."


def _problem_of(ended: ProcessEnd, spec: AgentSpec, timeout_s: float) -> str | None:
    if ended.timed_out:
        return f"{spec.title} did not end within {timeout_s:g} seconds (--ai-timeout) and was stopped"
    return f"{spec.title} ended with {describe_end(ended)}" if ended.code else None


def _write_private(path: Path, content: Mapping[str, Any]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
