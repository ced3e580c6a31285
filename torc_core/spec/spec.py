"""The model of a workflow file, and problems with its keys and their types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from torc_core.api.configs import (
    ComputeNodeMonitorConfig,
    DynamicJobsConfig,
    ExecutionConfig,
    JobMonitorConfig,
    ResourceMonitorConfig,
    StdioConfig,
)
from torc_core.spec.load import read_source
from torc_core.spec.model import (
    ActionSpec,
    FailureHandlerSpec,
    FailureRuleSpec,
    FileSpec,
    JobSpec,
    NotificationSpec,
    ResourceRequirementsSpec,
    SlurmSchedulerSpec,
    UserDataSpec,
    WorkflowSpec,
)
from torc_core.spec.problems import START, KeyPath, Problems, did_you_mean, show, syntax_error
from torc_core.spec.source import Source
from torc_core.spec.tables import ReadTable, Tables
from torc_core.spec.variables import fill_variables

_MODELS: Final[Mapping[tuple[str, ...], type[BaseModel]]] = {
    (): WorkflowSpec,
    ("jobs",): JobSpec,
    ("jobs", "stdio"): StdioConfig,
    ("files",): FileSpec,
    ("user_data",): UserDataSpec,
    ("resource_requirements",): ResourceRequirementsSpec,
    ("failure_handlers",): FailureHandlerSpec,
    ("failure_handlers", "rules"): FailureRuleSpec,
    ("slurm_schedulers",): SlurmSchedulerSpec,
    ("notifications",): NotificationSpec,
    ("actions",): ActionSpec,
    ("resource_monitor",): ResourceMonitorConfig,
    ("resource_monitor", "jobs"): JobMonitorConfig,
    ("resource_monitor", "compute_node"): ComputeNodeMonitorConfig,
    ("execution_config",): ExecutionConfig,
    ("execution_config", "stdio"): StdioConfig,
    ("dynamic_jobs",): DynamicJobsConfig,
}
_MAY_HOLD_MORE: Final = frozenset({"resource_monitor"})
"""Sections in which an unknown key is a warning: other versions know keys that change nothing but measurements."""
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "expected text",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
}
_STAND_INS: Final[Mapping[str | int, Any]] = {
    "name": "?",
    "command": "?",
    "path": "?",
    "num_cpus": 1,
    "memory": "1m",
    "account": "?",
    "rules": [],
}


@dataclass(frozen=True, slots=True)
class Spec:
    """One workflow file: its model, the source as written, its tables, and a message for each key that is left out."""

    body: WorkflowSpec
    source: Source
    tables: Tables
    ignored: Mapping[KeyPath, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the workflow's name; without one, that of the file."""
        return self.body.name or PurePath(self.source.file_name).stem

    def collect(self) -> Problems:
        """Return an empty collection for problems of this file."""
        return Problems(self.source.file_name, self.source.locate)


def read_spec(text: str, *, file_name: str, read_table: ReadTable | None = None) -> tuple[Spec, Problems]:
    """Read a workflow file, without its faulty keys if the rest can be read, so that all can be checked.

    `read_table` returns the text of a table that the file names. Raises SpecError for a text that cannot be read.
    """
    source = read_source(text, file_name=file_name)
    problems = Problems(file_name, source.locate)
    if not isinstance(source.value, dict):
        raise syntax_error(file_name, START, f"a workflow is a mapping with the key 'jobs', not {show(source.value)}")
    value, tables = fill_variables(source.value, problems), Tables(read_table)
    try:
        return Spec(_validate(value), source, tables), problems
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults = [(_path_of(detail, value), detail) for detail in details]
    ignored: dict[KeyPath, str] = {}
    for path, detail in faults:
        message = _message_of(path, detail)
        if detail["type"] == "extra_forbidden" and path[0] in _MAY_HOLD_MORE:
            ignored[path] = f"{message}; it has no effect"
        else:
            problems.add(path, message)
    try:
        return Spec(_validate(_repair(value, [path for path, _ in faults])), source, tables, ignored), problems
    except ValidationError:
        raise problems.error() from None


def _validate(value: object) -> WorkflowSpec:
    return WorkflowSpec.model_validate(value, strict=True, extra="forbid")


def _path_of(detail: ErrorDetails, value: object) -> KeyPath:
    """Return the place of an error, without the marks that pydantic adds: `[key]`, and the types of a union."""
    path: list[str | int] = []
    here: Any = value
    for part in detail["loc"]:
        if _holds(here, part):
            here = here[part]
        elif detail["type"] != "missing":
            break
        path.append(part)
    return tuple(path)


def _message_of(loc: KeyPath, detail: ErrorDetails) -> str:
    # The first error of a number that may be whole or not is that it is not whole.
    kind = "float_type" if detail["loc"][-1:] == ("int",) and loc[-1:] != ("int",) else detail["type"]
    context: Mapping[str, Any] = detail.get("ctx") or {}
    match kind:
        case "extra_forbidden":
            model = _MODELS.get(tuple(part for part in loc[:-1] if isinstance(part, str)))
            known = model.model_fields if model else {}
            return f"unknown key {show(loc[-1])}{did_you_mean(str(loc[-1]), known)}"
        case "missing":
            return f"the key {show(loc[-1])} is missing"
        case "literal_error":
            word = str(detail["input"])
            options = str(context.get("expected", ""))
            return f"expected one of {options}, got {show(detail['input'])}{did_you_mean(word, _quoted(options))}"
        case "too_short":
            return "must not be empty"
        case "greater_than_equal":
            return f"must be {context['ge']} or more, got {show(detail['input'])}"
        case "greater_than":
            return f"must be more than {context['gt']}, got {show(detail['input'])}"
        case "less_than_equal":
            return f"must be {context['le']} or less, got {show(detail['input'])}"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{_EXPECTED.get(kind, detail['msg'])}, got {show(detail['input'])}{_advice(kind, detail['input'])}"


def _quoted(options: str) -> list[str]:
    return options.split("'")[1::2]


def _advice(kind: str, value: object) -> str:
    if kind == "list_type" and isinstance(value, str):
        # Only printable text is repeated: anything else could move the cursor of a terminal or break the line.
        short = value.isprintable() and len(value) < 40
        return f"; write [{value}]" if short else "; write it as a list with one item"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if kind == "bool_type" and value in ("yes", "no", "on", "off"):
        return "; only the words true and false are"
    return ""


def _repair(value: dict[str, Any], faulty: list[KeyPath]) -> dict[str, Any]:
    """Return a copy without the faulty keys, or with stand-ins for required ones; a list with a wrong item goes whole.

    All else can then be checked too. Faulty actions go altogether: nothing refers to them.
    """
    repaired = dict(value)
    for path in faulty:
        while path and isinstance(path[-1], int):
            path = path[:-1]
        path = path[:1] if path[:1] == ("actions",) else path
        holder = _copied_holder(repaired, path)
        if holder is None:
            continue
        if path[-1] in _STAND_INS and len(path) == 3:
            holder[str(path[-1])] = _STAND_INS[path[-1]] if path[-1] != "name" else f"?{path[1]}"
        else:
            holder.pop(str(path[-1]), None)
    return repaired


def _copied_holder(root: dict[str, Any], path: KeyPath) -> dict[str, Any] | None:
    """Return the mapping that holds the path's last key, copied with all around it; None where it is gone already.

    A list with two wrong items goes with the first, so that the place of the second exists no more.
    """
    if not path:
        return None
    here: Any = root
    for part in path[:-1]:
        inside = here[part] if _holds(here, part) else None
        if not isinstance(inside, dict | list):
            return None
        here[part] = here = inside.copy()
    return here if isinstance(here, dict) else None


def _holds(value: object, part: str | int) -> bool:
    """Return whether the value is a mapping with this key, or a list with this place."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)
