"""Jobs as steps of an allocation: the command line of each, and how it ended."""

import shlex
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Final

from runner.base.attempt import Attempt, AttemptEnd, OutputFiles
from runner.base.evidence import runtime_limit
from torc_client.slurm.cluster import SlurmCluster
from torc_core.api.configs import ExecutionConfig
from torc_core.errors import SchedulerError
from torc_core.slurm.srun import StepFault, StepOptions, StepRequest, read_step_end, step_words

_MESSAGES_BYTES: Final = 16 * 1024
_PAUSE_S: Final = 60.0
"""Before a job whose step could not begin is tried again, or a controller that is away would soon use up its tries."""


@dataclass
class Steps:
    """Makes steps of jobs. `end_at` is that of the runner, on the monotonic clock; `log` is called by a thread.

    The processes of a step are out of the launcher's reach, perhaps on other nodes: they are signaled by Slurm.
    """

    scheduler_id: int
    scheduler: SlurmCluster
    _: KW_ONLY
    options: StepOptions
    end_at: float | None
    has_gpus: bool
    log: Callable[[str], None]

    def line(self, attempt: Attempt, command: str) -> str:
        """Return the line that runs the job's command as a step."""
        need, grant = attempt.claim.need, attempt.grant
        limits = [runtime_limit(need), None if self.end_at is None else self.end_at - time.monotonic()]
        request = StepRequest(
            name=step_name(attempt.files),
            nodes=grant.nodes,
            node_count=max(1, need.nodes),
            cpus=max(1, need.cpus),
            memory_bytes=need.memory_bytes,
            gpus=need.gpus,
            hides_gpus=self.has_gpus,
            time_s=min((limit for limit in limits if limit is not None), default=None),
            stdout=attempt.files.stdout,
            stderr=attempt.files.stderr,
        )
        return f"exec {shlex.join(step_words(request, self.options, command))}"

    def ask_to_end(self, attempts: Sequence[Attempt], signum: int) -> None:
        """Send the signal to the jobs' processes; in a thread, as the scheduler may take its time."""
        names = [step_name(attempt.files) for attempt in attempts]
        if names:
            threading.Thread(target=self._signal, args=(names, signum), name="step signals", daemon=True).start()

    def _signal(self, names: list[str], signum: int) -> None:
        try:
            self.scheduler.signal_steps(self.scheduler_id, names, signal.Signals(signum).name.removeprefix("SIG"))
        except SchedulerError as error:
            self.log(f"{len(names)} jobs could not be asked to end ({error.message}); they are killed after their lead")

    def conclude(self, end: AttemptEnd) -> None:
        """Set the end of the attempt to the job's own, from srun's return code and messages."""
        messages = Path(messages_file(end.attempt.files))
        exit_code = -end.signal if end.signal else end.return_code
        try:
            text = messages.read_bytes()[-_MESSAGES_BYTES:].decode(errors="replace")
        except OSError:
            text = ""
        with suppress(OSError):
            messages.unlink()
        step = read_step_end(exit_code, text)
        end.return_code, end.signal = step.return_code, step.signal
        # the kernel's figures are those of srun, not of the job
        end.peak_memory_bytes, end.cpu_time_s = 0, 0.0
        if step.fault is None or end.attempt.stop is not None:
            return
        match step.fault:
            case StepFault.OUT_OF_MEMORY:
                end.verdict = "oom"
            case StepFault.CANCELED:
                end.verdict = "terminated"
            case StepFault.NODE_FAILURE | StepFault.REFUSED:
                end.verdict, end.infrastructure_fault, end.unmatched = "lost", True, True
                end.return_code = end.return_code or LOST_STEP_CODE
                end.failed_nodes = end.attempt.grant.nodes if step.nodes_are_gone else step.failed_nodes
                end.pause_s = _PAUSE_S if step.scheduler_is_away else 0.0
                end.error = f"srun: {step.reason}" if step.reason else None


LOST_STEP_CODE: Final = 137
"""Return code of a job whose step was lost although srun returned 0."""


def step_name(files: OutputFiles) -> str:
    """Return the name of an attempt's step: that of its log files, without their common beginning."""
    return Path(files.stem).name.removeprefix("job_")


def messages_file(files: OutputFiles) -> str:
    """Return where srun's own messages go until the step ends; a job's output goes elsewhere."""
    return f"{files.stem}.srun"


def step_options(config: ExecutionConfig | None) -> StepOptions:
    """Return what the workflow says about its steps."""
    if config is None:
        return StepOptions()
    return StepOptions(
        termination_signal=config.srun_termination_signal,
        mpi=config.srun_mpi,
        binds_cpus=config.enable_cpu_bind or False,
    )
