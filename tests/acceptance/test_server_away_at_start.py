"""`torc run` while the server is away: it waits for a while, says so, and goes on when the server is back."""

from pathlib import Path

from helpers import ServerProcess, wait_until
from torc_process import SpecWriter, Torc


def test_a_run_waits_for_a_server_that_is_restarted(server: ServerProcess, tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path, server.url, {"TORC_API_TOKEN": server.token})
    torc("create", spec(jobs={"a": "true"}))
    server.kill()
    errors = tmp_path / "run.err"
    with errors.open("w") as stderr:
        run = torc.start("run", 1, "--wait-for-server", 120, stderr=stderr)
    wait_until(lambda: "waiting up to 120 s" in errors.read_text(), "the run says that it waits")
    server.start()
    run.communicate(timeout=120)
    assert run.returncode == 0, errors.read_text()
    assert [job["status"] for job in torc("jobs", "list", 1, "-f", "json").json] == ["completed"]


def test_a_run_without_patience_says_at_once_how_to_go_on(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path, "http://127.0.0.1:9/torc-service/v1")
    printed = torc("run", spec(jobs={"a": "true"}), "--wait-for-server", 0, code=1)
    assert "waiting" not in printed.err
    assert "torc-server run" in printed.err
    assert "torc -s run" in printed.err
