"""The RO-Crate of a workflow's runs."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from recovery_scenes import BROKEN, claim_all, end, job, leave
from torc_process import Torc

from torc_client.export.document import PortableWorkflow, export_workflow
from torc_client.export.ro_crate import write_crate
from torc_client.http import TorcClient
from torc_core.api.drafts import FileDraft, JobDraft, WorkflowDraft
from torc_core.api.workflows import WorkflowModel
from torc_core.errors import InvalidInputError, TorcError

pytest.importorskip("rocrate", reason="the package rocrate is not installed")


@pytest.fixture
def workflow(shared_client: TorcClient) -> PortableWorkflow:
    """One job that made a file of another, and one that failed."""
    created = shared_client.create_from_draft(
        WorkflowDraft(
            workflow=WorkflowModel(name="study", user="anna", use_pending_failed=False),
            files=[FileDraft(name="in", path="in.csv"), FileDraft(name="out", path="out.txt")],
            jobs=[
                JobDraft(name="fit", command="python fit.py", input_files=[0], output_files=[1]),
                job("broken", requirement=None),
            ],
        )
    )
    workflow_id, first = created.workflow.id or 0, created.first_job_id or 0
    shared_client.initialize_jobs(workflow_id)
    runner_id = claim_all(shared_client, workflow_id)
    end(shared_client, first, minutes=2.0, completion_time="2026-01-01T00:03:00Z")
    end(shared_client, first + 1, BROKEN)
    leave(shared_client, runner_id)
    return export_workflow(shared_client, workflow_id, with_results=True)


def read(folder: Path) -> dict[str, Any]:
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_the_crate_says_what_ran_when_from_which_files_into_which(workflow: PortableWorkflow, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,2\n")
    counts = write_crate(workflow, tmp_path / "crate", folder=tmp_path)
    assert (counts.actions, counts.files, counts.missing) == (2, 2, 1)
    entities = read(tmp_path / "crate")
    first, second = (entities[reference["@id"]] for reference in entities["./"]["mentions"])
    assert first["startTime"] == "2026-01-01T00:01:00+00:00"
    assert first["actionStatus"] == {"@id": "http://schema.org/CompletedActionStatus"}
    used = entities[first["object"][0]["@id"]]
    assert (used["name"], used["contentSize"], len(used["sha256"])) == ("in", 4, 64)
    assert entities[first["result"][0]["@id"]]["name"] == "out"
    assert entities[first["instrument"][0]["@id"]]["description"] == "python fit.py"
    assert entities[first["agent"]["@id"]]["name"] == "anna"
    assert second["actionStatus"] == {"@id": "http://schema.org/FailedActionStatus"}
    assert "result" not in second
    assert PortableWorkflow.model_validate_json((tmp_path / "crate/workflow.json").read_text()).workflow.name == "study"


def test_a_crate_may_hold_the_files(workflow: PortableWorkflow, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,2\n")
    write_crate(workflow, tmp_path / "crate", folder=tmp_path, copies_files=True, hashes=False)
    [copy] = (tmp_path / "crate").glob("files/*/in.csv")
    assert copy.read_text() == "1,2\n"
    assert "sha256" not in read(tmp_path / "crate")[str(copy.relative_to(tmp_path / "crate"))]


def test_nothing_that_exists_is_overwritten(workflow: PortableWorkflow, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="exists already"):
        write_crate(workflow, tmp_path, folder=tmp_path)


def test_a_missing_package_is_named(
    workflow: PortableWorkflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(TorcError, match="rocrate is needed"):
        write_crate(workflow, tmp_path / "crate", folder=tmp_path)


def test_the_command_writes_a_zip_file(workflow: PortableWorkflow, shared_client: TorcClient, tmp_path: Path) -> None:
    printed = Torc(tmp_path, shared_client.url)("ro-crate", "export", workflow.workflow.id, "-o", "study.zip")
    assert "about 2 attempts and 2 files" in printed.out
    assert (tmp_path / "study.zip").read_bytes().startswith(b"PK")
