"""`torc slurm parse-logs`: issues in the output of allocations, with the jobs that they befell; without a cluster."""

from pathlib import Path
from typing import Any

import pytest
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient
from torc_core.api.jobs import ComputeNodesResources, JobCompletion, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel, ScheduledComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.schedulers import SlurmSchedulerModel
from torc_core.jobs.status import JobStatus

NOW = "2026-01-01T00:00:00Z"
OOM = (
    "slurmstepd-n2: error: Detected 1 oom_kill event in StepId=77.batch. Some of the step tasks have been OOM Killed.\n"
)
CANCELLED = "slurmstepd-n1: error: *** JOB 78 ON n1 CANCELLED AT 2026-11-27T07:54:54 ***\n"


def run_in(client: TorcClient, workflow_id: int, allocation_id: int, return_codes: dict[str, int | None]) -> None:
    """A runner in an allocation claims the jobs of these names; a code of None leaves the job running."""
    node = client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow_id,
            hostname=f"n{allocation_id}",
            pid=1,
            start_time=NOW,
            num_cpus=8,
            num_gpus=0,
            num_nodes=1,
            memory_gb=64,
            compute_node_type="slurm",
            is_active=True,
            scheduler={"slurm_job_id": str(allocation_id)},
        )
    ).id
    resources = ComputeNodesResources(id=node, num_cpus=8, memory_gb=64)
    jobs = {job.name: job.id or 0 for job in client.claim_jobs(workflow_id, resources, limit=len(return_codes)).jobs}
    assert set(jobs) == set(return_codes)
    client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=node, job_ids=sorted(jobs.values())))
    ended = [
        JobCompletion(
            job_id=jobs[name],
            status=JobStatus.FAILED if code else JobStatus.COMPLETED,
            run_id=1,
            result=ResultModel(
                job_id=jobs[name],
                workflow_id=workflow_id,
                run_id=1,
                attempt_id=1,
                compute_node_id=node,
                return_code=code,
                exec_time_minutes=1.0,
                completion_time=NOW,
                status=JobStatus.FAILED if code else JobStatus.COMPLETED,
            ),
        )
        for name, code in return_codes.items()
        if code is not None
    ]
    client.complete_jobs(workflow_id, ended)


@pytest.fixture
def workflow_id(torc: Torc, spec: SpecWriter, shared_client: TorcClient) -> int:
    """Two allocations: 77 in which `a` ended well and `b` failed, 78 in which `c` runs."""
    created: int = torc("create", spec(jobs={"a": "true", "b": "true", "c": "true"}), "-f", "json").json["workflow_id"]
    shared_client.initialize_jobs(created)
    run_in(shared_client, created, 77, {"a": 0, "b": 137})
    run_in(shared_client, created, 78, {"c": None})
    scheduler = shared_client.slurm_schedulers.create(
        SlurmSchedulerModel(workflow_id=created, name="s", account="a", nodes=1, walltime="01:00:00")
    )
    shared_client.scheduled_compute_nodes.create(
        ScheduledComputeNodeModel(
            workflow_id=created, scheduler_id=79, scheduler_config_id=scheduler.id or 0, scheduler_type="slurm",
            status="pending",
        )
    )  # fmt: skip
    output = torc.folder / "output"
    output.mkdir()
    write(output, created, {"77.e": f"fine so far\n{OOM}", "77.o": "hello\n", "78.e": CANCELLED})
    return created


def write(output: Path, workflow_id: int, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (output / f"slurm_output_wf{workflow_id}_sl{name}").write_text(text)


def issues_of(torc: Torc, *words: object) -> dict[str, Any]:
    answer: dict[str, Any] = torc("slurm", "parse-logs", *words, "-f", "json").json
    return answer


def test_each_issue_has_its_place_and_the_jobs_that_it_befell(torc: Torc, workflow_id: int) -> None:
    found = issues_of(torc, workflow_id)
    assert (found["workflow_id"], found["output_dir"], found["slurm_jobs_count"]) == (workflow_id, "output", 3)
    assert (found["files_scanned"], found["total_issues"], found["errors"], found["warnings"]) == (3, 2, 1, 1)
    oom, cancelled = found["issues"]
    assert (oom["file"], oom["line_number"], oom["node"]) == (f"slurm_output_wf{workflow_id}_sl77.e", 2, "n2")
    assert (oom["slurm_job_id"], oom["severity"], oom["failure_class"]) == ("77", "error", "oom")
    assert oom["pattern_description"] == "Slurm's memory limit killed a process of the job."
    assert [job["job_name"] for job in oom["affected_jobs"]] == ["b"]
    assert (cancelled["severity"], [job["job_name"] for job in cancelled["affected_jobs"]]) == ("warning", ["c"])
    text = torc("slurm", "parse-logs", workflow_id).out
    assert "2: error: Slurm's memory limit killed a process of the job. (node n2)" in text
    assert "(b)" in text
    assert text.endswith("1 error, 1 warning in 3 files of output\n")


def test_warnings_are_left_out_where_errors_alone_are_asked_for(torc: Torc, workflow_id: int) -> None:
    found = issues_of(torc, workflow_id, "--errors-only")
    assert (found["warnings"], [issue["severity"] for issue in found["issues"]]) == (0, ["error"])


def test_files_of_allocations_that_the_server_does_not_know_are_pointed_out(torc: Torc, workflow_id: int) -> None:
    elsewhere = torc.folder / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere, workflow_id, {"500.e": OOM})
    answer = torc("slurm", "parse-logs", workflow_id, "-o", elsewhere)
    assert f"the server knows no allocation 500 of workflow {workflow_id}" in answer.err
    assert "1 error, 0 warnings in 1 file" in answer.out
    assert "name their folder with -o" in torc("slurm", "parse-logs", workflow_id, "-o", torc.folder).out
