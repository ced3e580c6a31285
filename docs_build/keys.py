"""The reference of the keys of a workflow file, from the models that read it.

Types and required keys come from the models; meanings and defaults from the texts below the fields, read from the
source, as pydantic would read them at every start of a command otherwise.
"""

import ast
import inspect
import re
from itertools import pairwise
from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from docs_build.markdown import NOTICE, code, table
from torc_core.api.configs import (
    ComputeNodeMonitorConfig,
    DynamicJobsConfig,
    ExecutionConfig,
    JobMonitorConfig,
    ResourceMonitorConfig,
    StdioConfig,
)
from torc_core.spec import model as spec
from torc_core.spec.keys_without_effect import KEYS_WITHOUT_EFFECT

_INTRODUCTION = """# Keys of a workflow file

Every key that a workflow file may have. [Workflow files](../how-to/workflow-files.md) explains how they work together.
An unknown key is an error; a key that is not required may also be `null`.
"""
_SECTIONS: dict[type[BaseModel], str] = {
    spec.WorkflowSpec: "The workflow",
    spec.JobSpec: "Jobs",
    spec.FileSpec: "Files",
    spec.UserDataSpec: "User data",
    spec.ResourceRequirementsSpec: "Resource requirements",
    spec.FailureHandlerSpec: "Failure handlers",
    spec.FailureRuleSpec: "Rules of a failure handler",
    spec.ActionSpec: "Actions",
    spec.SlurmSchedulerSpec: "Slurm schedulers",
    spec.NotificationSpec: "Notifications",
    ExecutionConfig: "execution_config",
    StdioConfig: "stdio",
    ResourceMonitorConfig: "resource_monitor",
    JobMonitorConfig: "resource_monitor.jobs",
    ComputeNodeMonitorConfig: "resource_monitor.compute_node",
    DynamicJobsConfig: "dynamic_jobs",
}
_WAYS: dict[type[BaseModel], tuple[str, ...]] = {
    spec.JobSpec: ("jobs",),
    spec.FileSpec: ("files",),
    spec.ActionSpec: ("actions",),
    ExecutionConfig: ("execution_config",),
    ResourceMonitorConfig: ("resource_monitor",),
}
"""Where the keys of a model stand, for the table of keys without effect."""
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}


def keys_page() -> str:
    """Return the page of all keys, one table for each kind of entry."""
    sections = [f"## {title}\n\n{_keys(model)}" for model, title in _SECTIONS.items()]
    return "\n\n".join([NOTICE, _INTRODUCTION.rstrip(), *sections]) + "\n"


def _keys(model: type[BaseModel]) -> str:
    texts = _texts(model)
    rows = []
    way = _WAYS.get(model, ())
    for name, field in model.model_fields.items():
        meaning, _, default = texts[name].partition("Default: ")
        annotation = field.annotation
        rows.append(
            (
                code(name),
                _type(annotation),
                "required" if field.is_required() else default.removesuffix("."),
                " ".join(filter(None, (meaning.strip(), _without_effect((*way, name))))),
            )
        )
    return table(("key", "type", "default", "meaning"), rows)


def _without_effect(way: tuple[str, ...]) -> str:
    """Return the remark on a key that does nothing yet."""
    instead = KEYS_WITHOUT_EFFECT.get(way)
    return "" if instead is None else f"**No effect yet**: {instead}."


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field, those of base classes included; a field without one has no key."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        (definition,) = ast.parse(inspect.getsource(base)).body
        body = getattr(definition, "body", [])
        for field, text in pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                texts[field.target.id] = inspect.cleandoc(str(text.value.value))
    return texts


def _type(annotation: Any) -> str:
    if annotation in _WORDS:
        return _WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[mapping](#{_anchor(_SECTIONS[annotation])})"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "text or whole number" if annotation == spec.Quantity else _type(arguments[0])
    if origin is Literal:
        return ", ".join(code(str(value)) for value in arguments)
    if origin is list:
        return _list_of(arguments[0])
    if origin is dict:
        inner = arguments[1]
        is_model = isinstance(inner, type) and issubclass(inner, BaseModel)
        return f"mapping of [mappings](#{_anchor(_SECTIONS[inner])})" if is_model else "mapping"
    if origin is Union or "UnionType" in type(annotation).__name__:
        kinds = [_type(each) for each in arguments if each is not NoneType]
        return "number" if set(kinds) == {"whole number", "number"} else " or ".join(dict.fromkeys(kinds))
    raise TypeError(f"no word for the type {annotation}")


def _list_of(item: Any) -> str:
    if isinstance(item, type) and issubclass(item, BaseModel):
        return f"list of [mappings](#{_anchor(_SECTIONS[item])})"
    kind = _type(item)
    return f"list of {kind}s" if kind in ("text", "whole number") else f"list of {kind}"


def _anchor(title: str) -> str:
    """Return the anchor that the site makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
