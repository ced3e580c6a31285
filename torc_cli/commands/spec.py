"""`torc spec`: what workflow files may hold, for editors, and checks of many of them."""

import ast
import inspect
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from torc_cli.render.text import number
from torc_cli.session.command import command
from torc_cli.session.session import Session

_HELP = "What workflow files may hold, for editors, and whether files are valid."
app = typer.Typer(no_args_is_help=True, help=_HELP)


@app.command("schema")
@command
def schema(session: Session) -> None:
    """Print the JSON Schema of workflow files.

    For example: `torc spec schema > torc.schema.json`; then `# yaml-language-server: $schema=torc.schema.json`.
    """
    session.out.document(json.dumps(workflow_schema(), indent=2))


@app.command("check")
@command
def check(
    session: Session,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Check these files.", show_default=False)],
) -> None:
    """Check workflow files and print what is wrong with them, as a hook of pre-commit does; nothing is created.

    For example: `torc spec check a.yaml b.kdl`.
    """
    from torc_client.specs import read_spec_text, shown_name, table_reader
    from torc_core.errors import SpecError
    from torc_core.spec.build import check_workflow

    errors: list[str] = []
    warnings: list[str] = []
    for file in files:
        try:
            report = check_workflow(read_spec_text(file), file_name=shown_name(file), read_table=table_reader(file))
        except SpecError as error:
            errors += error.message.splitlines()
        else:
            errors += report.errors
            warnings += report.warnings
    lines = [*(f"Error: {line}" for line in errors), *(f"Warning: {line}" for line in warnings)]
    verdict = f"Checked {number(len(files), 'file')}: {number(len(errors), 'error')}"
    session.out.done([*lines, verdict], {"valid": not errors, "errors": errors, "warnings": warnings})
    if errors:
        raise typer.Exit(2)


def workflow_schema() -> dict[str, Any]:
    """Return the JSON Schema of workflow files, each key with what it means."""
    from torc_core.api import configs
    from torc_core.spec import model

    found = model.WorkflowSpec.model_json_schema()
    texts = _texts_of(model) | _texts_of(configs)
    for name, described in [*found["$defs"].items(), ("WorkflowSpec", found)]:
        for key, value in described.get("properties", {}).items():
            for owner in (name, "Parameterized"):
                value.setdefault("description", texts.get((owner, key), ""))
            value["description"] = value["description"] or texts.get(("Parameterized", key), "")
            _allow_numbers(value, name, key)
            _allow_variables(value)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "Torc workflow"}


def _allow_numbers(value: dict[str, Any], model: str, key: str) -> None:
    """Let amounts be whole numbers too, and variables of the environment any scalar, as files may write them."""
    if key == "env":
        for choice in value.get("anyOf", [value]):
            if choice.get("type") == "object":
                choice["additionalProperties"] = {"type": ["string", "number", "boolean", "object"]}
    amounts = {"ResourceRequirementsSpec": {"memory", "runtime"}, "SlurmSchedulerSpec": {"mem", "tmp"}}
    if key in amounts.get(model, ()):
        for choice in value.get("anyOf", [value]):
            if choice.get("type") == "string":
                choice["type"] = ["string", "integer"]


def _allow_variables(value: dict[str, Any]) -> None:
    """Let a number or a truth value be the name of a variable, too: `"{cpus}"`."""
    choices = value.get("anyOf", [value])
    if not any(choice.get("type") in ("integer", "number", "boolean") for choice in choices):
        return
    if "anyOf" not in value:
        moved = {key: value.pop(key) for key in [*value] if key not in ("description", "title", "default")}
        value["anyOf"] = [moved]
    value["anyOf"].append({"type": "string", "pattern": r"^\{[A-Za-z_][A-Za-z0-9_-]*\}$"})


def _texts_of(module: Any) -> dict[tuple[str, str], str]:
    """Return the text below each key of the module's models, by class and key."""
    texts: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
                continue
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                texts[node.name, field.target.id] = str(below.value.value)
    return texts
