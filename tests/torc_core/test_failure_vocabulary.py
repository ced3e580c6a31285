"""The words for failures map to each other in one table, and the documents show all of them."""

import re
from pathlib import Path
from typing import get_args

import pytest

from torc_core.evidence.attempt import Cause
from torc_core.evidence.record import Evidence, RunnerVerdict
from torc_core.recovery.plan import WhySkipped
from torc_core.triage.assess import assess
from torc_core.triage.pattern_library import FailureClass, Rank
from torc_core.triage.vocabulary import VERDICTS, cause_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "failure-words.md"


def test_every_verdict_of_the_runner_has_a_meaning_or_says_that_it_has_none() -> None:
    assert set(VERDICTS) == set(get_args(RunnerVerdict))


@pytest.mark.parametrize("verdict", [verdict for verdict, meaning in VERDICTS.items() if meaning is not None])
def test_a_verdict_stands_above_every_text(verdict: RunnerVerdict) -> None:
    text = "ConnectionError: connection refused\nslurmstepd: error: Detected 1 oom_kill event\n"
    found = assess(Evidence(return_code=1, verdict=verdict, stderr_tail=text)).facts
    meaning = VERDICTS[verdict]
    assert found is not None
    assert meaning is not None
    assert (found.class_, found.category, found.rule) == (meaning.class_, meaning.category, meaning.rule)


@pytest.mark.parametrize(
    ("class_", "category", "cause"),
    [
        ("oom", "gpu_memory", Cause.OOM),
        ("timeout", "walltime", Cause.TIMEOUT),
        ("transient", "hardware", Cause.NODE_FAILURE),
        ("transient", "scheduling", Cause.PREEMPTED),
        ("transient", "network", None),
        ("permanent", "hardware", None),
    ],
)
def test_recovery_acts_on_memory_time_and_infrastructure_alone(
    class_: FailureClass, category: str, cause: Cause | None
) -> None:
    assert cause_of(class_, category) is cause


def test_the_page_about_failures_shows_every_word() -> None:
    shown = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    words = {*get_args(RunnerVerdict), *get_args(FailureClass), *get_args(Rank), *get_args(WhySkipped), *Cause}
    assert words - shown == set()
