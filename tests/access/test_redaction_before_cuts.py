"""Secrets are redacted before a text is cut: no rest of a key leaves the machine."""

import base64
import random
from pathlib import Path

import pytest
from helpers import ServerProcess
from running import create, job, run

from torc_client.http import TorcClient
from torc_core.evidence.cleaning import excerpt_stderr
from torc_core.evidence.redaction import redact_secrets
from torc_mcp.tools.diagnose.job_logs import LogRequest, read_logs

_BYTES = random.Random(7).randbytes(2400)
KEY_LINES = [base64.b64encode(_BYTES[at : at + 48]).decode() for at in range(0, 2400, 48)]
KEY = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *KEY_LINES, "-----END RSA PRIVATE KEY-----"])


def raw_lines(text: str) -> list[str]:
    return [line for line in KEY_LINES if line in text]


@pytest.mark.parametrize("after", range(0, 9000, 500))
def test_evidence_holds_no_line_of_a_key_wherever_it_is_cut(after: int) -> None:
    text = "line\n" * 200 + "FATAL ERROR: no\n" + KEY + "\n" + "x" * 79 + "\n" + "word \n" * (after // 6) + "end\n"
    for size in (1000, 3000, 8192):
        excerpt, tail, _ = excerpt_stderr(text.encode(), max_bytes=size)
        assert raw_lines(excerpt + tail) == []


@pytest.mark.parametrize("kept", [1, 7, 30, 50])
def test_what_is_left_of_a_key_is_redacted_too(kept: int) -> None:
    lines = KEY.split("\n")
    assert raw_lines(redact_secrets("\n".join(["before", *lines[-kept - 1 :], "after"]))) == []
    assert raw_lines(redact_secrets("\n".join(["before", *lines[: kept + 1], "after, which is no key"]))) == []


def test_a_job_that_prints_a_key_leaves_none_of_it_on_the_server_and_shows_none_to_agents(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY)
    command = (
        f"seq 200 >&2; echo 'FATAL ERROR: no' >&2; cat {tmp_path / 'key'} >&2; echo >&2; "
        "for i in $(seq 400); do echo some text >&2; done; exit 1"
    )
    ran = run(client, create(client, job("a", command)), tmp_path / "output")
    job_id = ran.jobs()["a"].id
    assert job_id is not None
    assert raw_lines(client.job_evidence(job_id).evidence.model_dump_json()) == []
    log = ran.log("a", "e")
    Path(next((tmp_path / "output" / "job_stdio").glob("*.e"))).write_text(log[: log.index("some text")])
    for tail_lines in (1, 5, 10, 20, 45):
        request = LogRequest(job_id=job_id, log_type="stderr", tail_lines=tail_lines)
        answer = read_logs(client, request, output_dir=str(tmp_path / "output"), room=15_000)
        assert answer.source == "file"
        assert raw_lines(answer.model_dump_json()) == []
