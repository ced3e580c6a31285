"""Batch scripts of a workflow: what its allocations run, where, and as whom."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from torc_client.credentials import keep_credentials
from torc_client.http import TorcClient
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.api.workflows import WorkflowModel
from torc_core.credentials import CREDENTIALS_FILE_VARIABLE, credentials_file, is_loopback
from torc_core.errors import InvalidInputError
from torc_core.slurm.scheduler_options import scheduler_options
from torc_core.slurm.script import RUNNER_PROGRAM, BatchScript

_CA_VARIABLE: Final = "TORC_TLS_CA_CERT"


@dataclass(frozen=True, kw_only=True)
class BatchScripts:
    """Makes the batch scripts of one workflow. `environment` is that of this process."""

    client: TorcClient
    workflow: WorkflowModel
    output_dir: Path
    environment: Mapping[str, str]

    def script(
        self,
        scheduler: SlurmSchedulerModel,
        *,
        array: str | None = None,
        dependency: str | None = None,
        max_parallel_jobs: int | None = None,
        poll_interval_s: float | None = None,
        runner_on_each_node: bool = False,
        starts: int = 1,
    ) -> BatchScript:
        """Return the script of an allocation of the scheduler. Nothing is written."""
        config = self.workflow.execution_config
        added = {"array": array, "dependency": dependency}
        return BatchScript(
            workflow_id=self.workflow.id or 0,
            url=self.client.url,
            runner=str(runner_program()),
            output_dir=self.output_dir.absolute(),
            folder=Path(self.workflow.submission_directory or Path.cwd()),
            options=(
                *scheduler_options(scheduler, self.workflow.slurm_defaults),
                *(f"--{name}={value}" for name, value in added.items() if value is not None),
            ),
            arguments=tuple(
                f"{name}={value:g}"
                for name, value in (("--max-parallel-jobs", max_parallel_jobs), ("--poll-interval", poll_interval_s))
                if value is not None
            ),
            environment=self._exported(),
            runner_on_each_node=runner_on_each_node,
            mpi=None if config is None else config.srun_mpi,
            starts=starts if _is_staggered(self.workflow) else 1,
        )

    def prepare(self) -> None:
        """Write the file by which the runners prove who they are, where this client has credentials.

        Raises InvalidInputError where the runner is not installed.
        """
        if not runner_program().exists():
            raise InvalidInputError(
                f"{runner_program()} does not exist: allocations would have nothing to run",
                hint="install it there again",
            )
        if self.client.transport.credentials is not None:
            keep_credentials(self.client.transport.credentials, self.client.url, self.environment)

    def _exported(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.client.transport.credentials is not None:
            found[CREDENTIALS_FILE_VARIABLE] = str(credentials_file(self.environment, self.client.url).absolute())
        if self.client.transport.tls_ca_cert is not None:
            found[_CA_VARIABLE] = str(self.client.transport.tls_ca_cert.absolute())
        return found


def runner_program() -> Path:
    """Return the runner's program of this Python environment."""
    return Path(sys.executable).with_name(RUNNER_PROGRAM)


def address_warnings(url: str) -> Sequence[str]:
    """Return what is wrong with an address that other machines are to reach."""
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        return ()
    return (
        f"the server's address {url} means this machine alone: runners on other nodes cannot reach it; start the "
        "server with `torc-server run --host 0.0.0.0`, and name it with --url http://HOST:PORT",
    )


def _is_staggered(workflow: WorkflowModel) -> bool:
    config = workflow.execution_config
    return config is None or config.staggered_start is not False
