"""Describes a workflow of commands that somebody typed, without a file."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from torc_client.requirements import NO_LIMITS
from torc_client.specs import STDIN, make_draft, read_spec_text
from torc_core.api.drafts import WorkflowDraft
from torc_core.errors import InvalidInputError, SpecError
from torc_core.spec.report import SpecReport
from torc_core.spec.templates import PARAMETER_NAME

ParameterMode = Literal["product", "zip"]
_RETRIES: Final = "retries"
_FILE_NAME: Final = "torc exec"
_PROBLEM: Final = re.compile(rf"{_FILE_NAME}:\d+:\d+: (?P<key>[^\s:]+): (?P<message>.*)", re.DOTALL)
_OPTIONS: Final = {
    r"jobs\[\d+\]\.parameters\.([\w-]+).*": r"--param \1",
    r"jobs\[\d+\]\.parameter_mode": "--link",
    r"resource_requirements\[0\]\.num_cpus": "--cpus-per-job",
    r"resource_requirements\[0\]\.(memory|runtime)": r"--\1-per-job",
    r"failure_handlers.*": "--retries",
    r"resource_monitor\.sample_interval_seconds": "--sample-interval-seconds",
    r"(name|description)": r"--\1",
}
"""The options that stand in the workflow file under these keys."""
_PLACEHOLDERS: Final = {"num_cpus": 1, "memory": "1g", "runtime": "PT1H"}


@dataclass(frozen=True, kw_only=True)
class AdHocWorkflow:
    """Commands, the parameters in them, and what each of their jobs needs; None leaves it to the defaults."""

    name: str
    commands: Sequence[str]
    description: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    mode: ParameterMode = "product"
    num_cpus: int | None = None
    memory: str | None = None
    runtime: str | None = None
    retries: int = 0
    """How often a job that fails is run again."""
    resource_monitor: Mapping[str, Any] = field(default_factory=dict)
    stdio: str | None = None

    def draft(self, *, user: str, folder: Path) -> tuple[WorkflowDraft, SpecReport]:
        """Return what the server makes the workflow from. Raises SpecError and InvalidInputError."""
        try:
            draft, report = make_draft(self.text(), file_name=_FILE_NAME, user=user, folder=folder)
        except SpecError as error:
            raise SpecError(
                "\n".join(_by_option(line) for line in str(error).splitlines()),
                hint="nothing was created; correct the command line and try again",
                ids=error.ids,
            ) from None
        report = report.model_copy(update={"warnings": [_by_option(line) for line in report.warnings]})
        # a workflow file has no word for "no limit": what nobody stated is opened here
        given = {"memory": self.memory, "runtime": self.runtime}
        opened = {key: value for key, value in NO_LIMITS.items() if given[key] is None}
        needs = [record.model_copy(update=opened) for record in draft.resource_requirements]
        return draft.model_copy(update={"resource_requirements": needs}), report

    def text(self) -> str:
        """Return the workflow file. Raises InvalidInputError for a parameter that no command has."""
        for name in self.parameters:
            if not any(_uses(command, name) for command in self.commands):
                raise InvalidInputError(
                    f"--param {name}: no command has {{{name}}}", hint=f"write {{{name}}} where its value belongs"
                )
        needs = {"num_cpus": self.num_cpus, "memory": self.memory, "runtime": self.runtime}
        stated = {key: value for key, value in needs.items() if value is not None}
        body: dict[str, Any] = {"name": self.name}
        if self.description:
            body["description"] = self.description
        if stated:
            body["resource_requirements"] = [{"name": "each", **_PLACEHOLDERS, **stated}]
        if self.retries:
            # the rule counts attempts, the first one too
            rule = {"match_all_exit_codes": True, "max_retries": self.retries + 1}
            body["failure_handlers"] = [{"name": _RETRIES, "rules": [rule]}]
        if self.resource_monitor:
            body["resource_monitor"] = dict(self.resource_monitor)
        if self.stdio:
            body["execution_config"] = {"stdio": {"mode": self.stdio}}
        body["jobs"] = [self._job(number, command, stated) for number, command in enumerate(self.commands, start=1)]
        return json.dumps(body, indent=2, ensure_ascii=False)

    def _job(self, number: int, command: str, stated: Mapping[str, object]) -> dict[str, Any]:
        own = {name: value for name, value in self.parameters.items() if _uses(command, name)}
        name = "_".join(["job", *([str(number)] if len(self.commands) > 1 else []), *(f"{{{each}}}" for each in own)])
        job: dict[str, Any] = {"name": name if own or len(self.commands) > 1 else "job_1", "command": command}
        if own:
            job |= {"parameters": own, "parameter_mode": self.mode}
        if stated:
            job["resource_requirements"] = "each"
        if self.retries:
            job["failure_handler"] = _RETRIES
        return job


def read_commands(path: Path) -> list[str]:
    """Return the commands of a file, one a line; blank lines and lines that begin with # are none."""
    text = read_spec_text(path, hint="name a file with a command in each line")
    lines = [line.strip() for line in text.splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    if not commands:
        what = "standard input" if path == STDIN else path
        raise InvalidInputError(f"there is no command in {what}", hint="write one command in each line")
    return commands


def parse_parameter(text: str) -> tuple[str, object]:
    """Return name and values of `name=1:100`, `name=[a,b]`, `name=word`, or `name=@file` with a value in each line.

    Raises InvalidInputError for another text, and for a file that cannot be read or is empty.
    """
    name, equals, value = text.partition("=")
    if not equals or not PARAMETER_NAME.fullmatch(name):
        raise InvalidInputError(f"--param {text!r} is no NAME=VALUES", hint="for example --param i=1:100")
    if not value.startswith("@"):
        return name, value
    listed = read_spec_text(Path(value[1:]), hint=f"name a file with a value in each line: --param {name}=@FILE")
    lines = [line.strip() for line in listed.splitlines()]
    if not (values := [_value(line) for line in lines if line]):
        raise InvalidInputError(f"--param {name}: there is no value in {value[1:]}", hint="write one in each line")
    return name, values


def _value(line: str) -> int | float | str:
    """Return a number where the line is written as one is printed: `07` stays a text, and its zero."""
    for kind in (int, float):
        try:
            if str(kind(line)) == line:
                return kind(line)
        except ValueError:
            continue
    return line


def _uses(command: str, name: str) -> bool:
    return re.search(rf"(?<!\$)\{{{re.escape(name)}(:[^{{}}]*)?\}}", command) is not None


def _by_option(line: str) -> str:
    """Return a problem of the workflow file that nobody wrote by the option, or the command, that is at fault."""
    found = _PROBLEM.fullmatch(line)
    if found is None:
        return line
    if command := re.fullmatch(r"jobs\[(\d+)\]\..*", found["key"]):
        label = f"command {int(command[1]) + 1}"
    else:
        label = found["key"]
    for key, option in _OPTIONS.items():
        if matched := re.fullmatch(key, found["key"]):
            label = matched.expand(option)
    return f"{label}: {found['message']}"
