"""The keys of a workflow file that are accepted and have no effect yet, each with what happens instead."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from torc_core.spec.model import WorkflowSpec
from torc_core.spec.problems import KeyPath, Problems

_JOBS_ALONE: Final = "jobs are sampled, whole nodes are not"

KEYS_WITHOUT_EFFECT: Final[Mapping[tuple[str, ...], str]] = {
    ("user",): "the workflow belongs to whoever creates it",
    ("enable_ro_crate",): "write the provenance document with `torc ro-crate export`",
    ("files", "identifier"): "`torc ro-crate export` names files by their paths",
    ("jobs_sort_method",): "give jobs a priority instead",
    ("compute_node_ignore_workflow_completion",): "a runner leaves when the workflow is complete",
    (
        "compute_node_expiration_buffer_seconds",
    ): "a runner with a time limit keeps execution_config.sigkill_headroom_seconds for its last reports",
    ("jobs", "supports_termination"): "every job that is stopped gets the termination signal first",
    ("resource_monitor", "generate_plots"): "draw them with `torc plot-resources`",
    ("resource_monitor", "compute_node"): _JOBS_ALONE,
}
"""Way of keys -> what happens instead, for all keys below it too. When something reads a key, remove its entry."""


def warn_of_keys_without_effect(body: WorkflowSpec, warnings: Problems) -> None:
    """Add a warning for each key that is given and does nothing; false asks for what happens anyway."""
    for way, instead in KEYS_WITHOUT_EFFECT.items():
        for path, value in _given(body, way, ()):
            if value not in (None, False, [], {}):
                warnings.add(path, f"has no effect yet: {instead}")


def _given(value: Any, way: tuple[str, ...], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the places that the way leads to, with their values; it leads through every item of a list."""
    if isinstance(value, list) and way:
        for place, item in enumerate(value):
            yield from _given(item, way, (*path, place))
    elif not way:
        yield path, value
    elif isinstance(value, BaseModel):
        yield from _given(getattr(value, way[0]), way[1:], (*path, way[0]))
