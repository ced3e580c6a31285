"""Tools for writing workflows: check, save, create, and look at the order of jobs."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from torc_client.execution_plan import ExecutionPlan, PlannedAction, plan_draft, plan_workflow
from torc_client.specs import SPEC_SUFFIXES, make_draft, read_spec_text
from torc_core.api.actions import SCHEDULE_NODES
from torc_core.errors import AlreadyTakenError, ForbiddenError, InvalidInputError, SpecError
from torc_core.hints import torc
from torc_core.spec.build import check_workflow, read_workflow
from torc_core.spec.report import SpecReport, SpecSummary
from torc_mcp.budget import PAYLOAD_BYTES, take_rows
from torc_mcp.context import App, ToolContext, app_of, one_line
from torc_mcp.tools.authoring.answers import PlanEvent, PlannedWorkflow, WorkflowAuthoring
from torc_mcp.workflow_scope import check_workflow_id, describe_scope

_ROOM: Final = PAYLOAD_BYTES - 2_000
_MAX_SPEC_CHARS: Final = 2_000_000
_MAX_LINES: Final = 10
_MAX_LINE_CHARS: Final = 300
_MAX_NAMES: Final = 10

Spec = Annotated[
    dict[str, Any] | str | None,
    Field(description="The workflow: an object, or the text of a YAML or JSON file."),
]


def get_execution_plan(
    ctx: ToolContext,
    spec_or_id: Annotated[
        int | dict[str, Any] | str,
        Field(description="A workflow's id, or a workflow as an object or as the text of a YAML or JSON file."),
    ],
) -> PlannedWorkflow:
    """Show in which order the jobs of a workflow become ready, in stages.

    Works for a workflow on the server and for a specification that exists nowhere yet (which is checked by the way).
    """
    app = app_of(ctx)
    workflow_id = _as_id(spec_or_id)
    if workflow_id is not None:
        check_workflow_id(app, workflow_id)
        return _show_plan(plan_workflow(app.client, workflow_id), warnings=[])
    text, file_name = _as_text(spec_or_id)
    draft, report = read_workflow(text, file_name=file_name, user=app.settings.client.user, read_table=_read_table)
    return _show_plan(plan_draft(draft), warnings=_lines(report.warnings))


def create_workflow(
    ctx: ToolContext,
    spec: Spec = None,
    *,
    spec_json: Annotated[
        dict[str, Any] | str | None, Field(description="Another name of spec; give one of the two.")
    ] = None,
    action: Annotated[
        Literal["validate", "save_spec_file", "create_workflow"],
        Field(description="validate changes nothing; save_spec_file writes a file; create_workflow creates it."),
    ] = "validate",
    output_path: Annotated[
        str | None, Field(description="For save_spec_file: a .yaml or .json file below this server's working folder.")
    ] = None,
    overwrite: Annotated[bool, Field(description="For save_spec_file: replace a file that exists.")] = False,
) -> WorkflowAuthoring:
    """Check a workflow specification, and save it to a file or create it on the Torc server.

    A workflow is a mapping with `jobs` (each with `name` and `command`), and where needed `files`, `user_data`,
    `resource_requirements` (name, num_cpus, memory like 8g, runtime like PT4H), `failure_handlers`, `actions` and
    `slurm_schedulers`. Dependencies come from `depends_on`, or from files: who lists a file in `input_files` waits for
    the job that lists it in `output_files`. `parameters` such as {"i": "1:100"} make many jobs of one entry; names and
    commands use {i}. Check first (action validate): errors name line and key. Nothing is saved or created while there
    are errors. The topics and examples among this server's resources show more.

    Example: {"spec": {"name": "demo", "jobs": [{"name": "a", "command": "echo a"},
    {"name": "b", "command": "echo b", "depends_on": ["a"]}]}, "action": "validate"}
    """
    app = app_of(ctx)
    if (spec is None) == (spec_json is None):
        raise InvalidInputError("create_workflow needs the workflow once", hint="give it as spec")
    text, file_name = _as_text(spec_json if spec is None else spec)
    match action:
        case "validate":
            return _validate(text, file_name)
        case "save_spec_file":
            return _save(text, file_name, output_path=output_path, overwrite=overwrite)
        case "create_workflow":
            return _create(app, text, file_name)


def _validate(text: str, file_name: str) -> WorkflowAuthoring:
    try:
        report = check_workflow(text, file_name=file_name, read_table=_read_table)
    except SpecError as error:
        return WorkflowAuthoring(
            action="validate",
            valid=False,
            errors=_lines(error.message.splitlines()),
            next_steps="Nothing could be read; correct the text and check again.",
        )
    how_on = "Save it with action save_spec_file, or create it with action create_workflow."
    return WorkflowAuthoring(
        action="validate",
        valid=report.valid,
        errors=_lines(report.errors),
        warnings=_lines(report.warnings),
        summary=_summary(report.summary),
        next_steps=how_on if report.valid else "Correct the errors and check again.",
    )


def _save(text: str, file_name: str, *, output_path: str | None, overwrite: bool) -> WorkflowAuthoring:
    path = _allowed_path(output_path)
    report = _checked(text, file_name)
    if path.exists() and not overwrite:
        raise AlreadyTakenError(f"{path} exists", hint="choose another output_path, or say overwrite=true")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error
    return WorkflowAuthoring(
        action="save_spec_file",
        valid=True,
        warnings=_lines(report.warnings),
        summary=_summary(report.summary),
        output_path=str(path),
        next_steps=f"Run it with `{torc('run', str(path))}`.",
    )


def _create(app: App, text: str, file_name: str) -> WorkflowAuthoring:
    if app.settings.workflows is not None:
        raise ForbiddenError(
            "no workflow can be created here", hint=f"this server is for {describe_scope(app.settings.workflows)} alone"
        )
    draft, report = make_draft(
        text, file_name=file_name, user=app.settings.client.user, folder=Path.cwd(), read_table=_read_table
    )
    created = app.client.create_from_draft(draft)
    return WorkflowAuthoring(
        action="create_workflow",
        valid=True,
        warnings=_lines(report.warnings),
        summary=_summary(report.summary),
        workflow_id=created.workflow.id,
        next_steps=f"Run it with `{torc('run', created.workflow.id or 0)}`.",
    )


def _checked(text: str, file_name: str) -> SpecReport:
    """Check the specification. Raises SpecError listing everything that is wrong."""
    return read_workflow(text, file_name=file_name, user="nobody", read_table=_read_table)[1]


def _read_table(name: str) -> str:
    """Return the text of a table. Raises InvalidInputError for other folders: a line of any file could be shown."""
    folder = Path.cwd().resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise InvalidInputError(f"{one_line(name)} is not below {folder}, the working folder of this server")
    return read_spec_text(path)


def _as_id(spec_or_id: object) -> int | None:
    if isinstance(spec_or_id, int):
        return spec_or_id
    is_number = isinstance(spec_or_id, str) and spec_or_id.strip().isascii() and spec_or_id.strip().isdigit()
    return int(str(spec_or_id)) if is_number else None


def _as_text(spec: object) -> tuple[str, str]:
    """Return the text of a specification and the name it is reported under."""
    if isinstance(spec, str):
        text = spec
        file_name = "spec"
    else:
        text = json.dumps(spec, indent=2, ensure_ascii=False)
        file_name = "spec.json"
    if len(text) > _MAX_SPEC_CHARS:
        raise InvalidInputError(
            f"the specification has {len(text)} characters; the most is {_MAX_SPEC_CHARS}",
            hint="describe many jobs by parameters",
        )
    return text, file_name


def _allowed_path(output_path: str | None) -> Path:
    """Return the path. Raises InvalidInputError for other files and folders: text of a job may have named it."""
    if not output_path:
        raise InvalidInputError("save_spec_file needs output_path", hint="for example workflow.yaml")
    folder = Path.cwd().resolve()
    path = (folder / output_path).resolve()
    if not path.is_relative_to(folder):
        raise InvalidInputError(f"{output_path} is not below {folder}", hint="name a file below this folder")
    if path.suffix not in SPEC_SUFFIXES - {".kdl"}:
        raise InvalidInputError(f"{output_path} is no name of a workflow file", hint="use .yaml or .json")
    return path


def _show_plan(plan: ExecutionPlan, *, warnings: list[str]) -> PlannedWorkflow:
    names = [f"stage_{place}" for place in range(1, len(plan.stages) + 1)]
    events = [
        PlanEvent(
            id=names[place],
            trigger="jobs_complete" if stage.depends_on else "workflow_start",
            trigger_description=_describe(len(stage.jobs), [names[before] for before in stage.depends_on]),
            job_count=len(stage.jobs),
            jobs_becoming_ready=[one_line(plan.job_names[job], 100) for job in stage.jobs[:_MAX_NAMES]],
            scheduler_allocations=[_allocation(action) for action in plan.actions if _allocates(action, place)],
            depends_on_events=[names[before] for before in stage.depends_on[:_MAX_NAMES]],
            unlocks_events=[names[after] for after in stage.unlocks[:_MAX_NAMES]],
        )
        for place, stage in enumerate(plan.stages)
    ]
    return PlannedWorkflow(
        source="spec" if plan.workflow_id is None else "database",
        workflow_id=plan.workflow_id,
        workflow_name=one_line(plan.workflow_name),
        total_events=len(events),
        total_jobs=len(plan.job_names),
        root_events=[event.id for event in events if not event.depends_on_events][:_MAX_NAMES],
        leaf_events=[event.id for event in events if not event.unlocks_events][:_MAX_NAMES],
        events=take_rows(events, _ROOM),
        warnings=warnings,
    )


def _describe(count: int, before: list[str]) -> str:
    if not before:
        return f"{count} jobs are ready at the start"
    return f"each of {count} jobs is ready when those it depends on, in {before[-1]} and before, are done"


def _allocates(action: PlannedAction, stage: int) -> bool:
    return action.action_type == SCHEDULE_NODES and action.stage == stage


def _allocation(action: PlannedAction) -> str:
    count = action.config.get("num_allocations", 1)
    kind = action.config.get("scheduler_type", "slurm")
    return one_line(f"{action.trigger_type}: {count} allocation(s), {kind}")


def _summary(summary: SpecSummary) -> dict[str, Any]:
    """Return the counts in full, and the first names."""
    shown = summary.model_dump(exclude_none=True)
    for key in ("job_names", "scheduler_names"):
        shown[key] = [one_line(name, 100) for name in shown[key][:_MAX_NAMES]]
    for key in ("workflow_name", "workflow_description"):
        if key in shown:
            shown[key] = one_line(shown[key], _MAX_LINE_CHARS)
    return shown


def _lines(lines: list[str]) -> list[str]:
    shown = [one_line(line, _MAX_LINE_CHARS) for line in lines[:_MAX_LINES]]
    left_out = len(lines) - len(shown)
    return [*shown, f"… and {left_out} more"] if left_out else shown
