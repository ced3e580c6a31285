"""`torc reconcile` and `torc workflows sync-status` deliver what a runner had to keep."""

import pytest
from helpers import ServerProcess, wait_until
from torc_process import SpecWriter, Torc


@pytest.mark.parametrize("arguments", [["reconcile"], ["workflows", "sync-status"]])
def test_results_of_a_runner_that_was_killed_during_an_outage_are_delivered(
    server: ServerProcess, torc: Torc, spec: SpecWriter, arguments: list[str]
) -> None:
    own = Torc(torc.folder, server.url)
    gate, out = own.folder / "gate", own.folder / "output"
    path = spec(jobs={"a": f"while [ ! -e {gate} ]; do sleep 0.05; done"})
    runner = own.start("run", path)
    with server.client() as client:
        wait_until(lambda: client.workflows.list_all(), "the workflow is there")
        workflow_id = client.workflows.list_all()[0].id or 0
        wait_until(lambda: client.jobs.list_all(workflow_id=workflow_id, status="running"), "the job runs")
        server.kill()
        gate.touch()
        wait_until(lambda: [path for path in out.glob("undelivered*") if path.stat().st_size], "the end is kept")
        runner.kill()
        runner.communicate()
        server.start()
        done = own(*arguments, workflow_id)
        assert "delivered 1 result that an earlier runner had kept" in done.out + done.err
        assert [job.status for job in client.jobs.list_all(workflow_id=workflow_id)] == ["completed"]
    assert not list(out.glob("undelivered*"))


def test_reconcile_says_when_there_is_nothing(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("create", spec(jobs={"a": "true"}), "-f", "json").json["workflow_id"]
    assert f"No results of workflow {workflow_id} wait in output" in torc("reconcile", workflow_id).out
