"""What `torc run` says at its end, and when somebody interrupts it before its runner works."""

from pathlib import Path
from typing import NoReturn

import pytest

from runner.base.settings import RunnerOptions
from torc_cli.commands import run_rounds
from torc_cli.commands.run_again import RecoveryByOthers
from torc_cli.render.run_report import report_text
from torc_cli.session.options import GlobalOptions
from torc_cli.session.session import Session
from torc_core.api.failures import FailureGroup
from torc_core.api.workflows import WorkflowStatusModel

STATUS = WorkflowStatusModel.model_validate(
    {
        "workflow_id": 7,
        "workflow_name": "w",
        "workflow_user": "me",
        "run_id": 1,
        "total_jobs": 1,
        "jobs_by_status": {"failed": 1},
        "total_exec_time_minutes": 0,
        "active_compute_nodes": 0,
        "pending_scheduled_nodes": 0,
        "active_scheduled_nodes": 0,
        "is_complete": True,
        "is_canceled": False,
    }
)


def group(cause: str, reason: str) -> FailureGroup:
    suggestion = {"class": "transient", "action": "retry", "category": "other", "confidence": 0.9, "rule": "r"}
    sample = {"job_id": 1, "job_name": "a", "run_id": 1, "attempt_id": 1, "return_code": 143}
    values = {"signature": "s", "cause": cause, "count": 1, "job_ids": [1]}
    return FailureGroup.model_validate(values | {"suggestion": suggestion | {"reason": reason}, "sample": sample})


@pytest.mark.parametrize(
    ("cause", "reason", "lines"),
    [
        ("HTTP 503", "The server was busy.", ["  Job 1 (a): return code 143, HTTP 503", "    The server was busy."]),
        ("It was stopped.", "It was stopped.", ["  Job 1 (a): return code 143, It was stopped."]),
    ],
)
def test_a_cause_that_is_its_own_reason_is_printed_once(cause: str, reason: str, lines: list[str]) -> None:
    report = report_text(STATUS, [group(cause, reason)], "it is complete")
    assert report[2 : 2 + len(lines)] == lines
    assert "The workflow is complete" in str(report[2 + len(lines)])


def test_an_interrupted_run_says_how_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_rounds, "_make_ready", interrupt)
    with Session(GlobalOptions(standalone=True), name="run") as session, pytest.raises(KeyboardInterrupt):
        options = RunnerOptions(output_dir=Path("output"))
        run_rounds.make_ready_and_run(session, 7, options, RecoveryByOthers(session=session), force=False)
    assert capsys.readouterr().err == "Interrupted. To go on: torc -s run 7\n"
