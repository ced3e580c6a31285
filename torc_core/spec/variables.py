"""Variables of a workflow file: constants that stand as `{name}` in any of its texts."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from torc_core.errors import InvalidInputError
from torc_core.spec.model import WorkflowSpec
from torc_core.spec.problems import KeyPath, Problems, did_you_mean, show
from torc_core.spec.templates import PARAMETER_NAME
from torc_core.spec.values import Value, format_value

_TOKEN: Final = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_-]*)(?::([^{}]*))?\}")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_FILLED: Final = frozenset({"variables", "use_parameters"})
"""Keys that hold names, or the variables themselves."""
_SHARED_BY_ALL: Final = ("env", "resource_requirements", "failure_handlers", "slurm_schedulers", "actions")
_FREE: Final = frozenset({"data", "metadata", "env", "parameters", "slurm_defaults"})
"""Keys below which the words of the model mean nothing."""


def fill_variables(value: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """Return the file's value with its variables in all texts; where a number is wanted, `"{cpus}"` becomes one.

    Adds a problem for each variable that is none, and for each format that does not fit.
    """
    written = value.get("variables")
    if not isinstance(written, dict) or not written:
        return value
    return _Filling(_read(written, problems), problems).mapping(value, (), typed=True)


def check_variables(value: dict[str, Any], parameters: Iterable[str], problems: Problems, warnings: Problems) -> None:
    """Add problems for names that are neither variable nor parameter, or both; warn of variables that nothing uses.

    Without variables in the file nothing is checked: then braces belong to the shell.
    """
    written = value.get("variables")
    if not isinstance(written, dict) or not written:
        return
    parameters = set(parameters)
    for name in written:
        if name in parameters:
            problems.add(("variables", name), f"{show(name)} is a parameter too; give one of them another name")
    used: set[str] = set()
    for path, text in _texts(value, ()):
        for match in _TOKEN.finditer(text):
            name = match[1]
            used.add(name)
            if name not in written and name not in parameters and _IDENTIFIER.fullmatch(name):
                near = did_you_mean(name, [*written, *parameters])
                advice = "" if near else f"; braces of the shell need a blank: {{ {name} }}"
                problems.add(path, f"there is no variable or parameter {show(name)}{near}{advice}")
    for name in written:
        if name not in used:
            warnings.add(("variables", name), f"the variable {show(name)} is used nowhere")


def warn_of_unfilled(value: dict[str, Any], parameters: Iterable[str], warnings: Problems) -> None:
    """Warn of parameters in braces where none is filled in: in what all jobs share."""
    parameters = set(parameters)
    for key in _SHARED_BY_ALL if parameters else ():
        for path, text in _texts(value.get(key), (key,)):
            if path[0] == "actions" and path[-2:-1] != ("commands",):
                continue  # names of jobs there may be templates
            found = next((match for match in _TOKEN.finditer(text) if match[1] in parameters), None)
            if found:
                message = f"{found[0]} stays as it is: parameters are filled into jobs, files and user data alone"
                warnings.add(path, message)


def _read(written: Mapping[str, Any], problems: Problems) -> dict[str, Value]:
    """Return the variables that are one."""
    variables: dict[str, Value] = {}
    for name, value in written.items():
        path: KeyPath = ("variables", name)
        if not PARAMETER_NAME.fullmatch(name):
            problems.add(path, "a variable's name has letters, digits, _ and -, and begins with a letter")
        elif not isinstance(value, str | bool | int | float):
            problems.add(path, f"expected a text, a number, true or false, got {show(value)}")
        elif isinstance(value, str) and (inner := _TOKEN.search(value)):
            # The order in which variables were filled into each other would matter, and circles would never end.
            problems.add(path, f"a variable cannot hold {inner[0]}; put the parts together where it is used")
        else:
            variables[name] = value
    return variables


class _Filling:
    def __init__(self, variables: Mapping[str, Value], problems: Problems) -> None:
        self.variables = variables
        self.problems = problems

    def mapping(self, mapping: Mapping[str, Any], path: KeyPath, *, typed: bool) -> dict[str, Any]:
        """Return the mapping with its texts filled; `typed` where its keys are those of the model."""
        return {
            key: item
            if key in _NOT_FILLED
            else self._fill(item, (*path, key), typed=typed and key not in _FREE, number=typed and key in _NUMBERS)
            for key, item in mapping.items()
        }

    def _fill(self, value: Any, path: KeyPath, *, typed: bool, number: bool) -> Any:
        match value:
            case str():
                return self._text(value, path, number=number) if "{" in value else value
            case list():
                return [self._fill(item, (*path, at), typed=typed, number=number) for at, item in enumerate(value)]
            case dict():
                return self.mapping(value, path, typed=typed)
            case _:
                return value

    def _text(self, text: str, path: KeyPath, *, number: bool) -> Value:
        whole = _TOKEN.fullmatch(text) if number else None
        if whole and not whole[2] and not isinstance(self.variables.get(whole[1], ""), str):
            return self.variables[whole[1]]
        try:
            return _TOKEN.sub(self._one, text)
        except InvalidInputError as error:
            self.problems.add(path, error.message)
            return text

    def _one(self, match: re.Match[str]) -> str:
        if match[1] not in self.variables:
            return match[0]  # a parameter, or what the shell is to read
        return format_value(self.variables[match[1]], match[2] or "")


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield all texts that are filled, with their places."""
    if isinstance(value, str):
        if "{" in value:
            yield path, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, (*path, at))
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _NOT_FILLED:
                yield from _texts(item, (*path, key))


def _number_keys(model: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of the model, and of the models in it, that take numbers or truth values but no text."""
    for key, field in model.model_fields.items():
        leaves = list(_leaves(field.annotation))
        for nested in leaves:
            if isinstance(nested, type) and issubclass(nested, BaseModel):
                yield from _number_keys(nested)
        if not {int, float, bool}.isdisjoint(leaves) and not {str, Any} & {*leaves}:
            yield key


def _leaves(annotation: Any) -> Iterator[Any]:
    if parts := get_args(annotation):
        for part in parts:
            yield from _leaves(part)
    else:
        yield annotation


_NUMBERS: Final = frozenset(_number_keys(WorkflowSpec))
