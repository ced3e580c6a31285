"""Collects results together with the log files that belong to them."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field

from torc_cli.render.base import Column, Table
from torc_client.http import TorcClient
from torc_client.logs.attempt_logs import JOB_STDIO, AttemptId, log_stem
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.errors import InvalidInputError
from torc_core.jobs.status import JobStatus
from torc_core.recovery.sparse_model import SparseModel
from torc_core.slurm.environment import registered_allocation

RESULTS: Final = Table(
    "results",
    (
        Column("Job ID", "job_id", right=True),
        Column("Job Name", "job_name"),
        Column("Status", "status"),
        Column("Run", "run_id", right=True),
        Column("Attempt", "attempt_id", right=True),
        Column("Return Code", "return_code", right=True),
        Column("Stdout", "job_stdout"),
        Column("Stderr", "job_stderr"),
    ),
)


class ResultRow(SparseModel):
    """One attempt; files are named only where they exist."""

    job_id: int
    job_name: str
    status: JobStatus
    run_id: int
    attempt_id: int
    return_code: int
    completion_time: str
    exec_time_minutes: float
    compute_node_id: int
    job_stdout: str | None = None
    job_stderr: str | None = None
    compute_node_type: str | None = None
    job_runner_log: str | None = None
    slurm_job_id: str | None = None
    slurm_stdout: str | None = None
    slurm_stderr: str | None = None


class ResultsReport(BaseModel):
    """`missing` are logs of attempts that should be there."""

    workflow_id: int
    workflow_name: str
    workflow_user: str
    all_runs: bool
    total_results: int
    results: list[ResultRow]
    missing: list[str] = Field(default_factory=list, exclude=True)


def collect_results(
    client: TorcClient, workflow_id: int, folder: Path, *, all_runs: bool, job_ids: Collection[int]
) -> ResultsReport:
    """Return the results with their files. Raises NotFoundError for a workflow, InvalidInputError for a folder."""
    workflow = client.workflows.get(workflow_id)
    if not folder.is_dir():
        raise InvalidInputError(f"there is no output directory {folder}", hint="name it with --output-dir")
    wanted = frozenset(job_ids)
    found = [
        result
        for result in client.results.list_all(workflow_id=workflow_id, all_runs=all_runs or None)
        if not wanted or result.job_id in wanted
    ]
    nodes = {node.id: node for node in client.compute_nodes.list_all(workflow_id=workflow_id)} if found else {}
    missing: list[str] = []
    rows = [_row(result, nodes.get(result.compute_node_id), folder, missing) for result in found]
    return ResultsReport(
        workflow_id=workflow_id,
        workflow_name=workflow.name,
        workflow_user=workflow.user,
        all_runs=all_runs,
        total_results=len(rows),
        results=rows,
        missing=missing,
    )


def _row(result: ResultModel, node: ComputeNodeModel | None, folder: Path, missing: list[str]) -> ResultRow:
    attempt = AttemptId(result.run_id, result.attempt_id or 1)
    stem = folder / JOB_STDIO / log_stem(result.workflow_id, result.job_id, attempt)
    both = _existing(stem.with_name(f"{stem.name}.log"))
    stdout = _existing(stem.with_name(f"{stem.name}.o")) or both
    stderr = _existing(stem.with_name(f"{stem.name}.e")) or both
    if stdout is None and stderr is None:
        missing.append(f"{stem}.o")
    slurm_id = _slurm_id(node)
    slurm = folder / f"slurm_output_wf{result.workflow_id}_sl{slurm_id}"
    return ResultRow(
        job_id=result.job_id,
        job_name=result.job_name or "",
        status=result.status,
        run_id=result.run_id,
        attempt_id=attempt.attempt_id,
        return_code=result.return_code,
        completion_time=result.completion_time,
        exec_time_minutes=result.exec_time_minutes,
        compute_node_id=result.compute_node_id,
        job_stdout=stdout,
        job_stderr=stderr,
        compute_node_type=node.compute_node_type if node else None,
        job_runner_log=_runner_log(node, result, folder),
        slurm_job_id=slurm_id,
        slurm_stdout=_existing(slurm.with_name(f"{slurm.name}.o")) if slurm_id else None,
        slurm_stderr=_existing(slurm.with_name(f"{slurm.name}.e")) if slurm_id else None,
    )


def _existing(path: Path) -> str | None:
    return str(path) if path.exists() else None


def _runner_log(node: ComputeNodeModel | None, result: ResultModel, folder: Path) -> str | None:
    if node is None:
        return None
    slurm_id = _slurm_id(node)
    label = node.hostname if slurm_id is None else f"{node.hostname}_sl{slurm_id}"
    return _existing(folder / f"job_runner_{label}_wf{result.workflow_id}_r{result.run_id}.log")


def _slurm_id(node: ComputeNodeModel | None) -> str | None:
    return None if node is None else registered_allocation(node.scheduler)
