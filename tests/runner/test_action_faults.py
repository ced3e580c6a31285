"""Actions survive failed requests: refused, answered with a fault, or carried out although the answer was lost."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ServerProcess
from running import create, job, run

from chaos.proxy import Fault, FaultyProxy
from torc_client.credentials import Credentials
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.api.drafts import ActionDraft

REQUESTS = {"list": r"/actions/pending", "claim": r"/actions/\d+/claim", "finish": r"/actions/\d+/finish"}
TRIGGERS = {
    "on_workflow_start": None,
    "on_worker_start": None,
    "on_jobs_ready": [1],
    "on_jobs_complete": [0],
    "on_workflow_complete": None,
    "on_worker_complete": None,
}


class EveryFirst:
    """The fault for the first request to each action of the kind, and for every other list of actions."""

    def __init__(self, fault: Fault, pattern: str) -> None:
        self._fault = fault
        self._pattern = pattern
        self._lock = threading.Lock()
        self.seen: Counter[str] = Counter()

    def __call__(self, _method: str, path: str) -> Fault:
        found = re.search(self._pattern, path)
        if found is None:
            return Fault.NONE
        with self._lock:
            self.seen[found[0]] += 1
            is_list = self._pattern == REQUESTS["list"]
            is_due = self.seen[found[0]] % 2 == 1 if is_list else self.seen[found[0]] == 1
        return self._fault if is_due else Fault.NONE


@pytest.fixture(params=[Fault.REFUSED, Fault.SERVER_ERROR, Fault.ANSWER_LOST])
def fault(request: pytest.FixtureRequest) -> Fault:
    return Fault(request.param)


@pytest.fixture(params=sorted(REQUESTS))
def faults(request: pytest.FixtureRequest, fault: Fault) -> EveryFirst:
    return EveryFirst(fault, REQUESTS[request.param])


@pytest.fixture
def faulty(server: ServerProcess, faults: EveryFirst) -> Iterator[TorcClient]:
    proxy = FaultyProxy(server.url, faults)
    with TorcClient(Transport(proxy.url, credentials=Credentials(token=server.token))) as client:
        yield client
    proxy.close()


def test_a_fault_of_a_request_loses_no_action_and_runs_none_twice(
    client: TorcClient, faulty: TorcClient, faults: EveryFirst, tmp_path: Path
) -> None:
    actions = [
        ActionDraft(
            trigger_type=trigger,
            action_type="run_commands",
            action_config={"commands": [f"echo {trigger} >> {tmp_path}/ran"]},
            jobs=jobs,
            persistent="worker" in trigger,
        )
        for trigger, jobs in TRIGGERS.items()
    ]
    jobs = [job("first", f"echo first >> {tmp_path}/ran"), job("second", "true", depends_on=[0])]
    workflow_id = create(client, *jobs, draft={"actions": actions})
    ran = run(faulty, workflow_id, tmp_path / "out")
    assert ran.summary.completed == 2
    assert faults.seen
    lines = (tmp_path / "ran").read_text().split()
    assert Counter(lines) == Counter([*TRIGGERS, "first"])
    assert lines.index("first") > max(lines.index("on_workflow_start"), lines.index("on_worker_start"))
    states = {action.trigger_type: action.outcome for action in client.actions(workflow_id)}
    assert set(states.values()) == {"succeeded"}
