"""Mutated workflow files: whatever a file holds, a check answers with problems and lines, never with a traceback."""

import copy
import json
import random
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from chaos.verdict import Verdict
from torc_core.api.drafts import WorkflowDraft
from torc_core.errors import SpecError
from torc_core.spec.build import check_workflow, read_workflow

FILES_PER_ROUND: Final = 100
_EXAMPLES: Final = Path(__file__).parents[1] / "examples"
_PROBLEM: Final = re.compile(r"[^:\n]+:(\d+:\d+:|) .+")
_EVERYTHING: Final = """
name: everything
description: every key once
project: p
metadata: {a: 1}
env: {A: '1'}
parameters: {x: '1:3'}
use_pending_failed: true
enable_ro_crate: true
access_groups: [g]
compute_node_wait_for_new_jobs_seconds: 1
compute_node_min_time_for_new_jobs_seconds: 1
jobs_sort_method: none
files: [{name: f, path: f.txt}, {name: 'g_{i}', path: 'g_{i}.txt', parameters: {i: '1:2'}, st_mtime: 1.5}]
user_data: [{name: u, data: {k: [1, null]}, is_ephemeral: true}, {name: 'v_{i:02d}', parameters: {i: [1, 2]}}]
resource_requirements: [{name: r, num_cpus: 1, num_gpus: 0, num_nodes: 1, memory: 1g, runtime: PT1H}]
failure_handlers:
  - name: h
    rules:
      - {exit_codes: [1, 2], recovery_script: s, recovery_timeout_s: 5, max_retries: 2}
      - {match_all_exit_codes: true}
slurm_schedulers: [{name: s, account: a, nodes: 2, walltime: '01:00:00', mem: 1g, gres: 'gpu:1', tmp: 1g, extra: -x}]
slurm_defaults: {constraint: c, exclusive: true}
resource_monitor: {enabled: true, granularity: summary, sample_interval_seconds: 1.5, jobs: {enabled: true}}
execution_config: {mode: direct, oom_exit_code: 137, stdio: {mode: combined}, job_stdio_overrides: {a: {mode: none}}}
jobs:
  - {name: a, command: 'echo ${files.output.f} ${user_data.output.u}', output_files: [f], priority: 3}
  - name: 'b_{x}_{y}'
    command: 'b {x} {y:.2f}'
    parameters: {y: '[0.5, 1]'}
    use_parameters: [x]
    parameter_mode: zip
    depends_on: [a]
    depends_on_regexes: ['^a$']
    input_files: [f]
    input_file_regexes: ['g_\\d']
    resource_requirements: r
    failure_handler: h
    scheduler: s
    stdio: {mode: none, delete_on_success: true}
    env: {X: '{x}'}
actions:
  - {trigger_type: on_workflow_start, action_type: run_commands, commands: [true]}
  - {trigger_type: on_jobs_ready, action_type: schedule_nodes, jobs: [a], job_name_regexes: [b], scheduler: s,
     scheduler_type: slurm, num_allocations: 1, max_parallel_jobs: 2, persistent: true}
"""
_ODD_VALUES: Final[Sequence[Any]] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    10**30,
    0.5,
    -0.0,
    1e308,
    "",
    " ",
    "a",
    "{",
    "}",
    "{x}",
    "{x:d}",
    "{x!r}",
    "${x",
    "9t",
    "1:",
    "1:0",
    "1:9:0",
    "[",
    "^(a",
    "(?P<n>a)(?P=n)",
    "[[:x",
    "a{2,1}",
    "\u2028",
    "\U0001f600",
    "é" * 70,
    "9" * 5000,
    "PT",
    "P1W",
    "-PT1H",
    "1k",
    "1e9g",
    "1-",
    "::",
    "no",
    "null",
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": None},
    {"a": {"b": []}},
    [1, "a", None],
    {"name": "x"},
    {"name": ["x"]},
    [[11], {"exit_codes": ["9t"]}],
)
_ODD_TEXTS: Final = (
    "\t",
    "\r",
    "-",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "#",
    "&a ",
    "*a",
    "!!x ",
    "|",
    ">",
    "%",
    "\\",
)


def sources() -> list[Any]:
    """Return the values of all example files, and of one that holds every key."""
    files = sorted(path for path in _EXAMPLES.glob("*/*") if path.suffix in (".yaml", ".json"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files] + [yaml.safe_load(_EVERYTHING)]


def mutated(chance: random.Random, value: Any) -> str:
    """Return the text of a workflow file with one to four faults in its values, and sometimes one in its text."""
    whole = {"root": copy.deepcopy(value)}
    for _ in range(chance.randint(1, 4)):
        chance.choice(_MUTATIONS)(chance, whole)
    text = _written(chance, whole.get("root"))
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        text = _damaged(chance, text)
    return text


def fault_of(text: str, file_name: str = "w.yaml") -> str | None:
    """Return what is wrong with the check's answer to a file, or None."""
    try:
        report = check_workflow(text, file_name=file_name)
        lines = [*report.errors, *report.warnings]
    except SpecError as error:
        report, lines = None, error.message.splitlines()
    except Exception:  # noqa: BLE001 - this is what is looked for
        return traceback.format_exc()
    try:
        draft, _ = read_workflow(text, file_name=file_name, user="somebody")
    except SpecError as error:
        lines += error.message.splitlines()
        if report is not None and report.valid:
            return f"valid by the check, and refused: {error.message}"
    except Exception:  # noqa: BLE001 - this is what is looked for
        return traceback.format_exc()
    else:
        if report is None or not report.valid:
            return f"read although the check finds problems: {lines}"
        WorkflowDraft.model_validate_json(draft.model_dump_json())
    strange = [line for line in lines if not _PROBLEM.fullmatch(line)]
    return f"no file and line in {strange!r}" if strange else None


def run_specs(folder: Path, chance: random.Random) -> Verdict:
    """Check mutated files; one that ends a check with a traceback is kept in the folder."""
    verdict = Verdict()
    values = sources()
    for number in range(FILES_PER_ROUND):
        text = mutated(chance, chance.choice(values))
        verdict.counts["files"] += 1
        if fault := fault_of(text):
            path = folder / f"fault_{number}.yaml"
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
            verdict.problems.append(f"{path}: {fault}")
    return verdict


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (container, key or index) of every value."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        keys = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        for key in keys:
            yield here, key
            waiting.append(here[key])


def _replace(chance: random.Random, whole: dict[str, Any]) -> None:
    here, key = chance.choice(list(_places(whole)))
    here[key] = copy.deepcopy(chance.choice(_ODD_VALUES))


def _delete(chance: random.Random, whole: dict[str, Any]) -> None:
    here, key = chance.choice(list(_places(whole)))
    if here is not whole:
        del here[key]


def _rename(chance: random.Random, whole: dict[str, Any]) -> None:
    named = [(here, key) for here, key in _places(whole) if isinstance(here, dict) and here is not whole]
    if named:
        here, key = chance.choice(named)
        here[chance.choice((f"{key}s", str(key)[:-1], "x", "", 5, None, True))] = here.pop(key)


def _copy_elsewhere(chance: random.Random, whole: dict[str, Any]) -> None:
    places = list(_places(whole))
    (source, source_key), (target, key) = chance.choice(places), chance.choice(places)
    value = copy.deepcopy(source[source_key])
    if target is not whole:
        target[key] = value


def _wrap(chance: random.Random, whole: dict[str, Any]) -> None:
    here, key = chance.choice(list(_places(whole)))
    here[key] = chance.choice(([here[key]], {"name": here[key]}, [here[key]] * 3))


def _scratch(chance: random.Random, whole: dict[str, Any]) -> None:
    texts = [(here, key) for here, key in _places(whole) if isinstance(here[key], str)]
    if texts:
        here, key = chance.choice(texts)
        place = chance.randint(0, len(here[key]))
        here[key] = here[key][:place] + chance.choice(_ODD_TEXTS) + here[key][place + chance.randint(0, 2) :]


_MUTATIONS: Final[Sequence[Callable[[random.Random, dict[str, Any]], None]]] = (
    _replace, _replace, _delete, _rename, _copy_elsewhere, _wrap, _scratch,
)  # fmt: skip


def _written(chance: random.Random, value: Any) -> str:
    kinds: Mapping[str, Callable[[], str]] = {
        "block": lambda: yaml.safe_dump(value, sort_keys=False, allow_unicode=True),
        "flow": lambda: yaml.safe_dump(value, default_flow_style=True, width=10**6),
        "json": lambda: json.dumps(value),
    }
    return kinds[chance.choice(("block", "block", "flow", "json"))]()


def _damaged(chance: random.Random, text: str) -> str:
    place = chance.randint(0, len(text))
    match chance.randrange(4):
        case 0:
            return text[:place] + chance.choice(_ODD_TEXTS) + text[place:]
        case 1:
            return text[:place] + text[place + chance.randint(1, 5) :]
        case 2:
            return text[:place]
        case _:
            lines = text.splitlines(keepends=True)
            chance.shuffle(lines)
            return "".join(lines)
