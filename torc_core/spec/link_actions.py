"""The actions of the draft, and what is wrong with them."""

from collections.abc import Sequence
from typing import Any, Final, assert_never

from torc_core.api.actions import JOB_TRIGGERS
from torc_core.api.drafts import ActionDraft
from torc_core.spec.links import Links
from torc_core.spec.model import ActionSpec
from torc_core.spec.problems import KeyPath, Problems

_WORKER_TRIGGERS: Final = ("on_worker_start", "on_worker_complete")
_SCHEDULE_KEYS: Final = (
    "scheduler",
    "scheduler_type",
    "num_allocations",
    "start_one_worker_per_node",
    "serialize_allocations",
    "max_at_once",
    "max_parallel_jobs",
)


def link_actions(actions: Sequence[ActionSpec], links: Links) -> list[ActionDraft]:
    """Return all actions in order; job names and regular expressions are matched against expanded names."""
    return [_link(action, ("actions", place), links) for place, action in enumerate(actions)]


def check_actions(actions: Sequence[ActionSpec], problems: Problems, warnings: Problems) -> None:
    """Add problems for keys that are missing for the action, or belong to another one."""
    for place, action in enumerate(actions):
        path: KeyPath = ("actions", place)
        _check_type(action, path, problems)
        names_jobs = action.jobs is not None or action.job_name_regexes is not None
        if action.trigger_type in JOB_TRIGGERS and not (action.jobs or action.job_name_regexes):
            problems.add(path, f"{action.trigger_type} needs 'jobs' or 'job_name_regexes'; [\".*\"] matches all jobs")
        elif action.trigger_type not in JOB_TRIGGERS and names_jobs:
            warnings.add(path, f"{action.trigger_type} does not look at jobs; the jobs named here have no effect")


def _check_type(action: ActionSpec, path: KeyPath, problems: Problems) -> None:
    match action.action_type:
        case "run_commands":
            if not action.commands:
                problems.add((*path, "commands"), "run_commands needs a list of commands")
            for key in _SCHEDULE_KEYS:
                if getattr(action, key) is not None:
                    problems.add((*path, key), "belongs to schedule_nodes, not to run_commands")
        case "schedule_nodes":
            if action.scheduler is None:
                problems.add((*path, "scheduler"), "schedule_nodes needs the name of a Slurm scheduler")
            if action.scheduler_type is None:
                problems.add((*path, "scheduler_type"), "schedule_nodes needs a scheduler_type; write slurm")
            if action.commands is not None:
                problems.add((*path, "commands"), "belongs to run_commands, not to schedule_nodes")
            if action.trigger_type in _WORKER_TRIGGERS:
                message = f"{action.trigger_type} would let every allocation ask for more; write on_workflow_start"
                problems.add((*path, "trigger_type"), message)
            if action.persistent:
                problems.add((*path, "persistent"), "schedule_nodes asks once for allocations; leave it out")
        case unreachable:
            assert_never(unreachable)


def _link(action: ActionSpec, path: KeyPath, links: Links) -> ActionDraft:
    positions: set[int] = set()
    if action.trigger_type in JOB_TRIGGERS:
        for place, name in enumerate(action.jobs or []):
            positions.update(links.find((*path, "jobs", place), links.jobs, name, written=name))
        for place, pattern in enumerate(action.job_name_regexes or []):
            positions.update(links.match((*path, "job_name_regexes", place), links.jobs, pattern))
    return ActionDraft(
        trigger_type=action.trigger_type,
        action_type=action.action_type,
        action_config=_config(action, is_serialized=action.scheduler in links.serialized),
        jobs=sorted(positions) or None,
        scheduler=links.record((*path, "scheduler"), links.schedulers, action.scheduler),
        persistent=action.trigger_type in _WORKER_TRIGGERS if action.persistent is None else action.persistent,
        retry=action.retry is not False,
    )


def _config(action: ActionSpec, *, is_serialized: bool) -> dict[str, Any]:
    if action.action_type == "run_commands":
        return {"commands": action.commands or []}
    config: dict[str, Any] = {
        "scheduler_type": action.scheduler_type,
        "num_allocations": action.num_allocations or 1,
        "start_one_worker_per_node": action.start_one_worker_per_node or False,
    }
    for key in ("serialize_allocations", "max_at_once", "max_parallel_jobs"):
        if getattr(action, key) is not None:
            config[key] = getattr(action, key)
    if is_serialized:
        config.setdefault("serialize_allocations", True)
    return config
