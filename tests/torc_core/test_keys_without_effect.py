"""Every key of a workflow file is read by something, or a check says that it has no effect."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest
from pydantic import BaseModel

from torc_core.spec.build import check_workflow
from torc_core.spec.keys_without_effect import KEYS_WITHOUT_EFFECT
from torc_core.spec.model import WorkflowSpec

ROOT: Final = Path(__file__).parents[2]
Way = tuple[str, ...]


def ways(model: type[BaseModel], before: Way = ()) -> Iterator[Way]:
    """The ways to all keys of the model, those of nested models too."""
    for name, field in model.model_fields.items():
        yield (*before, name)
        for nested in _models(field.annotation):
            yield from ways(nested, (*before, name))


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def has_no_effect(way: Way) -> bool:
    return any(way[: len(entry)] == entry for entry in KEYS_WITHOUT_EFFECT)


PACKAGES: Final = ("torc_core", "torc_client", "torc_server", "torc_cli", "torc_mcp", "runner")
CARRIERS: Final = re.compile(
    r"torc_core/spec/(model|keys_without_effect|build|check|check_records)\.py|torc_core/api/.*|torc_client/export/document\.py"
    r"|torc_server/db/(tables|migrations)/.*|torc_server/services/records/workflows\.py|torc_mcp/tools/inspect/.*"
)
"""Files that describe, copy, keep or show a key; none of them does what the key asks for."""
SHARED_WORDS: Final = {"user", "compute_node", "identifier", "generate_plots"}
"""Keys without effect whose words mean something else, too."""


@pytest.fixture(scope="module")
def words() -> set[str]:
    """The words of all product files but the carriers."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {
        word
        for path in files
        if not CARRIERS.fullmatch(str(path.relative_to(ROOT)))
        for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("way", sorted(set(ways(WorkflowSpec))), ids=".".join)
def test_a_key_is_read_by_something_or_has_no_effect(words: set[str], way: Way) -> None:
    assert way[-1] in words or has_no_effect(way), "nothing reads it: add it to KEYS_WITHOUT_EFFECT"


@pytest.mark.parametrize("way", sorted({*KEYS_WITHOUT_EFFECT}), ids=".".join)
def test_a_key_without_effect_exists_and_is_read_by_nothing(words: set[str], way: Way) -> None:
    assert way in set(ways(WorkflowSpec))
    assert way[-1] not in words or way[-1] in SHARED_WORDS, "it is read: remove it from KEYS_WITHOUT_EFFECT"


TEXT: Final = """name: w
user: somebody
enable_ro_crate: true
jobs_sort_method: none
compute_node_expiration_buffer_seconds: 60
execution_config:
  staggered_start: true
resource_monitor:
  generate_plots: true
  compute_node: {cpu: true}
jobs:
  - name: a
    command: 'true'
  - name: b
    command: 'true'
    supports_termination: true
"""


def test_the_check_names_the_key_its_line_and_what_happens_instead() -> None:
    assert check_workflow(TEXT, file_name="w.yaml").warnings == [
        "w.yaml:2:1: user: has no effect yet: the workflow belongs to whoever creates it",
        "w.yaml:3:1: enable_ro_crate: has no effect yet: write the provenance document with `torc ro-crate export`",
        "w.yaml:4:1: jobs_sort_method: has no effect yet: give jobs a priority instead",
        "w.yaml:5:1: compute_node_expiration_buffer_seconds: has no effect yet: a runner with a time limit keeps "
        "execution_config.sigkill_headroom_seconds for its last reports",
        "w.yaml:9:3: resource_monitor.generate_plots: has no effect yet: draw them with `torc plot-resources`",
        "w.yaml:10:3: resource_monitor.compute_node: has no effect yet: jobs are sampled, whole nodes are not",
        "w.yaml:16:5: jobs[1].supports_termination: has no effect yet: every job that is stopped gets the termination "
        "signal first",
    ]


def test_a_key_that_asks_for_what_happens_anyway_is_no_warning() -> None:
    text = "name: w\nenable_ro_crate: false\nexecution_config: {mode: direct, staggered_start: false}\n"
    assert check_workflow(f"{text}jobs: [{{name: a, command: 'true'}}]", file_name="w.yaml").warnings == []


def test_what_concerns_slurm_has_an_effect() -> None:
    text = """name: w
execution_config: {mode: slurm, srun_mpi: pmix}
slurm_schedulers: [{name: s, account: a}]
jobs: [{name: a, command: 'true'}]
actions: [{trigger_type: on_workflow_start, action_type: schedule_nodes, scheduler: s, scheduler_type: slurm}]
"""
    assert check_workflow(text, file_name="w.yaml").warnings == []
