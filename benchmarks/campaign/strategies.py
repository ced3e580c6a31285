"""What the campaign compares: ways to act on failures, from doing nothing to an agent with the word model."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.campaign.simulation import Campaign
from torc_client.agents.call import AgentCaller, AgentOptions
from torc_client.agents.decide import decide_all
from torc_client.agents.result import RULES_AGENT, AgentRun
from torc_client.agents.rules import read_groups
from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.bounded_recovery import BoundedRecovery
from torc_client.recovery.foresight import Foresight
from torc_client.recovery.recover import RecoveryTools
from torc_client.settings import ClientSettings
from torc_core.api.failures import Actor, Classification, ClassifyRequest, FailureGroup
from torc_core.api.recovery import ApplyRecoveryRequest, PlannedRetry
from torc_core.jobs.status import FAILURES, JobStatus
from torc_core.recovery.defaults import MAX_RETRIES, WATCH_RUNTIME_MULTIPLIER
from torc_core.recovery.plan import RecoverOptions, RecoveryPlan
from torc_core.resources.duration import format_duration
from torc_core.resources.memory import format_memory

_BY_HAND: Final = Actor(kind="person", name="benchmark")
_AGENT: Final = Actor(kind="agent", name="scripted", user="benchmark")
_READS_RIGHT: Final = 0.95
"""How often the scripted agent reads a text as a careful person does."""
_OPTIONS: Final = RecoverOptions(runtime_multiplier=WATCH_RUNTIME_MULTIPLIER)
_OOM_CODE: Final = 137
_TIMEOUT_CODE: Final = 152


class NoRecovery:
    """Failed jobs stay failed."""

    name = "no recovery"
    requeues = False
    groups = False

    def failed(self, campaign: Campaign, job_ids: Collection[int]) -> None:
        """Do nothing."""

    def at_rest(self, campaign: Campaign) -> bool:
        """Do nothing."""
        del campaign
        return False


@dataclass
class Retries:
    """Every failed attempt is tried again at once, `most` times; with `grows` its n-th has n times memory and time."""

    name: str
    grows: bool = False
    most: int = 3
    requeues: bool = False
    groups: bool = False
    _used: Counter[int] = field(default_factory=Counter)

    def failed(self, campaign: Campaign, job_ids: Collection[int]) -> None:
        """Send back what has retries left."""
        entries = []
        for job_id in job_ids:
            if self._used[job_id] >= self.most:
                continue
            self._used[job_id] += 1
            entries.append(self._entry(campaign, job_id))
        if entries:
            decide_all(campaign.client, campaign.workflow_id, ClassifyRequest(classifications=entries, actor=_BY_HAND))

    def at_rest(self, campaign: Campaign) -> bool:
        """Do nothing: what was to be tried again was."""
        del campaign
        return False

    def _entry(self, campaign: Campaign, job_id: int) -> Classification:
        template = campaign.job(job_id).template
        times = self._used[job_id] + 1
        return Classification(
            job_id=job_id,
            action="retry",
            reason="another attempt",
            memory=format_memory(times * template.memory_gb << 30) if self.grows else None,
            runtime=format_duration(times * template.runtime_s) if self.grows else None,
        )


@dataclass
class SharedRaise:
    """Exit code 137 raises memory by half, 152 the runtime, of the requirement that all its jobs share."""

    name: str = "exit codes, 1.5 times the shared requirement"
    requeues: bool = False
    groups: bool = False
    _left: int = MAX_RETRIES

    def failed(self, campaign: Campaign, job_ids: Collection[int]) -> None:
        """Do nothing until nothing runs."""

    def at_rest(self, campaign: Campaign) -> bool:
        """Raise and reset what ended with one of the two codes."""
        client, workflow_id = campaign.client, campaign.workflow_id
        jobs = client.jobs.list_all(workflow_id=workflow_id, status=sorted(FAILURES))
        codes = {
            (result.job_id, result.attempt_id): result.return_code
            for result in client.results.list_all(workflow_id=workflow_id, status=JobStatus.FAILED)
        }
        known = [(job, codes.get((job.id or 0, job.attempt_id or 1))) for job in jobs]
        chosen = [(job, code) for job, code in known if code in (_OOM_CODE, _TIMEOUT_CODE)]
        if not chosen or self._left == 0:
            return False
        self._left -= 1
        lacks: defaultdict[int, set[int]] = defaultdict(set)
        for job, code in chosen:
            lacks[job.resource_requirements_id or 0].add(code or 0)
        for requirement_id, of in lacks.items():
            now = campaign.amounts_of(requirement_id)
            record = client.resource_requirements.get(requirement_id)
            update = {
                **({"memory": format_memory(int(now.memory_bytes * 1.5))} if _OOM_CODE in of else {}),
                **({"runtime": format_duration(now.runtime_s * 1.5)} if _TIMEOUT_CODE in of else {}),
            }
            client.resource_requirements.update(requirement_id, record.model_copy(update=update))
        campaign.forget_amounts()
        run_id = client.workflow_status(workflow_id).run_id
        retries = [
            PlannedRetry(job_id=job.id or 0, run_id=run_id, attempt_id=job.attempt_id or 1, reason=f"exit code {code}")
            for job, code in chosen
        ]
        request = ApplyRecoveryRequest(run_id=run_id, retries=retries, requested_by="benchmark")
        client.failures.apply_recovery(workflow_id, request)
        return True


@dataclass
class Torc:
    """`watch --recover` with the agent `rules`; with `scripted` another agent reads what the rules leave."""

    name: str
    scripted: bool = False
    foresight: bool = False
    requeues: bool = True
    groups: bool = True
    _recovery: BoundedRecovery | None = None
    _lookout: Foresight | None = None

    def failed(self, campaign: Campaign, job_ids: Collection[int]) -> None:
        """Look ahead, where that is wanted; recover only when nothing runs."""
        del job_ids
        if not self.foresight:
            return
        if self._lookout is None:
            self._lookout = Foresight(
                client=campaign.client,
                options=_OPTIONS,
                allocations=Allocations(),
                user="benchmark",
                say=lambda _: None,
            )
        if self._lookout.look(campaign.client.workflow_status(campaign.workflow_id)):
            campaign.forget_amounts()

    def at_rest(self, campaign: Campaign) -> bool:
        """Recover as `watch` does."""
        if self._recovery is None:
            self._recovery = self._begin(campaign)
        status = campaign.client.workflow_status(campaign.workflow_id)
        goes_on = self._recovery.brings_more(status)
        campaign.forget_amounts()
        return goes_on

    def _begin(self, campaign: Campaign) -> BoundedRecovery:
        agent = AgentCaller(
            options=AgentOptions(name=RULES_AGENT, user="benchmark"),
            settings=ClientSettings(url=campaign.client.url, user="benchmark", output_dir="nowhere"),
            environment={},
            say=lambda _: None,
        )

        def ask(client: TorcClient, workflow_id: int, plan: RecoveryPlan) -> AgentRun:
            if self.scripted:
                _decide_unsure(campaign)
            return agent.ask(client, workflow_id, plan)

        tools = RecoveryTools(
            user="benchmark", say=lambda _: None, output_dir=Path("nowhere"), ask_agent=ask,
            actor=Actor(kind="rules", name="torc", user="benchmark"),
        )  # fmt: skip
        return BoundedRecovery(client=campaign.client, options=_OPTIONS, tools=tools, max_retries=MAX_RETRIES)


def _decide_unsure(campaign: Campaign) -> None:
    """Decide as an agent about the groups without a sure suggestion: it reads their sample, right 19 times of 20."""
    entries = []
    for group in read_groups(campaign.client, campaign.workflow_id):
        is_sure = group.suggestion is not None and group.suggestion.confidence >= 0.8
        answer = None if is_sure else _read(campaign, group)
        if answer is not None:
            entries.append(answer)
    if entries:
        request = ClassifyRequest(classifications=entries, actor=_AGENT)
        decide_all(campaign.client, campaign.workflow_id, request)


def _read(campaign: Campaign, group: FailureGroup) -> Classification | None:
    evidence = group.sample.evidence
    right = None if evidence is None else campaign.world.answers.get(evidence.stderr_tail)
    if right is None or evidence is None:
        return None
    is_right = campaign.world.chance("agent", group.signature) < _READS_RIGHT
    action = right if is_right else ("fail" if right == "retry" else "retry")
    leaning = group.leaning.class_ if group.leaning else group.suggestion.class_ if group.suggestion else None
    lacks_memory = action == "retry" and leaning == "oom" and evidence.memory_limit_bytes
    return Classification(
        signature=group.signature,
        action=action,
        reason="the scripted agent has read its log",
        memory=format_memory(int(evidence.memory_limit_bytes * 1.5)) if lacks_memory else None,
    )
