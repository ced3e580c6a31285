"""Options of sbatch from the records of schedulers, and records from planned groups."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.errors import InvalidInputError
from torc_core.slurm.plan import AllocationGroup, AllocationPlan
from torc_core.slurm.quantities import format_slurm_walltime

OWN_OPTIONS: Final = frozenset(
    {
        *("array", "chdir", "comment", "dependency", "error", "job-name", "no-requeue", "output", "parsable"),
        *("requeue", "signal", "test-only", "wait", "wrap"),
    }
)
"""Options that Torc sets itself in every script: others would make it lose the allocation or its end."""
_OF_RECORDS: Final = ("account", "partition", "qos", "nodes", "ntasks_per_node", "mem", "gres", "tmp")
_CPU_OPTIONS: Final = frozenset({"cpus-per-task", "exclusive", "mincpus", "ntasks", "ntasks-per-node", "cpus-per-gpu"})
_MEMORY_OPTIONS: Final = frozenset({"mem", "mem-per-cpu", "mem-per-gpu"})
_SHORT: Final[Mapping[str, str]] = {"-c": "cpus-per-task", "-n": "ntasks", "-C": "constraint", "-w": "nodelist"}


def scheduler_options(scheduler: SlurmSchedulerModel, defaults: Mapping[str, Any] | None = None) -> list[str]:
    """Return the words of sbatch for one allocation of the scheduler; its own values win over the defaults.

    Where nothing says how many CPUs, whole nodes are asked for: Slurm would give a single CPU. Raises
    InvalidInputError for an `extra` that is no line of options.
    """
    own = {name.replace("_", "-"): getattr(scheduler, name) for name in _OF_RECORDS}
    given = {**_defaults(defaults or {}), **{name: value for name, value in own.items() if value is not None}}
    given["time"] = scheduler.walltime
    extra = list(extra_words(scheduler))
    named = {*given, *(_option_name(word) for word in extra)}
    if not named & _CPU_OPTIONS:
        given["exclusive"] = True
        if not named & _MEMORY_OPTIONS:
            given["mem"] = 0
    return [*(_word(name, value) for name, value in given.items()), *extra]


def extra_words(scheduler: SlurmSchedulerModel) -> Iterator[str]:
    """Yield the words of the scheduler's `extra`: `-c 4 --constraint=x` gives `-c4` and `--constraint=x`."""
    try:
        words = shlex.split(scheduler.extra or "")
    except ValueError as error:
        raise InvalidInputError(f"scheduler {scheduler.name}: extra {scheduler.extra!r}: {error}") from error
    waiting: str | None = None
    for word in words:
        if word.startswith("-"):
            if waiting is not None:
                yield waiting
            waiting = word
        elif waiting is not None:
            yield f"{waiting}={word}" if waiting.startswith("--") else f"{waiting}{word}"
            waiting = None
        else:
            raise InvalidInputError(
                f"scheduler {scheduler.name}: {word!r} of extra is no option", hint="write options of sbatch: --x=y"
            )
    if waiting is not None:
        yield waiting


def scheduler_of_group(plan: AllocationPlan, group: AllocationGroup, *, name: str) -> SlurmSchedulerModel:
    """Return the scheduler from which allocations of the group are asked for; it belongs to no workflow yet.

    Raises InvalidInputError without an account.
    """
    if plan.account is None:
        raise InvalidInputError(
            "no account is named that the allocations are charged to",
            hint="name one with --account, or in the slurm_defaults of the workflow file",
        )
    known = {word.removeprefix("--").partition("=")[0]: word for word in plan.sbatch_options(group)}
    extra = [known[each] for each in ("cpus-per-task", "time-min", "exclude") if each in known]

    def value(option: str) -> str | None:
        return known[option].partition("=")[2] if option in known else None

    return SlurmSchedulerModel(
        workflow_id=0,
        name=name,
        account=plan.account,
        nodes=group.nodes,
        walltime=format_slurm_walltime(group.walltime_minutes * 60),
        partition=group.partition,
        qos=plan.qos,
        gres=value("gres"),
        mem=value("mem"),
        ntasks_per_node=1,
        extra=" ".join(extra) or None,
    )


def _defaults(defaults: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, value in defaults.items():
        name = key.lstrip("-").replace("_", "-")
        if name not in OWN_OPTIONS and value is not None and value is not False and not isinstance(value, dict | list):
            given[name] = value
    return given


def _word(name: str, value: Any) -> str:
    return f"--{name}" if value is True else f"--{name}={value}"


def _option_name(word: str) -> str:
    return word[2:].partition("=")[0] if word.startswith("--") else _SHORT.get(word[:2], word[:2])
