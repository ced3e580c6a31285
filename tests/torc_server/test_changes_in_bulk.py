"""Jobs are sent back, and files are changed, many at a time: all of them or none."""

from pathlib import Path

import pytest
from helpers import make_workflow
from services_bench import Bench, job

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.files import FileModel
from torc_core.api.workflows import ResetJobsRequest
from torc_core.errors import NotFoundError, StateConflictError
from torc_core.jobs.status import JobStatus as S
from torc_server.services.jobs.change_status import reset_jobs


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def test_jobs_and_what_depends_on_them_go_back_together(bench: Bench) -> None:
    run = bench.workflow([job("a"), job("b"), job("after", 0), job("free")])
    run.begin("a", "b", "free")
    for name in ("a", "b", "free"):
        run.end(name)
    run.begin("after")
    run.end("after")
    request = ResetJobsRequest(job_ids=[run.id("a"), run.id("b")], run_id=1)
    answer = bench.write(reset_jobs, run.workflow_id, request)
    assert answer.updated_count == 2
    assert run.statuses() == {
        "a": S.UNINITIALIZED,
        "b": S.UNINITIALIZED,
        "after": S.UNINITIALIZED,
        "free": S.COMPLETED,
    }
    assert bench.write(reset_jobs, run.workflow_id, request).updated_count == 0


def test_an_unknown_job_or_an_old_run_leaves_everything_as_it_was(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    run.begin("a")
    run.end("a")
    with pytest.raises(NotFoundError, match="987654"):
        bench.write(reset_jobs, run.workflow_id, ResetJobsRequest(job_ids=[run.id("a"), 987654], run_id=1))
    with pytest.raises(StateConflictError, match="run"):
        bench.write(reset_jobs, run.workflow_id, ResetJobsRequest(job_ids=[run.id("a")], run_id=7))
    assert run.statuses() == {"a": S.COMPLETED}


def test_files_are_changed_in_one_request(shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, JobDraft(name="a", command="true"))
    files = [
        shared_client.files.create(FileModel(workflow_id=workflow_id, name=name, path=f"{name}.txt"))
        for name in ("x", "y")
    ]
    changed = [file.model_copy(update={"st_mtime": 5.0}) for file in files]
    with pytest.raises(NotFoundError, match="987654"):
        shared_client.update_files([*changed, changed[0].model_copy(update={"id": 987654})])
    assert [file.st_mtime for file in shared_client.files.list_all(workflow_id=workflow_id)] == [None, None]
    assert shared_client.update_files(changed) == changed
    assert shared_client.files.list_all(workflow_id=workflow_id, sort_by="id") == changed


def test_jobs_are_sent_back_in_one_request(shared_client: TorcClient) -> None:
    workflow_id, ids = make_workflow(shared_client, JobDraft(name="a", command="true"), JobDraft(name="b", command="x"))
    assert shared_client.reset_jobs(workflow_id, ids, run_id=1).updated_count == 2
    assert shared_client.is_uninitialized(workflow_id)
