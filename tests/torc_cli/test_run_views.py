"""What `torc run` shows while it goes on."""

import pytest

from runner.base.progress import JobEnded, JobStarted, Notice
from torc_cli.render.run_progress import Counts, Lines, Silent
from torc_core.jobs.status import JobStatus


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ended(job_id: int, status: JobStatus = JobStatus.COMPLETED, *, will_retry: bool = False) -> JobEnded:
    return JobEnded(job_id, f"job{job_id}", 1, status, 0 if status == "completed" else 3, 0.1, will_retry)


def test_plain_lines_come_at_most_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Lines(Counts(total=1000, done=0), clock=clock) as view:
        for job_id in range(1000):
            clock.now += 0.002
            view(JobStarted(job_id, f"job{job_id}", 1))
            view(ended(job_id))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 3
    assert lines[-1] == "1000/1000 jobs completed, 0 running"


def test_failures_are_named_until_there_are_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(Counts(total=100, done=0), clock=Clock()) as view:
        for job_id in range(100):
            view(JobStarted(job_id, f"job{job_id}", 1))
            view(ended(job_id, JobStatus.FAILED, will_retry=job_id == 0))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Job 0 (job0) ended with return code 3, attempt 1, will be retried"
    assert len(lines) == 22
    assert lines[-1] == "0/100 jobs completed, 0 running, 99 failed, 1 retried"


def test_programs_hear_of_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    with Silent(Counts(total=1, done=0)) as view:
        view(Notice("info", "all is well"))
        view(ended(1))
        view(Notice("warning", "the disk is nearly full"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Warning: the disk is nearly full\n"
