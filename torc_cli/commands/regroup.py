"""`torc workflows analyze-resources` and `regroup-resources`: what jobs used, and requirements by groups of them."""

from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from torc_cli.render.base import Column, Table
from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument
from torc_cli.session.session import Session
from torc_core.api.resource_requirements import ResourceGroup
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.recovery.resource_groups import RequirementUse, Spread
from torc_core.resources.memory import describe_memory

_GROUPS: Final = TypeAdapter(list[ResourceGroup])


def _memory(group: RequirementUse) -> str:
    peak = group.summary.peak_memory_bytes
    return "" if peak is None else f"{describe_memory(round(peak.median))} / {describe_memory(round(peak.max))}"


def _pair(spread: Spread | None, unit: str) -> str:
    return "" if spread is None else f"{spread.median:.1f} / {spread.max:.1f}{unit}"


_USE: Final = Table(
    "resource requirements",
    (
        Column("ID", "resource_requirements_id", right=True),
        Column("Name", "name"),
        Column("Jobs", "job_count", right=True),
        Column("Ended", "jobs_with_results", right=True),
        Column("Asks For", lambda group: f"{group.config.num_cpus} CPU, {group.config.memory}, {group.config.runtime}"),
        Column("Memory", _memory, right=True),
        Column("CPU", lambda group: _pair(group.summary.peak_cpu_percent, "%"), right=True),
        Column("Minutes", lambda group: _pair(group.summary.exec_time_minutes, ""), right=True),
    ),
)


@command
def analyze_resources(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    completed_only: Annotated[
        bool, typer.Option("--completed-only", help="Read only the attempts that completed.")
    ] = False,
) -> None:
    """Show what the jobs of each resource requirement used: the median and the highest of each value.

    With `-f json` also of every job. For example: `torc workflows analyze-resources 3 --completed-only`.
    """
    from torc_client.recovery.resources import requirements_use

    report = requirements_use(session.client, session.workflow_id(workflow_id), completed_only=completed_only)
    if session.is_json:
        session.out.record(report)
        return
    session.out.records(_USE, report.resource_groups)
    if report.jobs_without_results:
        session.out.note(f"{number(len(report.jobs_without_results), 'job')} without a result.")
    session.out.note(Hint("Group jobs anew with: {}", torc("workflows regroup-resources", report.workflow_id, "FILE")))


@command
def regroup_resources(
    session: Session,
    workflow_id: int,
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A JSON list of groups, from a file or from standard input.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be changed.")] = False,
) -> None:
    """Give groups of jobs new resource requirements; jobs that no group names keep theirs.

    A group is `{"job_ids": [4, 5], "memory": "2g", "num_cpus": 1, "runtime": "PT1H"}`, with `name`, `num_gpus` and
    `num_nodes` where wanted. The amounts count from the next attempt.

    For example: `torc workflows regroup-resources 3 groups.json --dry-run`.
    """
    answer = session.client.regroup_resources(workflow_id, _read_groups(file), dry_run=dry_run)
    verb = "Would change" if dry_run else "Changed"
    lines: list[str | Hint] = [
        f"{group.name}: {number(group.job_count, 'job')} with {group.num_cpus} CPU, {group.memory}, {group.runtime}"
        f" (before: {', '.join(f'{count} with {name}' for name, count in group.before.items())})"
        for group in answer.groups
    ]
    lines.append(f"{verb} what {number(answer.total_jobs, 'job')} of workflow {workflow_id} ask for.")
    session.out.done(lines, answer.model_dump(mode="json") | {"dry_run": dry_run})


def _read_groups(file: str) -> list[ResourceGroup]:
    """Return the groups. Raises InvalidInputError with the place of what is wrong."""
    from torc_client.specs import read_spec_text

    text = read_spec_text(Path(file), hint="name a file of groups")
    name = "standard input" if file == "-" else file
    try:
        return _GROUPS.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise InvalidInputError(
            f"{name}: {f'groups{place}: ' if place else ''}{first['msg']}",
            hint='write [{"job_ids": [4, 5], "memory": "2g", "num_cpus": 1, "runtime": "PT1H"}]',
        ) from error
