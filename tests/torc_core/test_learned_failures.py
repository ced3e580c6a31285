"""What the outcomes of decisions teach about a signature."""

from typing import Any

import pytest

from torc_core.api.failures import DecisionModel
from torc_core.evidence.record import Evidence
from torc_core.recovery.learning import label_of, learn


def _decision(action: str = "retry", outcome: str = "succeeded", kind: str = "person", **more: Any) -> DecisionModel:
    fields: dict[str, Any] = {
        "id": 1, "workflow_id": 1, "job_id": 1, "job_name": "a", "run_id": 1, "attempt_id": 1, "signature": "s",
        "action": action, "reason": "r", "actor": {"kind": kind, "name": "n"}, "decided_at": "2026-01-01T00:00:00Z",
        "outcome": outcome,
    }  # fmt: skip
    return DecisionModel.model_validate(fields | more)


AGAIN = _decision(outcome="failed_again")


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([_decision()], ("transient", "retry")),
        ([_decision(memory="8g"), _decision(memory="8g"), _decision()], ("oom", "retry")),
        ([_decision(runtime="PT2H")], ("timeout", "retry")),
        ([_decision("fail", "not_run")], ("permanent", "fail")),
        ([_decision("fail", "not_run", kind="agent")], None),
        ([AGAIN], None),
        ([AGAIN, _decision(outcome="failed_again", attempt_id=2)], ("permanent", "fail")),
        ([AGAIN, _decision(outcome="failed_again", attempt_id=2), _decision()], None),
        ([_decision("fail", "not_run"), _decision(outcome="open")], None),
    ],
)
def test_outcomes_teach_what_cured_a_failure_or_that_nothing_did(
    decisions: list[DecisionModel], expected: tuple[str, str] | None
) -> None:
    assert label_of(decisions) == expected


def test_a_lesson_carries_a_text_without_credentials() -> None:
    evidence = Evidence(return_code=3, stderr_tail="login with password=hunter2secret99\nbroken")
    lesson = learn("s", [_decision()], cause="broken", evidence=evidence)
    assert "hunter2secret99" not in lesson.text
    assert (lesson.return_code, lesson.decided, lesson.succeeded) == (3, 1, 1)
