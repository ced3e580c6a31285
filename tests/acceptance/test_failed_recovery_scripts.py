"""A recovery script that fails is a reason of its own: everything that speaks of the failure names it."""

import pytest
from torc_process import SpecWriter, Torc


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("./absent.sh", "exited with 127"),
        ("echo tried; exit 9", "exited with 9"),
        ("kill -9 $$", "was ended by SIGKILL"),
    ],
)
def test_a_failed_recovery_script_is_named_at_the_end_and_later(
    torc: Torc, spec: SpecWriter, script: str, why: str
) -> None:
    path = spec(
        jobs={"bad": {"command": "echo no luck >&2; exit 7", "failure_handler": "again"}},
        failure_handlers=[{"name": "again", "rules": [{"exit_codes": [7], "recovery_script": script}]}],
    )
    summary = torc("run", path, code=1).out
    assert f"not tried again: its recovery script {why}" in " ".join(summary.split())
    workflow_id = torc("workflows", "list", "-f", "json").json[-1]["id"]
    job_id = torc("jobs", "list", workflow_id, "-f", "json").json[0]["id"]
    assert f"recovery script: {why}" in torc("failures", "show", workflow_id, "--job", job_id).out
    logs = torc("jobs", "logs", job_id)
    assert why in logs.err
    assert "no luck" in logs.out
    assert ("tried" in logs.out) == ("tried" in script)
    data = torc("jobs", "logs", job_id, "-f", "json").json
    assert why in data["recovery_script_error"]
