"""Failed attempts: rules, recovery scripts, evidence."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import ServerProcess
from running import create, job, run

from runner.base.progress import JobEnded, Notice
from runner.summary import ExitReason
from torc_client.http import TorcClient

FAIL_TWICE = '[ "$TORC_ATTEMPT_ID" -ge 3 ] && exit 0; echo "boom $TORC_ATTEMPT_ID" >&2; exit 10'


def test_a_rule_retries_until_the_job_succeeds_and_every_attempt_is_kept(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, job("flaky", FAIL_TWICE, failure_handler=0), rules=[{"exit_codes": [10]}])
    ran = run(client, workflow_id, tmp_path / "out")
    assert ran.statuses() == {"flaky": "completed"}
    assert [result.return_code for result in ran.results("flaky")] == [10, 10, 0]
    assert [ran.log("flaky", "e", attempt=n) for n in (1, 2, 3)] == ["boom 1\n", "boom 2\n", ""]
    assert (ran.summary.retried, ran.summary.completed) == (2, 1)


def test_rules_that_cannot_be_read_are_named_and_decide_nothing(
    server: ServerProcess, client: TorcClient, tmp_path: Path
) -> None:
    workflow_id = create(client, job("bad", "exit 10", failure_handler=0), rules=[{"exit_codes": [10]}])
    with closing(sqlite3.connect(server.database)) as database, database:
        database.execute('UPDATE failure_handler SET rules = \'[{"exit_codes": "odd"}]\'')
    ran = run(client, workflow_id, tmp_path / "out")
    (notice,) = [event for event in ran.events if isinstance(event, Notice)]
    assert "rules of failure handler" in notice.text
    assert ran.statuses() == {"bad": "pending_failed"}


def test_attempts_end_at_max_retries_and_the_job_has_failed(client: TorcClient, tmp_path: Path) -> None:
    rules = [{"exit_codes": [10], "max_retries": 2}]
    ran = run(client, create(client, job("bad", "exit 10", failure_handler=0), rules=rules), tmp_path / "out")
    assert ran.statuses() == {"bad": "failed"}
    assert len(ran.results("bad")) == 2
    assert ran.summary.reason is ExitReason.COMPLETE


def test_what_no_rule_foresaw_waits_for_a_decision_and_its_dependents_stay_blocked(
    client: TorcClient, tmp_path: Path
) -> None:
    jobs = [job("bad", "exit 1", failure_handler=0), job("after", "true", depends_on=[0]), job("free", "exit 2")]
    ran = run(client, create(client, *jobs, rules=[{"exit_codes": [10]}]), tmp_path / "out")
    assert ran.statuses() == {"bad": "pending_failed", "after": "blocked", "free": "pending_failed"}
    assert ran.summary.reason is ExitReason.NOTHING_LEFT
    assert "2 jobs wait for a decision" in str(ran.summary.explanation)
    assert f"torc failures list {ran.workflow_id}" in str(ran.summary.explanation)


def test_without_pending_failed_dependents_are_canceled(client: TorcClient, tmp_path: Path) -> None:
    jobs = [job("bad", "exit 1"), job("after", "true", depends_on=[0])]
    ran = run(client, create(client, *jobs, use_pending_failed=False), tmp_path / "out")
    assert ran.statuses() == {"bad": "failed", "after": "canceled"}


def test_the_recovery_script_runs_before_the_retry_and_gets_everything(
    client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "recovery.sh"
    script.write_text(
        '#!/bin/bash\necho "$TORC_JOB_NAME $TORC_JOB_ID $TORC_WORKFLOW_ID $TORC_ATTEMPT_ID $TORC_RETURN_CODE"\n'
        'echo "$TORC_OUTPUT_DIR $TORC_API_URL" >&2\ntouch fixed\n'
    )
    script.chmod(0o755)
    workflow_id = create(
        client,
        job("fixable", "test -e fixed || exit 10", failure_handler=0),
        rules=[{"exit_codes": [10], "recovery_script": "./recovery.sh"}],
    )
    ran = run(client, workflow_id, Path("out"))
    job_id = ran.jobs()["fixable"].id
    assert ran.statuses() == {"fixable": "completed"}
    assert ran.log("fixable", "recovery.log").splitlines() == [
        f"fixable {job_id} {workflow_id} 1 10",
        f"{tmp_path / 'out'} {client.url}",
    ]


@pytest.mark.parametrize(
    ("script", "word"),
    [("exit 4", "exited with 4"), ("./absent.sh", "127"), ("/dev/null", "chmod +x"), ("kill -9 $$", "SIGKILL")],
)
def test_when_the_recovery_script_fails_the_job_has_failed(
    client: TorcClient, tmp_path: Path, script: str, word: str
) -> None:
    rules = [{"match_all_exit_codes": True, "recovery_script": script}]
    ran = run(client, create(client, job("bad", "exit 10", failure_handler=0), rules=rules), tmp_path / "out")
    assert ran.statuses() == {"bad": "failed"}
    assert [word in str(event.text) for event in ran.events if isinstance(event, Notice)] == [True]
    assert ran.results("bad")[0].return_code == 10


def test_a_recovery_script_that_hangs_is_ended_at_its_limit(client: TorcClient, tmp_path: Path) -> None:
    script = f"sleep 60; touch {tmp_path}/ended-by-itself"
    rules = [{"exit_codes": [10], "recovery_script": script, "recovery_timeout_s": 0.3}]
    ran = run(client, create(client, job("bad", "exit 10", failure_handler=0), rules=rules), tmp_path / "out")
    assert not (tmp_path / "ended-by-itself").exists()
    assert ran.statuses() == {"bad": "failed"}
    assert any("limit of 0.3 s" in str(event.text) for event in ran.events if isinstance(event, Notice))


def test_other_jobs_go_on_while_a_recovery_script_runs_and_its_resources_stay_reserved(
    client: TorcClient, tmp_path: Path
) -> None:
    rules = [
        {"exit_codes": [10], "recovery_script": f"date +%s.%N > {tmp_path}/a; sleep 0.5; date +%s.%N > {tmp_path}/b"}
    ]
    jobs = [job("bad", '[ "$TORC_ATTEMPT_ID" = 2 ] || exit 10', failure_handler=0)]
    jobs += [job(f"j{n}", "date +%s.%N; sleep 0.1; date +%s.%N") for n in range(6)]
    ran = run(client, create(client, *jobs, rules=rules), tmp_path / "out", num_cpus=2)
    assert ran.summary.completed == 7
    begin, end = (float((tmp_path / name).read_text()) for name in "ab")
    spans = [tuple(float(line) for line in ran.log(f"j{n}").split()) for n in range(6)]
    during = [(first, last) for first, last in spans if first < end and last > begin]
    assert len(during) >= 2
    assert all(not (a < d and c < b) for i, (a, b) in enumerate(during) for c, d in during[i + 1 :])


def test_the_evidence_holds_the_cause_within_bounds_and_without_control_characters(
    client: TorcClient, tmp_path: Path
) -> None:
    noise = 'for i in $(seq 20000); do echo "line $i of the log" >&2; done'
    command = f"{noise}; printf 'ValueError: \\033[31mbad\\033[0m \\377 input\\n' >&2; exit 3"
    ran = run(client, create(client, command), tmp_path / "out")
    evidence = client.job_evidence(ran.jobs()["job1"].id or 0).evidence
    assert "ValueError: bad \ufffd input" in evidence.stderr_tail
    assert len(evidence.model_dump_json().encode()) <= 16 * 1024
    assert (evidence.return_code, evidence.truncated, evidence.node) == (3, True, os.uname().nodename)
    assert evidence.runtime_s is not None and evidence.peak_memory_bytes is not None
    assert evidence.memory_limit_bytes is None


def test_standard_output_speaks_when_standard_error_is_silent(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, "echo 'ERROR: mesh is empty'; exit 3"), tmp_path / "out")
    evidence = client.job_evidence(ran.jobs()["job1"].id or 0).evidence
    assert (evidence.stderr_tail, evidence.stdout_tail) == ("", "ERROR: mesh is empty")


def test_progress_is_reported(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, job("flaky", FAIL_TWICE, failure_handler=0), rules=[{"exit_codes": [10]}])
    ran = run(client, workflow_id, tmp_path / "out")
    ends = [event for event in ran.events if isinstance(event, JobEnded)]
    assert [(end.attempt_id, end.return_code, end.will_retry) for end in ends] == [
        (1, 10, True),
        (2, 10, True),
        (3, 0, False),
    ]
