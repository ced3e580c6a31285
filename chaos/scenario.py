"""Random workflows whose end is known before they run: each job writes its own record of every attempt."""

import random
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torc_core.api.drafts import ActionDraft, FailureHandlerDraft, ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.failure_handlers import FailureRule
from torc_core.api.jobs import JobDraft
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.status import JobStatus

RETRIED_CODE: Final = 11
"""A failure handler retries this exit code."""
FATAL_CODE: Final = 12
"""No rule matches this one: the job fails for good."""
_MOST_FAILURES: Final = 2
_HANDLER_RETRIES: Final = 100
"""Far more than a job needs: an attempt that ended but was not reported fails once more when it runs again."""

_RECORD: Final = """\
r={record}
echo "begin $$ $TORC_ATTEMPT_ID" >> "$r"
sleep {seconds:.3f}
n=$(grep -c '^end' "$r")
code={last}
[ "$n" -lt {failures} ] && code={retried}
echo "end $$ $code" >> "$r"
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job: how often it fails before it ends with `last_code`, and what it depends on (positions)."""

    name: str
    seconds: float
    failures: int
    last_code: int
    depends_on: tuple[int, ...]
    is_canceled_with_dependency: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """A workflow as a list of plans, in an order in which every job comes after its dependencies."""

    jobs: tuple[JobPlan, ...]

    def expected(self) -> dict[str, JobStatus]:
        """Return the status of each job when the workflow is complete."""
        outcome: list[JobStatus] = []
        for plan in self.jobs:
            succeeded = all(outcome[place] is JobStatus.COMPLETED for place in plan.depends_on)
            if not succeeded and plan.is_canceled_with_dependency:
                outcome.append(JobStatus.CANCELED)
            else:
                outcome.append(JobStatus.COMPLETED if plan.last_code == 0 else JobStatus.FAILED)
        return {plan.name: status for plan, status in zip(self.jobs, outcome, strict=True)}

    def draft(self, folder: Path) -> WorkflowDraft:
        """Return the workflow to create; records of attempts and of actions are written below `folder`."""
        return WorkflowDraft(
            workflow=WorkflowModel(name="chaos", user="chaos", use_pending_failed=False),
            resource_requirements=[ResourceRequirementsDraft(name="small", memory="64m", runtime="PT10M")],
            failure_handlers=[
                FailureHandlerDraft(
                    name="retry", rules=[FailureRule(exit_codes=[RETRIED_CODE], max_retries=_HANDLER_RETRIES)]
                )
            ],
            jobs=[self._job(plan, folder) for plan in self.jobs],
            actions=[_action(trigger, folder, jobs) for trigger, jobs in self._triggers().items()],
        )

    def spec(self, folder: Path) -> dict[str, Any]:
        """Return the same workflow as the content of a file."""
        draft = self.draft(folder)
        handlers = [handler.model_dump(exclude_none=True) for handler in draft.failure_handlers]
        return {
            "name": draft.workflow.name,
            "use_pending_failed": draft.workflow.use_pending_failed,
            "resource_requirements": [{"name": "small", "num_cpus": 1, "memory": "64m", "runtime": "PT10M"}],
            "failure_handlers": handlers,
            "jobs": [
                {
                    "name": job.name,
                    "command": job.command,
                    "depends_on": [self.jobs[place].name for place in job.depends_on],
                    "cancel_on_blocking_job_failure": job.cancel_on_blocking_job_failure,
                    "resource_requirements": "small",
                    "failure_handler": handlers[0]["name"],
                }
                for job in draft.jobs
            ],
            "actions": [
                {
                    "trigger_type": action.trigger_type,
                    "action_type": action.action_type,
                    "commands": action.action_config["commands"],
                }
                | ({"jobs": [self.jobs[place].name for place in action.jobs]} if action.jobs else {})
                for action in draft.actions
            ],
        }

    def action_names(self) -> list[str]:
        """Return the triggers whose command must have run at least once."""
        return list(self._triggers())

    def _triggers(self) -> Mapping[str, list[int] | None]:
        first = [place for place, plan in enumerate(self.jobs) if not plan.depends_on]
        return {
            "on_workflow_start": None,
            "on_jobs_ready": first,
            "on_jobs_complete": first,
            "on_workflow_complete": None,
        }

    @staticmethod
    def _job(plan: JobPlan, folder: Path) -> JobDraft:
        command = _RECORD.format(
            record=shlex.quote(str(record_of(folder, plan.name))),
            seconds=plan.seconds,
            last=plan.last_code,
            failures=plan.failures,
            retried=RETRIED_CODE,
        )
        return JobDraft(
            name=plan.name,
            command=command,
            depends_on=list(plan.depends_on),
            cancel_on_blocking_job_failure=plan.is_canceled_with_dependency,
            resource_requirements=0,
            failure_handler=0,
        )


def random_scenario(rng: random.Random, *, jobs: int) -> Scenario:
    """Return a workflow of short jobs: most succeed, some are retried, a few fail for good."""
    plans: list[JobPlan] = []
    for place in range(jobs):
        dependencies = rng.sample(range(place), k=min(place, rng.choice((0, 0, 1, 2))))
        plans.append(
            JobPlan(
                name=f"job{place}",
                seconds=rng.choice((0.0, 0.01, 0.05, 0.2)),
                failures=rng.choice((0, 0, 0, 0, 0, 1, _MOST_FAILURES)),
                last_code=FATAL_CODE if rng.random() < 0.05 else 0,
                depends_on=tuple(sorted(dependencies)),
                is_canceled_with_dependency=rng.random() < 0.8,
            )
        )
    return Scenario(tuple(plans))


def record_of(folder: Path, name: str) -> Path:
    """Return the file in which the job writes `begin PID ATTEMPT` and `end PID CODE`."""
    return folder / "records" / name


def action_record(folder: Path, trigger: str) -> Path:
    """Return the file in which the action of this trigger writes a line each time it ran to its end."""
    return folder / "actions" / trigger


def _action(trigger: str, folder: Path, jobs: list[int] | None) -> ActionDraft:
    line = f"echo ran >> {shlex.quote(str(action_record(folder, trigger)))}"
    return ActionDraft(trigger_type=trigger, action_type="run_commands", action_config={"commands": [line]}, jobs=jobs)
