"""Sums over a workflow: its status, what its jobs need, and what they lack."""

from pathlib import Path
from typing import Any

import pytest
from services_bench import Bench, job

from torc_core.api.drafts import FileDraft, ResourceRequirementsDraft, UserDataDraft
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.jobs.status import JobStatus
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.services.records.paging import PageRequest
from torc_server.services.records.resource_requirements import update_resource_requirements
from torc_server.services.runs.summary import (
    is_complete,
    job_ids,
    missing_user_data,
    ready_job_requirements,
    required_existing_files,
    running_jobs,
    workflow_status,
)

S = JobStatus


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def test_the_status_of_a_workflow_is_counted_from_its_records(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b"), job("c", 0), job("d")])
    run.begin("a", "b")
    run.end("a", result_exec_time_minutes=2.0, result_completion_time="2026-01-01T00:10:00Z")
    run.end("b", S.FAILED, result_exec_time_minutes=4.0, result_completion_time="2026-01-01T00:06:00Z")
    status = bench.read(workflow_status, run.workflow_id)
    counts = {name: n for name, n in status.jobs_by_status.model_dump().items() if n}
    assert counts == {"completed": 1, "failed": 1, "ready": 1, "pending": 1}
    assert (status.total_jobs, status.total_exec_time_minutes, status.is_complete) == (4, 6.0, False)
    assert status.walltime_seconds == pytest.approx(480, abs=0.01)
    assert (status.active_compute_nodes, status.workflow_name, status.run_id) == (1, "w", 1)
    assert bench.read(job_ids, run.workflow_id).count == 4


def test_a_workflow_is_complete_when_every_job_is_done(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b", 0)])
    assert not bench.read(is_complete, run.workflow_id).is_complete
    run.begin("a")
    run.end("a", S.PENDING_FAILED)
    assert not bench.read(is_complete, run.workflow_id).is_complete
    empty = bench.workflow([])
    assert bench.read(is_complete, empty.workflow_id).is_complete


def test_running_jobs_are_listed_with_their_runners(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b")])
    run.begin("a")
    bench.write(UnitOfWork.run, """UPDATE compute_node SET scheduler = '{"slurm_job_id": 77}'""")
    page = bench.read(running_jobs, run.workflow_id, PageRequest())
    (found,) = page.items
    assert (found.job_name, found.compute_node_name, found.scheduler_job_id) == ("a", "node-1", "77")
    assert page.total_count == 1


def test_the_needs_of_all_ready_jobs_are_summed(bench: Bench) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "x", "num_cpus": 2, "num_gpus": 1, "memory": "3g", "runtime": "PT1H"},
        {"name": "y", "num_cpus": 4, "num_nodes": 3, "memory": "1g", "runtime": "PT2H30M"},
    ]
    run = bench.workflow(
        [job("a", resource_requirements=0), job("b", resource_requirements=1), job("waits", 0)],
        resource_requirements=[ResourceRequirementsDraft.model_validate(kind) for kind in kinds],
    )
    assert bench.read(ready_job_requirements, run.workflow_id).model_dump() == {
        "num_jobs": 2,
        "num_cpus": 6,
        "num_gpus": 1,
        "memory_gb": 4.0,
        "max_num_nodes": 3,
        "max_runtime": "PT2H30M",
    }


def test_required_files_and_missing_data_follow_the_progress(bench: Bench) -> None:
    run = bench.workflow(
        [
            job("a", input_files=[0], output_files=[1], input_user_data=[0], output_user_data=[1]),
            job("b", input_files=[1], input_user_data=[1]),
        ],
        files=[FileDraft(name=str(place), path=str(place)) for place in range(3)],
        user_data=[UserDataDraft(name=str(place)) for place in range(3)],
    )
    first_file, *_ = bench.read(UnitOfWork.ids, "SELECT MIN(id) FROM file")
    first_datum, *_ = bench.read(UnitOfWork.ids, "SELECT MIN(id) FROM user_data")
    assert bench.read(required_existing_files, run.workflow_id).files == [first_file]
    assert bench.read(missing_user_data, run.workflow_id).user_data == [first_datum]
    run.begin("a")
    run.end("a")
    assert bench.read(required_existing_files, run.workflow_id).files == [first_file, first_file + 1]
    assert bench.read(missing_user_data, run.workflow_id).user_data == [first_datum, first_datum + 1]


def test_changed_requirements_reach_the_jobs_that_have_them(bench: Bench) -> None:
    run = bench.workflow(
        [job("a", resource_requirements=0)], resource_requirements=[ResourceRequirementsDraft(name="r", num_cpus=64)]
    )
    assert run.claim(num_cpus=4) == []
    record = bench.count("SELECT id FROM resource_requirements WHERE name = 'r'")
    wanted = ResourceRequirementsModel(workflow_id=run.workflow_id, name="r", num_cpus=4)
    bench.write(update_resource_requirements, record, wanted)
    assert run.claim(num_cpus=4) == ["a"]
