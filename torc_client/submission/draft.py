"""Allocations in the draft of a workflow: schedulers, and the actions that ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from torc_core.api.actions import SCHEDULE_NODES
from torc_core.api.drafts import ActionDraft, SlurmSchedulerDraft, WorkflowDraft
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.slurm.plan import AllocationGroup, AllocationPlan
from torc_core.slurm.scheduler_options import scheduler_of_group


@dataclass(frozen=True, kw_only=True)
class GroupAction:
    """The scheduler of a planned group, and the action that asks for its allocations."""

    group: AllocationGroup
    scheduler: SlurmSchedulerDraft

    @property
    def trigger_type(self) -> str:
        return "on_workflow_start" if self.group.stage == 0 else "on_jobs_ready"

    @property
    def config(self) -> dict[str, object]:
        group = self.group
        at_once = {} if group.max_at_once is None else {"max_at_once": group.max_at_once}
        return {"scheduler_type": "slurm", "num_allocations": group.allocations, **at_once}


def group_actions(plan: AllocationPlan) -> list[GroupAction]:
    """Return the scheduler and the action of each group. Raises InvalidInputError without an account."""
    return [
        GroupAction(
            group=group,
            scheduler=SlurmSchedulerDraft.model_validate(
                scheduler_of_group(plan, group, name=f"{group.name}_scheduler").model_dump(
                    exclude={"id", "workflow_id"}
                )
            ),
        )
        for group in plan.groups
    ]


def with_allocations(draft: WorkflowDraft, plan: AllocationPlan) -> WorkflowDraft:
    """Return the draft with the plan's schedulers and actions in the place of its own; each job names its scheduler."""
    planned = group_actions(plan)
    scheduler_of = {position: number for number, each in enumerate(planned) for position in each.group.jobs}
    actions = [action for action in draft.actions if action.action_type != SCHEDULE_NODES]
    for number, each in enumerate(planned):
        actions.append(
            ActionDraft(
                trigger_type=each.trigger_type,
                action_type=SCHEDULE_NODES,
                action_config=each.config,
                jobs=None if each.group.stage == 0 else list(each.group.jobs),
                scheduler=number,
            )
        )
    jobs = [job.model_copy(update={"scheduler": scheduler_of.get(place)}) for place, job in enumerate(draft.jobs)]
    return draft.model_copy(
        update={"slurm_schedulers": [each.scheduler for each in planned], "jobs": jobs, "actions": actions}
    )


def refuse_own_allocations(draft: WorkflowDraft, *, file: str) -> None:
    """Raise InvalidInputError for a draft that says itself which allocations it wants."""
    if draft.slurm_schedulers or any(action.action_type == SCHEDULE_NODES for action in draft.actions):
        raise InvalidInputError(
            f"{file} names schedulers or schedule_nodes actions of its own",
            hint=Hint("`{}` uses them; --overwrite plans anew and leaves them out", torc("submit", file)),
        )


def start_schedulers(draft: WorkflowDraft) -> Sequence[SlurmSchedulerDraft]:
    """Return the schedulers that are asked for allocations when the workflow starts."""
    places = {
        action.scheduler
        for action in draft.actions
        if action.action_type == SCHEDULE_NODES and action.trigger_type == "on_workflow_start"
    }
    return [draft.slurm_schedulers[place] for place in sorted(each for each in places if each is not None)]
