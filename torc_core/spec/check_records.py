"""Checks of everything that is not expanded: requirements, handlers, schedulers, settings."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import parse_duration
from torc_core.resources.memory import parse_memory
from torc_core.signals import signal_number
from torc_core.slurm.scheduler_options import OWN_OPTIONS
from torc_core.spec.model import FailureHandlerSpec, FailureRuleSpec, WorkflowSpec
from torc_core.spec.problems import KeyPath, Problems, show

_WALLTIME: Final = re.compile(r"(\d+-)?\d+(:\d+){0,2}|unlimited|infinite", re.ASCII | re.IGNORECASE)
_ENV_NAME: Final = re.compile(r"[^=\0]+")
_NOT_A_DEFAULT: Final = ("partition", "nodes", "walltime", "time", "mem", "gres", "name", "job-name")
_DIRECT_ONLY: Final = ("limit_resources", "termination_signal", "sigterm_lead_seconds", "oom_exit_code")
_FAILURE_CODES: Final = range(1, 256)
_SLURM_ONLY: Final = ("srun_termination_signal", "enable_cpu_bind")
_ANYWAY: Final = {"limit_resources": True, "enable_cpu_bind": False}
"""What happens anyway in the mode that the key does not belong to."""
_MPI: Final = re.compile(r"[A-Za-z0-9+_.-]+")


def check_records(body: WorkflowSpec, problems: Problems, warnings: Problems) -> None:
    """Check everything that can be checked without expanding parameters."""
    for key in ("resource_requirements", "failure_handlers", "slurm_schedulers"):
        check_unique(key, [record.name for record in getattr(body, key) or []], problems)
    for place, record in enumerate(body.resource_requirements or []):
        path: KeyPath = ("resource_requirements", place)
        _check_amount((*path, "memory"), record.memory, parse_memory, problems)
        if record.runtime is not None:
            _check_amount((*path, "runtime"), record.runtime, parse_duration, problems)
    for place, scheduler in enumerate(body.slurm_schedulers or []):
        if scheduler.walltime and not _WALLTIME.fullmatch(scheduler.walltime.strip()):
            message = f"{show(scheduler.walltime)} is no time limit of Slurm; write for example 04:00:00 or 1-12:00:00"
            problems.add(("slurm_schedulers", place, "walltime"), message)
    _check_handlers(body, warnings)
    _warn_of_unused(body, warnings)
    _check_defaults(body.slurm_defaults or {}, problems, warnings)
    _check_mode(body, problems)
    _check_env(body, problems)
    parse_metadata(body.metadata, problems)


def check_unique(key: str, names: Sequence[str], problems: Problems) -> None:
    """Add a problem for each name that was given before."""
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if first.setdefault(name, place) != place:
            message = f"the name {show(name)} is given twice, first in {key}[{first[name]}]"
            problems.add((key, place, "name"), message)


def parse_metadata(metadata: Any, problems: Problems) -> dict[str, Any] | None:
    """Return the mapping, or the one that a text holds as JSON."""
    value = metadata
    if isinstance(metadata, str):
        try:
            value = json.loads(metadata)
        except (ValueError, RecursionError):
            problems.add(("metadata",), "expected a mapping, or a text that holds one as JSON")
            return None
    if value is not None and not isinstance(value, dict):
        problems.add(("metadata",), f"expected a mapping, got {show(value)}")
        return None
    return value


def _check_amount(path: KeyPath, text: str, parse: Callable[[str], float], problems: Problems) -> None:
    try:
        if parse(text) <= 0:
            problems.add(path, f"must be more than nothing, got {show(text)}")
    except InvalidInputError as error:
        problems.add(path, f"{error.message}; {error.hint}" if error.hint else error.message)


def _check_handlers(body: WorkflowSpec, warnings: Problems) -> None:
    for place, handler in enumerate(body.failure_handlers or []):
        _check_rules(handler, ("failure_handlers", place, "rules"), warnings)


def _warn_of_unused(body: WorkflowSpec, warnings: Problems) -> None:
    """Warn of records that no job names; where a name is a template, of none, as it may stand for any."""
    uses: list[tuple[str, str, Sequence[Any], set[str | None]]] = [
        ("failure_handlers", "failure handler", body.failure_handlers or [], {job.failure_handler for job in body.jobs})
    ]
    if body.dynamic_jobs is None:  # jobs that jobs add may name requirements
        used = {job.resource_requirements for job in body.jobs}
        uses.append(("resource_requirements", "resource requirement", body.resource_requirements or [], used))
    for key, kind, records, used in uses:
        by_template = any(name and "{" in name for name in used)
        for place, record in enumerate(records):
            if record.name not in used and not by_template:
                warnings.add((key, place, "name"), f"no job uses the {kind} {show(record.name)}")


def _check_rules(handler: FailureHandlerSpec, path: KeyPath, warnings: Problems) -> None:
    catches_all = False
    caught: set[int] = set()
    for place, rule in enumerate(handler.rules):
        codes = set(rule.exit_codes or [])
        if warning := _rule_warning(rule, is_reached=not (catches_all or (codes and codes <= caught))):
            warnings.add((*path, place), warning)
        if odd := [str(code) for code in rule.exit_codes or [] if code not in _FAILURE_CODES]:
            these = "this exit code" if len(odd) == 1 else "these exit codes"
            warnings.add((*path, place, "exit_codes"), f"{', '.join(odd)}: no failure has {these}; write 1 to 255")
        catches_all = catches_all or bool(rule.match_all_exit_codes)
        caught |= codes


def _rule_warning(rule: FailureRuleSpec, *, is_reached: bool) -> str | None:
    if not is_reached:
        return "is never reached: the rules above it match first"
    if not rule.exit_codes and not rule.match_all_exit_codes:
        return "matches nothing; give it exit_codes, or match_all_exit_codes: true"
    if rule.max_retries is not None and rule.max_retries <= 1:
        return (
            f"max_retries: {rule.max_retries} never retries: it counts attempts, the first one included; "
            "2 allows one retry"
        )
    return None


def _check_defaults(defaults: dict[str, Any], problems: Problems, warnings: Problems) -> None:
    for key, value in defaults.items():
        if key.lower().lstrip("-").replace("_", "-") in _NOT_A_DEFAULT:
            problems.add(("slurm_defaults", key), "is set by each scheduler, it cannot be a default")
        elif key.lower().lstrip("-").replace("_", "-") in OWN_OPTIONS:
            warnings.add(("slurm_defaults", key), "is left out: Torc sets it itself in every batch script")
        elif isinstance(value, dict | list) or value is None:
            warnings.add(
                ("slurm_defaults", key), "is left out: only texts, numbers, true and false are options of sbatch"
            )


def _check_mode(body: WorkflowSpec, problems: Problems) -> None:
    config = body.execution_config
    if config is None:
        return
    name = config.termination_signal
    if name is not None and signal_number(name) is None:
        problems.add(
            ("execution_config", "termination_signal"), f"{show(name)} is no signal; write for example SIGTERM"
        )
    mode = config.mode or "direct"
    foreign = {"direct": _SLURM_ONLY, "slurm": _DIRECT_ONLY}.get(mode, ())
    for key in foreign:
        if getattr(config, key) not in (None, _ANYWAY.get(key)):
            problems.add(("execution_config", key), f"has no meaning with the mode {mode}")
    if config.srun_mpi is not None:
        if not _MPI.fullmatch(config.srun_mpi):
            problems.add(("execution_config", "srun_mpi"), "expected one word, such as pmix or none")
        if mode == "direct" and not any(action.start_one_worker_per_node for action in body.actions or []):
            message = "has no meaning with the mode direct, but for actions with start_one_worker_per_node"
            problems.add(("execution_config", "srun_mpi"), message)
    for place, action in enumerate(body.actions or []):
        if mode == "slurm" and action.start_one_worker_per_node:
            message = "cannot be combined with execution_config.mode: slurm"
            problems.add(("actions", place, "start_one_worker_per_node"), message)


def _check_env(body: WorkflowSpec, problems: Problems) -> None:
    places: list[tuple[KeyPath, dict[str, str]]] = [(("env",), body.env or {})]
    places += [(("jobs", place, "env"), job.env or {}) for place, job in enumerate(body.jobs)]
    for path, env in places:
        for name in env:
            if not _ENV_NAME.fullmatch(name):
                problems.add((*path, name), f"{show(name)} cannot be the name of an environment variable")
