"""Steps of an allocation: the srun that starts a job as one, and what srun's answer means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Final

from torc_core.slurm.hostlist import expand_hostlist
from torc_core.slurm.submission import is_away

STEP_ERROR_CODE: Final = 219
"""What srun returns for errors of its own, as it is asked to; the messages of srun show whether it was the job."""
STEP_ERROR_VARIABLE: Final = "SLURM_EXIT_ERROR"
_FIRST_SIGNAL_CODE: Final = 129
_MB: Final = 1 << 20
_TASK: Final = r"task(?:s)? [\d,\[\]-]+: "
_OUT_OF_MEMORY: Final = re.compile(_TASK + r"out of memory", re.IGNORECASE)
_EXITED: Final = re.compile(_TASK + r"exited with exit code", re.IGNORECASE)
_NODE_FAILURE: Final = re.compile(r"\bnode failure on ([^\s,;:]+)", re.IGNORECASE)
_NODE_GONE: Final = re.compile(
    r"requested node configuration is not available|nodes? (?:is|are) (?:down|not)", re.IGNORECASE
)
_ABORTED: Final = re.compile(r"job step aborted|cancelled pending job step", re.IGNORECASE)
_OWN_ERROR: Final = re.compile(r"^srun: (?:error|fatal): (.*)$", re.MULTILINE)
_INPUTS: Final = re.compile(
    r"SRUN_\w+|SLURM_(?:MEM_PER_(?:CPU|GPU|NODE)|MEM_BIND\w*|NTASKS\w*|NPROCS|NNODES|CPUS_PER_(?:TASK|GPU)|TRES_\w+|"
    r"GRES\w*|GPUS|GPUS_PER_\w+|GPU_BIND|GPU_FREQ|CPU_BIND\w*|CPU_FREQ_REQ|DISTRIBUTION|DIST_\w+|EXACT|EXCLUSIVE|OVERLAP|"
    r"OVERCOMMIT|WHOLE|THREADS_PER_CORE|CORE_SPEC|HINT|TIMELIMIT|WAIT|KILL_BAD_EXIT|MPI_TYPE|STD(?:IN|OUT|ERR)MODE|"
    r"EXIT_\w+|LABELIO|UNBUFFEREDIO|OPEN_MODE|RELATIVE|CONSTRAINT|CLUSTER_CONSTRAINT|WORKING_DIR|EXPORT_ENV|MULTI_PROG|"
    r"TASKS_PER_NODE)"
)


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """What a workflow says about its steps. `termination_signal` as srun's `--signal`: `TERM@120`."""

    termination_signal: str | None = None
    mpi: str | None = None
    binds_cpus: bool = False


@dataclass(frozen=True, kw_only=True)
class StepRequest:
    """One job as a step: amounts are those of each node, and one task runs on each. None: no limit of its own."""

    name: str
    nodes: tuple[str, ...] = ()
    """Where it runs; empty: on any node."""
    node_count: int = 1
    cpus: int = 1
    memory_bytes: int = 0
    gpus: int = 0
    hides_gpus: bool = False
    """Whether the allocation has GPUs that this step must not take."""
    time_s: float | None = None
    stdout: str | None = None
    stderr: str | None = None


def step_words(request: StepRequest, options: StepOptions, command: str) -> list[str]:
    """Return the words of the srun that runs `bash -c command` as a step with exactly these amounts.

    Output goes straight to the files, so that what srun itself prints is srun's own.
    """
    output = _file(request.stdout)
    error = (
        [] if request.stderr is not None and request.stderr == request.stdout else [f"--error={_file(request.stderr)}"]
    )
    return [
        "srun",
        f"--job-name={request.name}",
        f"--nodes={request.node_count}",
        f"--ntasks={request.node_count}",
        *([f"--nodelist={','.join(request.nodes)}"] if request.nodes else []),
        "--exact",
        f"--cpus-per-task={request.cpus}",
        # 0: no share of its own. Without the option a step takes all of the memory, and the next one waits for it.
        f"--mem={ceil(request.memory_bytes / _MB)}{'M' if request.memory_bytes else ''}",
        *([f"--gpus-per-node={request.gpus}"] if request.gpus else ["--gres=none"] if request.hides_gpus else []),
        *([] if request.time_s is None else [f"--time={max(1, ceil(request.time_s / 60))}"]),
        *([] if options.termination_signal is None else [f"--signal={options.termination_signal}"]),
        *([] if options.mpi is None else [f"--mpi={options.mpi}"]),
        *([] if options.binds_cpus else ["--cpu-bind=none"]),
        # a task that ends first takes no other with it, and none is killed while it still works
        "--wait=0",
        "--kill-on-bad-exit=0",
        "--input=none",
        f"--output={output}",
        *error,
        *("env", "-u", STEP_ERROR_VARIABLE, "bash", "-c", command),
    ]


def step_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for srun: without what would be read as options, or describes another step."""
    kept = {name: value for name, value in env.items() if not _INPUTS.fullmatch(name)}
    return {**kept, STEP_ERROR_VARIABLE: str(STEP_ERROR_CODE)}


class StepFault(StrEnum):
    """What ended a step other than the job itself."""

    OUT_OF_MEMORY = "out of memory"
    NODE_FAILURE = "node failure"
    CANCELED = "canceled"
    """Somebody, or the end of the allocation, ended the step."""
    REFUSED = "refused"
    """The step did not begin, or srun failed by itself."""


@dataclass(frozen=True, kw_only=True)
class StepEnd:
    """The end of a step. `return_code` is the job's own; `fault` None: the job ended by itself."""

    return_code: int
    signal: int | None = None
    fault: StepFault | None = None
    reason: str = ""
    failed_nodes: tuple[str, ...] = ()
    nodes_are_gone: bool = False
    """Whether the nodes that the step was to run on are no part of the allocation any more."""
    scheduler_is_away: bool = False


def read_step_end(exit_code: int, messages: str) -> StepEnd:
    """Return what srun's exit code and its own messages mean. `exit_code` -N: srun was killed by signal N."""
    if exit_code < 0:
        return StepEnd(return_code=128 - exit_code, signal=-exit_code)
    if _OUT_OF_MEMORY.search(messages):
        return StepEnd(return_code=exit_code, fault=StepFault.OUT_OF_MEMORY, reason=_reason(messages))
    if match := _NODE_FAILURE.search(messages):
        # srun may return 0 here: it only counts tasks whose end it has seen
        return StepEnd(
            return_code=exit_code,
            fault=StepFault.NODE_FAILURE,
            reason=f"node failure on {match[1]}",
            failed_nodes=expand_hostlist(match[1]),
        )
    has_exited = _EXITED.search(messages) is not None
    if exit_code != 0 and _ABORTED.search(messages):
        return StepEnd(return_code=exit_code, fault=StepFault.CANCELED, reason=_reason(messages))
    if exit_code == STEP_ERROR_CODE and not has_exited:
        reason = _reason(messages)
        gone = _NODE_GONE.search(messages) is not None
        return StepEnd(
            return_code=exit_code,
            fault=StepFault.REFUSED,
            reason=reason,
            nodes_are_gone=gone,
            scheduler_is_away=is_away(messages),
        )
    by_signal = exit_code - 128 if exit_code >= _FIRST_SIGNAL_CODE and not has_exited else None
    return StepEnd(return_code=exit_code, signal=by_signal)


def _reason(messages: str) -> str:
    errors = _OWN_ERROR.findall(messages)
    return "; ".join(dict.fromkeys(error.strip() for error in errors))[:500]


def _file(path: str | None) -> str:
    """Return the path as srun takes it: a backslash has percent signs stand for themselves."""
    if path is None:
        return "none"
    return "\\" + path if "%" in path else path


STEP_FIELDS: Final = ("%i", "%j")


def step_list_words(scheduler_id: int) -> list[str]:
    """Return the words of a squeue that shows the running steps of an allocation."""
    return ["squeue", "--steps", "--noheader", f"--jobs={scheduler_id}", f"--format={'|'.join(STEP_FIELDS)}"]


def parse_step_list(text: str) -> dict[str, str]:
    """Return the ids of the steps in the answer to `step_list_words` by their names."""
    rows = (line.strip().partition("|") for line in text.splitlines())
    return {name: step for step, is_row, name in rows if is_row}


def signal_words(steps: Sequence[str], signal: str) -> list[str]:
    """Return the words of an scancel that only signals the processes of these steps."""
    return ["scancel", f"--signal={signal}", *steps]
