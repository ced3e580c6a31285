"""The files a run writes, all below the output directory; paths are absolute, as jobs may change directory."""

import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from runner.base.attempt import OutputFiles
from torc_client.logs.attempt_logs import JOB_STDIO, AttemptId, log_stem
from torc_core.api.configs import ExecutionConfig, StdioConfig
from torc_core.errors import InvalidInputError

RESOURCE_UTILIZATION: Final = "resource_utilization"


def create_output_dir(output_dir: Path) -> None:
    """Make it with the folder of the jobs' logs. Raises InvalidInputError where they could not be written."""
    stdio_dir = output_dir.absolute() / JOB_STDIO
    try:
        stdio_dir.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=stdio_dir).close()
    except OSError as error:
        raise InvalidInputError(
            f"the output directory {output_dir.absolute()} cannot be written: {error.strerror}",
            hint="choose another one with --output-dir",
        ) from error


def undelivered_files(output_dir: Path, workflow_id: int) -> list[Path]:
    """Return the files of results that runners of the workflow left, in this run or another, also in the old format."""
    return sorted(output_dir.glob(f"undelivered_wf{workflow_id}_r*.json*"))


class RunFiles:
    """Paths of one run of one workflow."""

    def __init__(
        self, output_dir: Path, workflow_id: int, *, run_id: int, config: ExecutionConfig | None = None
    ) -> None:
        self.output_dir = output_dir.absolute()
        self.stdio_dir = self.output_dir / JOB_STDIO
        self._workflow_id = workflow_id
        self._run_id = run_id
        self._stdio = (config.stdio if config else None) or StdioConfig()
        self._overrides = (config.job_stdio_overrides if config else None) or {}

    def runner_log(self, label: str) -> Path:
        return self.output_dir / f"job_runner_{label}_wf{self._workflow_id}_r{self._run_id}.log"

    def journal(self, hostname: str, pid: int) -> Path:
        """Return where this runner keeps results until the server has them; a path that no other runner uses."""
        name = f"undelivered_wf{self._workflow_id}_r{self._run_id}_{hostname}_{pid}_{time.time_ns()}.jsonl"
        return self.output_dir / name

    def series(self, label: str) -> Path:
        """Return the file for samples over time of the jobs of this host, or of its share of an allocation."""
        name = f"resource_metrics_wf{self._workflow_id}_{label}_r{self._run_id}.db"
        return self.output_dir / RESOURCE_UTILIZATION / name

    def of_attempt(self, job_id: int, job_name: str, attempt_id: int) -> OutputFiles:
        """Return where the output goes by the workflow's setting and the job's own."""
        stem = f"{self.stdio_dir}/{log_stem(self._workflow_id, job_id, AttemptId(self._run_id, attempt_id))}"
        override = self._overrides.get(job_name)
        mode = (override and override.mode) or self._stdio.mode or "separate"
        delete = override.delete_on_success if override else None
        if delete is None:
            delete = self._stdio.delete_on_success or False
        if mode == "combined":
            return OutputFiles(stem, f"{stem}.log", f"{stem}.log", delete)
        stdout = None if mode in ("no_stdout", "none") else f"{stem}.o"
        stderr = None if mode in ("no_stderr", "none") else f"{stem}.e"
        return OutputFiles(stem, stdout, stderr, delete)

    def of_recovery(self, attempt: OutputFiles) -> str:
        """Return the log of the recovery script after this attempt."""
        return f"{attempt.stem}_recovery.log"

    def of_action(self, action_id: int, number: int) -> str:
        """Return the log of one command of an action; `number` counts its commands from 1."""
        return f"{self.stdio_dir}/action_wf{self._workflow_id}_c{action_id}_r{self._run_id}_n{number}.log"
