"""What the commands that are typed most may load: names, as times depend on the machine. `make imports` shows both."""

import sys
from pathlib import Path

import pytest
from helpers import ServerProcess, make_workflow

from benchmarks.imports import ENTRIES, SPEC, Entry, imported
from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft

_OF_MODELS = {"annotated_types", "pydantic", "pydantic_core", "typing_inspection"}
_OF_TYPER = {"_distutils_hack", "annotated_doc", "shellingham", "typer", "typing_extensions"}
_OF_HELP = {"attr", "linkify_it", "markdown_it", "mdurl", "pygments", "rich"}
_OURS_FOR_HELP = {"torc_cli", "torc_core"}
_OURS = {"torc_cli", "torc_client", "torc_core"}
_OF_FILES = {"yaml"}
_OF_PYTHON = sys.stdlib_module_names | {"org", "sitecustomize", "usercustomize"}
"""With what the interpreter looks for at its start, and `org.python.core`, for which `copy` looks."""

ALLOWED = {
    "torc --help": _OF_TYPER | _OF_HELP | _OURS_FOR_HELP,
    "torc status 1": _OF_TYPER | _OF_MODELS | _OURS,
    "torc jobs list 1": _OF_TYPER | _OF_MODELS | _OURS,
    "torc create small.yaml": _OF_TYPER | _OF_MODELS | _OF_FILES | _OURS,
}
HEAVY_OF_OURS = (
    "torc_core.evidence.cleaning",
    "torc_core.evidence.redaction",
    "torc_core.triage.words",
    "torc_core.slurm.planner",
    "torc_client.agents",
    "torc_client.recovery",
    "torc_client.slurm",
)
"""Modules, with all below them, that are for other commands."""


def is_of_another(module: str, allowed: set[str]) -> bool:
    package = module.partition(".")[0]
    return package not in allowed and package not in _OF_PYTHON and not package.startswith("_")


@pytest.mark.parametrize("entry", ENTRIES[: len(ALLOWED)], ids=lambda entry: entry.typed)
def test_a_command_loads_what_it_needs_alone(entry: Entry, shared_server: ServerProcess, tmp_path: Path) -> None:
    with shared_server.client() as client:
        words = [_known(client) if word == "1" else word for word in entry.words]
    (tmp_path / "small.yaml").write_text(SPEC)
    environment = {"TORC_API_URL": shared_server.url, "TORC_API_TOKEN": shared_server.token}
    modules = imported(Entry(typed=entry.typed, words=words), tmp_path, environment)
    assert {module for module in modules if is_of_another(module, ALLOWED[entry.typed])} == set()
    heavy = {module for module in modules if any(f"{module}.".startswith(f"{each}.") for each in HEAVY_OF_OURS)}
    assert heavy == set()


def test_the_mcp_server_loads_no_part_of_the_server_and_no_command(tmp_path: Path) -> None:
    [entry] = [each for each in ENTRIES if each.typed == "torc-mcp-server"]
    modules = imported(entry, tmp_path, {"TORC_API_URL": "http://127.0.0.1:1"})
    packages = {module.partition(".")[0] for module in modules}
    assert "torc_mcp" in packages
    assert packages & {"alembic", "fastapi", "runner", "sqlalchemy", "sqlmodel", "torc_cli", "torc_server"} == set()


def _known(client: TorcClient) -> str:
    workflow_id, _ = make_workflow(client, JobDraft(name="a", command="true"))
    return str(workflow_id)
