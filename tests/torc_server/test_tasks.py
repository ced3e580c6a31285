"""Tasks: one at a time for a workflow, and none that outlives its server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from services_bench import Bench, job

from torc_core.errors import AlreadyTakenError
from torc_server.db.unit_of_work import read_unit
from torc_server.services.runs.tasks import (
    active_task,
    begin_task,
    end_task,
    get_task,
    queue_task,
)
from torc_server.settings import ServiceSettings

OPTIONS = {"only_uninitialized": False}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def test_the_same_request_has_one_task_and_another_is_refused_meanwhile(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    task, is_new = bench.write(queue_task, run.workflow_id, "initialize_jobs", OPTIONS)
    assert (task.status, is_new) == ("queued", True)
    bench.write(begin_task, task.id)
    again, is_new = bench.write(queue_task, run.workflow_id, "initialize_jobs", OPTIONS)
    assert (again.id, again.status, is_new) == (task.id, "running", False)
    assert bench.read(active_task, run.workflow_id).task == again
    with pytest.raises(AlreadyTakenError, match=f"task {task.id}"):
        bench.write(queue_task, run.workflow_id, "initialize_jobs", {"only_uninitialized": True})
    bench.write(end_task, task.id, error=None)
    assert bench.read(get_task, task.id).status == "succeeded"
    other, is_new = bench.write(queue_task, run.workflow_id, "initialize_jobs", {"only_uninitialized": True})
    assert (other.id != task.id, is_new) == (True, True)


def test_a_task_that_an_earlier_server_left_has_failed(tmp_path: Path) -> None:
    bench = Bench.at(tmp_path / "torc.db")
    run = bench.workflow([job("a")])
    task, _ = bench.write(queue_task, run.workflow_id, "initialize_jobs", OPTIONS)
    with read_unit(bench.database, ServiceSettings(listening_since=datetime(2100, 1, 1, tzinfo=UTC))) as uow:
        failed = get_task(uow, task.id)
        assert (failed.status, failed.error) == ("failed", "the server ended before the task did")
        assert active_task(uow, run.workflow_id).task is None
