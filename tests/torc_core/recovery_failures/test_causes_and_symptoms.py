"""Verdicts that are broken in two count as one, and of chained exceptions the first is the cause."""

import pytest

from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.triage.assess import Assessment, assess
from torc_core.triage.cause_line import join_wrapped

HOUR = {"runtime_s": 3600.0, "runtime_limit_s": 3600.0}


def _assess(text: str) -> Assessment:
    ended = SchedulerFacts(type="slurm", state="FAILED")
    return assess(Evidence(return_code=1, stderr_tail=text, scheduler=ended, **HOUR))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("slurmstepd: error: *** JOB 4711 ON cn001 CANCELLED AT 2024-03-01T10:11:12 DUE TO\nTIME LIMIT ***",
         "slurm-time-limit"),
        ("slurmstepd: error: *** JOB 4711 ON cn001 CANCELLED AT 2024-03-01T10:11:12\n DUE TO PREEMPTION ***\nbye",
         "slurm-preemption"),
        ("[err] SLURMSTEPD: ERROR: *** STEP 4711.0 ON CN001 CANCELLED AT 2024-03-01T10:11:12 DUE\nTO TIME LIMIT ***",
         "slurm-time-limit"),
    ],
)  # fmt: skip
def test_a_verdict_that_was_broken_in_two_is_read_as_one_line(text: str, rule: str) -> None:
    suggestion = _assess(text).suggestion
    assert suggestion is not None
    assert suggestion.rule == rule
    assert _assess(text).signature == _assess(text.replace("\n", " ", 1)).signature


@pytest.mark.parametrize(
    "text",
    [
        "slurmstepd: error: *** JOB 1 ON n1 CANCELLED AT 2024-03-01T10:11:12 DUE TO TIME LIMIT ***\n*** next ***",
        "slurmstepd: error: *** JOB 1 ON n1 CANCELLED AT 2024-03-01T10:11:12\nslurmstepd: error: *** STEP 1.0 ***",
        "no verdict at all, but a long line of words about slurm\nand another ***",
    ],
)
def test_what_is_whole_is_left_as_it_is(text: str) -> None:
    assert join_wrapped(text) == text


CHAIN = """Traceback (most recent call last):
  File "a.py", line 3, in f
OSError: [Errno 116] Stale file handle: '/x'

{link}:

Traceback (most recent call last):
  File "b.py", line 9, in g
{then}"""


@pytest.mark.parametrize(
    "link",
    [
        "The above exception was the direct cause of the following exception",
        "During handling of the above exception, another exception occurred",
    ],
)
def test_of_chained_exceptions_the_first_is_the_cause_and_what_handled_it_is_named(link: str) -> None:
    assessed = _assess(CHAIN.format(link=link, then="RuntimeError: cannot load the mesh"))
    assert assessed.suggestion is not None
    assert assessed.suggestion.action == "retry"
    assert (
        assessed.cause_line == "OSError: [Errno 116] Stale file handle: '/x' (then RuntimeError: cannot load the mesh)"
    )
    other = _assess(CHAIN.format(link=link, then="RuntimeError: cannot load the grid"))
    assert other.signature == assessed.signature


def test_the_last_cause_that_java_names_is_the_cause() -> None:
    text = (
        'Exception in thread "main" java.lang.RuntimeException: job failed\n\tat a.B.c(B.java:1)\n'
        "Caused by: java.net.ConnectException: Connection refused (Connection refused)\n\t... 12 more"
    )
    assert "ConnectException" in _assess(text).cause_line
