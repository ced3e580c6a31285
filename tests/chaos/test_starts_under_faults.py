"""`torc run` begins and ends although each of its requests fails three times before it succeeds."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from helpers import ServerProcess
from torc_process import Torc

from chaos.proxy import Fault, FaultyProxy
from torc_client.http import TorcClient
from torc_core.credentials import TOKEN_VARIABLE
from torc_core.jobs.status import JobStatus

THREE_FAULTS = (Fault.SERVER_ERROR, Fault.ANSWER_LOST, Fault.REFUSED)


class EachThreeTimes:
    """Chooses three faults for each kind of request: method and path."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str) -> Fault:
        with self._lock:
            kind = f"{method} {urlsplit(path).path}"
            self.asked[kind] += 1
            times = self.asked[kind]
        return THREE_FAULTS[times - 1] if times <= len(THREE_FAULTS) else Fault.NONE


@pytest.fixture
def faults() -> EachThreeTimes:
    return EachThreeTimes()


@pytest.fixture
def torc(server: ServerProcess, faults: EachThreeTimes, tmp_path: Path) -> Iterator[Torc]:
    proxy = FaultyProxy(server.url, faults)
    # the address is that of the proxy, for which nobody has a token file
    yield Torc(tmp_path, proxy.url, {TOKEN_VARIABLE: server.token})
    proxy.close()


def write(path: Path, **keys: object) -> Path:
    path.write_text(yaml.safe_dump({"name": "starting", "user": "tester", **keys}))
    return path


def test_a_run_from_a_file_creates_one_workflow_and_registers_one_runner(
    torc: Torc, faults: EachThreeTimes, client: TorcClient, tmp_path: Path
) -> None:
    spec = write(
        tmp_path / "w.yaml",
        jobs=[{"name": "a", "command": "true"}, {"name": "b", "command": "true", "depends_on": ["a"]}],
        actions=[{"trigger_type": "on_workflow_start", "action_type": "run_commands", "commands": ["echo x >> marks"]}],
    )
    printed = torc("run", spec, "--poll-interval", "0.5")
    (workflow,) = client.workflows.list_all()
    assert [job.status for job in client.jobs.list_all(workflow_id=workflow.id)] == [JobStatus.COMPLETED] * 2
    (node,) = client.compute_nodes.list_all(workflow_id=workflow.id)
    assert node.is_active is False
    assert (tmp_path / "output" / "marks").read_text() == "x\n"
    assert "trying again for up to 30 s" in printed.err
    for kind in ("POST /torc-service/v1/bulk_workflows", "POST /torc-service/v1/compute_nodes"):
        assert faults.asked[kind] == 4


def test_a_run_of_a_workflow_that_exists_is_initialized_and_reported(
    torc: Torc, client: TorcClient, tmp_path: Path
) -> None:
    spec = write(tmp_path / "w.yaml", use_pending_failed=False, jobs=[{"name": "a", "command": "exit 3"}])
    first = torc("run", spec, "--poll-interval", "0.5", code=1)
    (workflow,) = client.workflows.list_all()
    assert "could not be read" not in first.err
    client.reset_job_status(workflow.id or 0)
    torc("run", workflow.id, "--poll-interval", "0.5", code=1)
    assert {node.is_active for node in client.compute_nodes.list_all(workflow_id=workflow.id)} == {False}


def test_a_server_that_fails_for_ever_is_given_up_in_its_own_words(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    proxy = FaultyProxy(server.url, lambda method, _: Fault.SERVER_ERROR if method == "POST" else Fault.NONE)
    try:
        torc = Torc(tmp_path, proxy.url, {TOKEN_VARIABLE: server.token})
        spec = write(tmp_path / "w.yaml", jobs=[{"name": "a", "command": "true"}])
        printed = torc("run", spec, "--wait-for-server", "1", code=1)
    finally:
        proxy.close()
    assert "Error: " in printed.err
    assert not client.workflows.list_all()
