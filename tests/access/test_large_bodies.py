"""Large bodies: read in parts as they would be read in one piece, and in little memory."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers import ServerProcess
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from torc_core.api.drafts import WorkflowDraft
from torc_core.api.files import FilesModel
from torc_core.errors import InvalidInputError
from torc_server.routes import body_parts
from torc_server.routes.body_parts import BodyProblemsError, BodyReader
from torc_server.routes.contract import BODY_CAP_BYTES, WHOLE_CAP_BYTES

MIB = 1 << 20
WORKFLOW = {"name": "w", "user": "u"}


def in_parts(model: Any, body: bytes) -> Any:
    reader = BodyReader.of(model)
    assert reader is not None
    held = [body.decode("latin-1")]
    try:
        return reader.read(held)
    finally:
        assert held == [], "nobody else keeps the text"


def send(server: ServerProcess, path: str, body: bytes) -> httpx.Response:
    headers = {**server.headers, "Content-Type": "application/json"}
    return httpx.post(f"{server.url}{path}", content=body, headers=headers, trust_env=False, timeout=600)


@pytest.fixture(autouse=True)
def tiny_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_parts, "_PART_CHARS", 100)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(
    ['},{"', '\\"]', "é\u2028"]
)
jobs = st.lists(st.fixed_dictionaries({"name": texts, "command": texts}, optional={"priority": st.integers(0, 9)}))


@given(jobs=jobs, indent=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_a_body_read_in_parts_is_what_it_is_in_one_piece(
    jobs: list[dict[str, Any]], indent: int | None, *, is_ascii: bool
) -> None:
    files = [{"name": job["name"], "path": "p"} for job in jobs]
    draft = {"files": files, "unknown": [{"x": [1]}], "workflow": WORKFLOW, "jobs": jobs, "actions": []}
    body = json.dumps(draft, indent=indent, ensure_ascii=is_ascii).encode()
    whole = WorkflowDraft.model_validate_json(body)
    parts = in_parts(WorkflowDraft, body)
    assert parts == whole
    assert parts.model_fields_set == whole.model_fields_set
    assert [job.model_fields_set for job in parts.jobs] == [job.model_fields_set for job in whole.jobs]
    assert parts.model_dump_json() == whole.model_dump_json()
    changed = [job.model_copy(update={"command": "c"}) for job in parts.jobs]
    assert [job.model_fields_set for job in parts.jobs] == [job.model_fields_set for job in whole.jobs]
    assert all(job.command == "c" for job in changed)


def test_problems_have_their_place_in_the_whole_body() -> None:
    files: list[dict[str, Any]] = [{"workflow_id": 1, "name": f"f{number}", "path": "p"} for number in range(50)]
    del files[37]["path"]
    files[41]["name"] = 7
    body = json.dumps({"files": files}).encode()
    with pytest.raises(BodyProblemsError) as found:
        in_parts(FilesModel, body)
    with pytest.raises(ValidationError) as expected:
        FilesModel.model_validate_json(body)
    first = expected.value.errors()[0]
    assert (found.value.problems[0]["loc"], found.value.problems[0]["msg"]) == (first["loc"], first["msg"])


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"", b"{", b'{"files"', b'{"files":', b'{"files": [', b'{"files": [{}', b'{"files": [{"name": "a"},]}',
        b'{"files": []} x', b'{"files": [] "x": 1}', b'{1: 2}', b'{"files": [' + b"[" * 100_000,
        b'{"x": \xff}', b'{"files": [],}',
        b'{"x": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError, match="not JSON as the contract has it"):
        in_parts(FilesModel, body)


def test_a_large_workflow_is_created_in_a_few_times_the_memory_of_its_body(server: ServerProcess) -> None:
    made = [{"name": f"job {number}", "command": "x" * 550} for number in range(40_000)]
    body = json.dumps({"workflow": WORKFLOW, "jobs": made}).encode()
    assert len(body) > 20 * MIB
    send(server, "/bulk_workflows", json.dumps({"workflow": WORKFLOW, "jobs": made[:1000]}).encode())
    before = peak_bytes(server)
    answer = send(server, "/bulk_workflows", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["job_count"] == 40_000
    assert peak_bytes(server) - before < 4.5 * len(body)


def test_a_large_body_that_is_wrong_is_answered_as_a_small_one(shared_server: ServerProcess) -> None:
    jobs: list[dict[str, Any]] = [{"name": f"j{number}", "command": "x" * 200} for number in range(12_000)]
    del jobs[11_000]["command"]
    answers = []
    for sent in (jobs[11_000:11_001], jobs):
        body = json.dumps({"workflow": WORKFLOW, "jobs": sent}).encode()
        answers.append(send(shared_server, "/bulk_workflows", body))
    assert len(body) > BODY_CAP_BYTES
    assert [answer.status_code for answer in answers] == [422, 422]
    small, large = (answer.json()["error"] for answer in answers)
    assert large["message"] == small["message"].replace("jobs.0.", "jobs.11000.")
    broken = send(shared_server, "/bulk_workflows", body[:-5])
    assert (broken.status_code, broken.json()["error"]["code"]) == (422, "invalid_input")


def test_a_route_for_one_value_takes_no_more_than_it_can_read_in_one_piece(shared_server: ServerProcess) -> None:
    body = json.dumps({"workflow_id": 1, "name": "d", "data": "x" * WHOLE_CAP_BYTES}).encode()
    assert send(shared_server, "/user_data", body).status_code == 413


def peak_bytes(server: ServerProcess) -> int:
    """The most memory that the server ever held."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
