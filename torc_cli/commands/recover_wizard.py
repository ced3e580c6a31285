"""The wizard of `torc recover` on a terminal: what to do with each kind of failure, and where to run it again."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import typer
from pydantic import BaseModel

from torc_cli.commands.options.left_allocations import left_allocations
from torc_cli.render.base import Column, Table
from torc_cli.render.text import clipped
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.evidence.attempt import Cause
from torc_core.resources.duration import format_duration, parse_duration
from torc_core.resources.memory import format_memory, parse_memory
from torc_core.slurm.plan import PlanOptions
from torc_core.slurm.quantities import format_slurm_walltime, parse_slurm_walltime

if TYPE_CHECKING:
    from torc_client.recovery.allocations import Allocations
    from torc_client.recovery.recover import PlannedRecovery, RecoveryTools
    from torc_core.recovery.diagnosis import Diagnosis
    from torc_core.recovery.plan import RecoverOptions, RecoveryPlan

_SHOWN: Final = 20
_WIDTH: Final = 80
_T = TypeVar("_T")


class _Kind(NamedTuple):
    title: str
    causes: frozenset[Cause]


_KINDS: Final = (
    _Kind("Out of memory", frozenset({Cause.OOM})),
    _Kind("Out of time", frozenset({Cause.TIMEOUT})),
    _Kind("Lost to the infrastructure", frozenset({Cause.NODE_FAILURE, Cause.PREEMPTED, Cause.RUNNER_LOST})),
    _Kind("Unknown cause", frozenset({Cause.UNKNOWN})),
)
"""Every cause is of exactly one kind."""


class _Row(BaseModel):
    job_id: int
    job_name: str
    code: int
    now: str
    then: str


_TABLE: Final = Table(
    "jobs",
    (
        Column("Job", "job_id", right=True),
        Column("Name", lambda row: clipped(row.job_name, 24)),
        Column("Code", "code", right=True),
        Column("Now", "now"),
        Column("Retried", "then"),
    ),
)


@dataclass(frozen=True)
class RecoveryWizard:
    """Asks a person on the terminal. Nothing is changed here: the answers become a plan."""

    session: Session
    options: "RecoverOptions"

    def ask(self, planned: "PlannedRecovery", tools: "RecoveryTools") -> "tuple[PlannedRecovery, RecoveryTools] | None":
        """Return the plan and the tools as chosen; None where the person wants nothing of it."""
        from torc_core.recovery.plan import RecoveryPlan

        self._say(f"Workflow {planned.workflow_id}: {len(planned.diagnoses)} job(s) failed.")
        plans = [self._ask_kind(kind, planned.diagnoses) for kind in _KINDS]
        plan = RecoveryPlan(
            retries=tuple(each for one in plans for each in one.retries),
            skipped=tuple(each for one in plans for each in one.skipped),
            needs_decision=tuple(each for one in plans for each in one.needs_decision),
            recovery_hook=next((one.recovery_hook for one in plans if one.recovery_hook), None),
        )
        if not plan.retries:
            self._say("No job is retried.")
            return None
        chosen = replace(planned, plan=plan)
        is_served = tools.allocations.serves(self.session.client, planned.workflow_id)
        if is_served:
            tools = replace(tools, allocations=self._ask_allocations(chosen, tools.allocations))
        self._show_plan(chosen, tools, is_served=is_served)
        return (chosen, tools) if typer.confirm("Go ahead?", default=True, err=True) else None

    # -- causes -----------------------------------------------------------------------------------

    def _ask_kind(self, kind: _Kind, diagnoses: "Sequence[Diagnosis]") -> "RecoveryPlan":
        """Return the plan for the failures of one kind."""
        from torc_core.recovery.plan import RecoveryPlan, make_plan

        own = [each for each in diagnoses if each.cause in kind.causes]
        if not own:
            return RecoveryPlan()
        # a person sees the unknown failures, too, before they are left alone
        plan = make_plan(own, self.options.model_copy(update={"retry_unknown": True}))
        self._show(kind, own, plan)
        if not plan.retries:
            return plan
        default = "retry" if Cause.UNKNOWN not in kind.causes or self.options.takes_unknown else "skip"
        answer = self._choose(f"{kind.title}: retry, adjust or skip", ("retry", "adjust", "skip"), default)
        if answer == "skip":
            return make_plan(own, self.options) if Cause.UNKNOWN in kind.causes else _all_skipped(plan)
        return plan if answer == "retry" else self._adjust(kind, plan)

    def _adjust(self, kind: _Kind, plan: "RecoveryPlan") -> "RecoveryPlan":
        """Return the plan with other amounts: by a factor for each job, or the same amount for all."""
        memory = runtime = None
        if Cause.TIMEOUT not in kind.causes:
            memory = self._amount("Memory, as a factor (2) or an amount (16g)", parse_memory)
        if Cause.OOM not in kind.causes:
            runtime = self._amount("Runtime, as a factor (2) or an amount (PT2H)", parse_duration)
        retries = []
        for retry in plan.retries:
            changes: dict[str, int] = {}
            if memory is not None:
                changes["memory_bytes"] = memory.of(max(retry.old_memory_bytes, retry.peak_memory_bytes or 0))
            if runtime is not None:
                changes["runtime_s"] = runtime.of(retry.old_runtime_s)
            retries.append(retry.model_copy(update=changes))
        return plan.model_copy(update={"retries": tuple(retries)})

    def _show(self, kind: _Kind, own: "Sequence[Diagnosis]", plan: "RecoveryPlan") -> None:
        retries = {retry.job_id: retry for retry in plan.retries}
        rows = []
        for diagnosis in own[:_SHOWN]:
            facts, retry = diagnosis.facts, retries.get(diagnosis.facts.job_id)
            requirement = facts.requirement
            now = f"{format_memory(requirement.memory_bytes)}, {format_duration(requirement.runtime_s)}"
            changed = [] if retry is None else [each for each in (retry.memory, retry.runtime) if each is not None]
            then = "no" if retry is None else ", ".join(changed) or "the same"
            rows.append(
                _Row(
                    job_id=facts.job_id,
                    job_name=facts.job_name,
                    code=facts.return_code,
                    now=now,
                    then=clipped(then, 24),
                )
            )
        self._say("")
        self._say(f"{kind.title}: {len(own)} job(s)")
        self.session.out.records(_TABLE, rows)
        if len(own) > len(rows):
            self._say(f"and {len(own) - len(rows)} more")
        if Cause.UNKNOWN in kind.causes:
            self._show_assessments(own)
        for each in plan.skipped[:_SHOWN]:
            self._say(f"  Job {each.job_id} ({each.job_name}) cannot be retried: {each.reason}")

    def _show_assessments(self, own: "Sequence[Diagnosis]") -> None:
        """Print what the logs of failures say that no measurement explains, one line for each failure group."""
        from torc_core.triage.assess import Assessment, assess

        groups: dict[str, list[Assessment]] = {}
        for diagnosis in own:
            if (evidence := diagnosis.facts.evidence) is not None:
                assessment = assess(evidence)
                groups.setdefault(assessment.signature, []).append(assessment)
        largest = sorted(groups.values(), key=len, reverse=True)
        for members in largest[:_SHOWN]:
            suggestion = members[0].suggestion
            verdict = "unsure" if suggestion is None else f"{suggestion.class_}, {suggestion.action}"
            self._say(clipped(f"  {len(members)} x [{verdict}] {members[0].cause_line}", _WIDTH))
        if len(largest) > _SHOWN:
            self._say(f"  and {len(largest) - _SHOWN} failure groups more")

    # -- allocations ------------------------------------------------------------------------------

    def _ask_allocations(self, planned: "PlannedRecovery", allocations: "Allocations") -> "Allocations":
        """Return what submits as the person chooses: planned anew, of a scheduler that is there, or nothing."""
        client, workflow_id = self.session.client, planned.workflow_id
        known = client.slurm_schedulers.list_all(workflow_id=workflow_id)
        self._say("")
        self._say("Allocations for these jobs:")
        answer = self._choose("new (planned for them), existing scheduler, or none", ("new", "existing", "none"), "new")
        if answer == "none":
            return replace(allocations, planner=None, retry_planner=None)
        if answer == "new":
            return self._ask_new(planned, allocations)
        for each in known:
            place = f"{each.nodes} node(s) of {each.partition or 'the default partition'}"
            self._say(f"  {each.id}: {each.name or ''} ({place}, {each.walltime})")
        ids = tuple(str(each.id) for each in known)
        chosen = next(each for each in known if str(each.id) == self._choose("Scheduler", ids, ids[-1]))
        walltime = self._walltime("Walltime", chosen.walltime)
        count = self._count("Number of allocations", 1)
        from torc_client.submission.existing_scheduler import ExistingScheduler

        planner = ExistingScheduler(
            scheduler=chosen,
            environment=os.environ,
            job_count=len(planned.plan.retries),
            count=count,
            walltime=walltime,
        )
        return replace(allocations, planner=planner, retry_planner=None)

    def _ask_new(self, planned: "PlannedRecovery", allocations: "Allocations") -> "Allocations":
        count = sum(
            each.allocation_count
            for each in allocations.plan(self.session.client, planned.workflow_id, planned.new_amounts)
        )
        walltime = self._walltime("Walltime (empty: as planned)", "")
        most = self._count("Number of allocations at most", count)
        if not walltime and most >= count:
            return allocations
        options = PlanOptions(
            walltime_s=parse_slurm_walltime(walltime) if walltime else None,
            max_allocations=most if most < count else None,
        )
        return left_allocations(self.session, options=options)

    # -- the whole plan ---------------------------------------------------------------------------

    def _show_plan(self, planned: "PlannedRecovery", tools: "RecoveryTools", *, is_served: bool) -> None:
        from torc_client.recovery.planned_text import planned_lines
        from torc_core.recovery import texts

        self._say("")
        self._say("The plan:")
        for line in texts.change_lines(planned.plan):
            self._say(line)
        if not is_served:
            return
        submissions = tools.allocations.plan(self.session.client, planned.workflow_id, planned.new_amounts)
        if not submissions:
            self._say("  no allocations; the jobs wait for a runner")
        for line in (*planned_lines(submissions), *(f"  {note}" for each in submissions for note in each.notes)):
            self._say(line)

    # -- answers ----------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        self.session.out.done(line, {})

    def _choose(self, question: str, answers: tuple[str, ...], default: str) -> str:
        """Return one of the answers; its beginning is enough where no other one begins so."""

        def read(text: str) -> str:
            found = [each for each in answers if each.startswith(text.strip().lower())]
            exact = [each for each in answers if each == text.strip().lower()]
            if len(exact or found) != 1:
                raise InvalidInputError(f"answer with {', '.join(answers)}")
            return (exact or found)[0]

        return self._read(question, default, read)

    def _count(self, question: str, default: int) -> int:
        def read(text: str) -> int:
            if not text.strip().isdecimal() or int(text) < 1:
                raise InvalidInputError("answer with a number from 1 on")
            return int(text)

        return self._read(question, str(default), read)

    def _walltime(self, question: str, default: str) -> str:
        def read(text: str) -> str:
            if not text.strip():
                return default
            seconds = parse_slurm_walltime(text.strip())
            if seconds is None or seconds < 60:
                raise InvalidInputError("write minutes, 04:00:00, 2-00:00:00 or PT4H")
            return format_slurm_walltime(seconds)

        return self._read(question, default, read)

    def _amount(self, question: str, parse: Callable[[str], float]) -> "_Amount | None":
        """Return the change; None where the person leaves it as it is."""

        def read(text: str) -> _Amount | None:
            plain = text.strip()
            if not plain:
                return None
            try:
                factor = float(plain)
            except ValueError:
                return _Amount(amount=int(parse(plain)))
            if not 0 < factor <= 100:
                raise InvalidInputError("a factor is above 0 and at most 100")
            return _Amount(factor=factor)

        return self._read(f"{question}; empty: as it is", "", read)

    def _read(self, question: str, default: str, read: Callable[[str], _T]) -> _T:
        """Ask until the answer can be read."""
        while True:
            answer = typer.prompt(question, default=default, show_default=bool(default), err=True)
            try:
                return read(str(answer))
            except InvalidInputError as error:
                self.session.out.note(error.message)


@dataclass(frozen=True, kw_only=True)
class _Amount:
    factor: float | None = None
    amount: int = 0

    def of(self, now: float) -> int:
        return self.amount if self.factor is None else int(now * self.factor)


def _all_skipped(plan: "RecoveryPlan") -> "RecoveryPlan":
    from torc_core.recovery.plan import Skipped

    left = tuple(
        Skipped(
            job_id=retry.job_id,
            job_name=retry.job_name,
            cause=retry.cause,
            reason="It was left out by hand.",
            why="decided",
        )
        for retry in plan.retries
    )
    return plan.model_copy(update={"retries": (), "skipped": (*plan.skipped, *left)})
