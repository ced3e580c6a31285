"""A run that begins again costs a few requests, whatever the number of files and jobs that changed."""

import os
from pathlib import Path
from typing import Any

import pytest
from helpers import ended, make_runner

from torc_client.http import TorcClient
from torc_client.runs.begin_run import initialize, reinitialize
from torc_core.api.drafts import FileDraft, JobDraft, WorkflowDraft
from torc_core.api.workflows import WorkflowModel

COUNT = 12


def test_changed_files_are_stored_and_their_jobs_sent_back_in_one_request_each(
    shared_client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = shared_client
    created = client.create_from_draft(
        WorkflowDraft(
            workflow=WorkflowModel(name="again", user="tester"),
            files=[FileDraft(name=f"f{place}", path=f"f{place}") for place in range(COUNT)],
            jobs=[JobDraft(name=f"j{place}", command="true", input_files=[place]) for place in range(COUNT)],
        )
    )
    workflow_id, first = created.workflow.id or 0, created.first_job_id or 0
    paths = [tmp_path / f"f{place}" for place in range(COUNT)]
    for path in paths:
        path.touch()
    initialize(client, workflow_id, folder=tmp_path)
    runner = make_runner(client, workflow_id)
    client.claim_next_jobs(workflow_id, limit=COUNT)
    client.complete_jobs(
        workflow_id, [ended(first + place, workflow_id=workflow_id, runner_id=runner) for place in range(COUNT)]
    )
    for path in paths:
        os.utime(path, (1, 1))
    sent: list[str] = []
    request = client.transport.request

    def note(method: str, path: str, **options: Any) -> bytes:
        sent.append(f"{method} {path}")
        return request(method, path, **options)

    monkeypatch.setattr(client.transport, "request", note)
    started = reinitialize(client, workflow_id, folder=tmp_path)
    assert (started.ready_count, len(started.reset_jobs)) == (COUNT, COUNT)
    assert len([line for line in sent if not line.startswith("GET")]) <= 5, sent
    assert len(sent) <= COUNT + 8, sent
    assert {file.st_mtime for file in client.files.list_all(workflow_id=workflow_id)} == {1.0}
