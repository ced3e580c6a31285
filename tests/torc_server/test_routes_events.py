"""The stream of events: who reads it hears what happens, soon and in order."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from helpers import ServerProcess, ended, make_runner, make_workflow

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import StartJobsRequest
from torc_core.jobs.status import JobStatus

Frame = tuple[str, dict[str, Any]]


@contextmanager
def _stream(server: ServerProcess, workflow_id: int, level: str = "info") -> Iterator[Iterator[Frame]]:
    with (
        httpx.Client(headers=server.headers, trust_env=False, timeout=10) as http,
        http.stream("GET", f"{server.url}/workflows/{workflow_id}/events/stream", params={"level": level}) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith(":")  # from here on nothing is missed
        yield _frames(lines)


def _frames(lines: Iterator[str]) -> Iterator[Frame]:
    event_type = ""
    for line in lines:
        if line.startswith("event: "):
            event_type = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield event_type, json.loads(line.removeprefix("data: "))


def test_the_life_of_a_job_is_reported_as_it_happens(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, [job_id] = make_workflow(client, JobDraft(name="a", command="true"), initialize=False)
    with _stream(shared_server, workflow_id) as frames:
        client.initialize_jobs(workflow_id)
        runner_id = make_runner(client, workflow_id)
        client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
        client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=runner_id, job_ids=[job_id]))
        client.complete_jobs(workflow_id, [ended(job_id, workflow_id=workflow_id, runner_id=runner_id)])
        heard = [next(frames) for _ in range(4)]
    assert [kind for kind, _ in heard] == ["workflow_started", "compute_node_started", "job_started", "job_completed"]
    started = heard[2][1]
    assert started["workflow_id"] == workflow_id
    assert started["event_type"] == "job_started"
    assert started["severity"] == "info"
    assert started["data"]["job_id"] == job_id
    assert started["timestamp"] > 1_600_000_000_000


def test_a_level_leaves_out_what_is_less_severe(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, [job_id] = make_workflow(client, JobDraft(name="a", command="false"), use_pending_failed=False)
    with _stream(shared_server, workflow_id, level="error") as frames:
        runner_id = make_runner(client, workflow_id)
        client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
        failed = ended(job_id, workflow_id=workflow_id, runner_id=runner_id, status=JobStatus.FAILED)
        client.complete_jobs(workflow_id, [failed])
        assert next(frames)[0] == "job_failed"


def test_events_of_other_workflows_are_not_heard(shared_server: ServerProcess, shared_client: TorcClient) -> None:
    mine, _ = make_workflow(shared_client, initialize=False)
    other, _ = make_workflow(shared_client, initialize=False)
    with _stream(shared_server, mine) as frames:
        shared_client.initialize_jobs(other)
        shared_client.initialize_jobs(mine)
        assert next(frames)[1]["workflow_id"] == mine


@pytest.mark.parametrize("level", ["info", "nonsense"])
def test_a_stream_of_a_workflow_that_does_not_exist_is_a_404(shared_server: ServerProcess, level: str) -> None:
    url = f"{shared_server.url}/workflows/987654/events/stream"
    assert httpx.get(url, params={"level": level}, headers=shared_server.headers, trust_env=False).status_code == 404
