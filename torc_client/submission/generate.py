"""A workflow file with its allocations written into it: the same file, with schedulers and actions."""

import json
from pathlib import PurePath
from typing import Any, Final

from torc_client.submission.draft import GroupAction, group_actions
from torc_core.api.actions import SCHEDULE_NODES
from torc_core.slurm.plan import AllocationPlan
from torc_core.spec.expand import expand
from torc_core.spec.spec import read_spec
from torc_core.spec.tables import ReadTable

_JSON_SUFFIXES: Final = frozenset({".json", ".json5"})


def file_with_allocations(
    text: str,
    *,
    file_name: str,
    plan: AllocationPlan,
    as_json: bool | None = None,
    read_table: ReadTable | None = None,
) -> str:
    """Return the text of the file with the schedulers and actions of the plan, its jobs not expanded.

    Comments of the file are lost. It is JSON where the file is, unless `as_json` says otherwise. Raises SpecError for
    a file that cannot be read, InvalidInputError without an account.
    """
    spec, problems = read_spec(text, file_name=file_name, read_table=read_table)
    value: dict[str, Any] = dict(spec.source.value)
    planned = group_actions(plan)
    value["jobs"] = [dict(job) for job in value["jobs"]]
    for entry, names in _schedulers_of_entries(planned, expand(spec, problems, spec.collect()).jobs).items():
        value["jobs"][entry].pop("scheduler", None)
        if len(names) == 1:
            value["jobs"][entry]["scheduler"] = min(names)
    value["slurm_schedulers"] = [each.scheduler.model_dump(mode="json", exclude_none=True) for each in planned]
    kept = [action for action in value.get("actions") or [] if action.get("action_type") != SCHEDULE_NODES]
    value["actions"] = [*kept, *(_action(each) for each in planned)]
    if as_json or (as_json is None and PurePath(file_name).suffix.lower() in _JSON_SUFFIXES):
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    import yaml  # costs time that no other command needs

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))


def _schedulers_of_entries(planned: list[GroupAction], entries: Any) -> dict[int, set[str]]:
    """Return, for each entry of `jobs`, the schedulers of the jobs that it expands to."""
    scheduler_of = {position: each.scheduler.name for each in planned for position in each.group.jobs}
    found: dict[int, set[str]] = {}
    for group in entries:
        positions = range(group.first, group.first + len(group.names))
        found.setdefault(group.entry, set()).update(scheduler_of[each] for each in positions if each in scheduler_of)
    return found


def _action(each: GroupAction) -> dict[str, Any]:
    jobs = {} if each.group.stage == 0 else {"jobs": list(dict.fromkeys(each.group.job_names))}
    return {
        "trigger_type": each.trigger_type,
        "action_type": SCHEDULE_NODES,
        **jobs,
        "scheduler": each.scheduler.name,
        **each.config,
    }
