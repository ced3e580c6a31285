"""How outcomes of earlier decisions correct the suggestion of the rules."""

import pytest

from torc_core.triage.history import History, apply_history
from torc_core.triage.suggestion import Suggestion


def _rules(class_: str, action: str, confidence: float = 0.7) -> Suggestion:
    return Suggestion.model_validate(
        {
            "class": class_,
            "action": action,
            "category": "network",
            "confidence": confidence,
            "reason": "r",
            "rule": "a-rule",
        }
    )


TRANSIENT = _rules("transient", "retry")
PERMANENT = _rules("permanent", "fail")
OOM = _rules("oom", "retry")


def _rule_and_action(suggestion: Suggestion | None) -> tuple[str, str] | None:
    return None if suggestion is None else (suggestion.rule, suggestion.action)


@pytest.mark.parametrize(
    ("rules", "history", "expected"),
    [
        (None, History(), None),
        (TRANSIENT, History(), ("a-rule", "retry")),
        (TRANSIENT, History(retried=2, failed_again=2, plain_failed_rounds=1), ("a-rule", "retry")),
        (TRANSIENT, History(retried=2, failed_again=2, plain_failed_rounds=2), ("observed-permanent", "fail")),
        (TRANSIENT, History(retried=3, succeeded=1, failed_again=2, plain_failed_rounds=2), ("a-rule", "retry")),
        (PERMANENT, History(retried=1, succeeded=1, plain_succeeded=1), ("observed-transient", "retry")),
        (PERMANENT, History(retried=1, succeeded=1, raised_succeeded=1), ("a-rule", "fail")),
        (PERMANENT, History(retried=3, succeeded=1, plain_succeeded=1, failed_again=2), ("a-rule", "fail")),
        (None, History(failed=1, people_failed=1), ("learned", "fail")),
        (None, History(retried=1, people_retried=1), ("learned", "retry")),
        (None, History(retried=1, failed=1, people_retried=1, people_failed=1), None),
        (TRANSIENT, History(failed=2, people_failed=2), ("learned", "fail")),
        (_rules("transient", "retry", 0.95), History(failed=2, people_failed=2), ("a-rule", "retry")),
        (TRANSIENT, History(failed=2), ("a-rule", "retry")),
        (OOM, History(retried=2, failed_again=2, plain_failed_rounds=2), ("a-rule", "retry")),
        (OOM, History(retried=2, failed_again=2, raised_failed_rounds=2), ("observed-permanent", "fail")),
        (OOM, History(retried=3, raised_succeeded=1, raised_failed_rounds=2), ("a-rule", "retry")),
        (OOM, History(retried=1, succeeded=1, plain_succeeded=1), ("a-rule", "retry")),
    ],
)
def test_observation_stands_above_people_and_people_above_unsure_rules(
    rules: Suggestion | None, history: History, expected: tuple[str, str] | None
) -> None:
    assert _rule_and_action(apply_history(rules, history)) == expected


AGAIN = History(retried=2, failed_again=2, plain_failed_rounds=2)
WELL = History(retried=9, succeeded=9, plain_succeeded=9)


@pytest.mark.parametrize(
    ("rules", "elsewhere", "expected"),
    [
        (TRANSIENT, AGAIN, ("a-rule", "retry")),
        (TRANSIENT, History(failed=9, people_failed=9), ("a-rule", "retry")),
        (PERMANENT, WELL, ("a-rule", "fail")),
        (OOM, History(retried=2, failed_again=2, raised_failed_rounds=2), ("a-rule", "retry")),
        (None, AGAIN, ("observed-elsewhere", "fail")),
        (None, WELL, ("observed-elsewhere", "retry")),
        (None, History(failed=9, people_failed=9), ("learned-elsewhere", "fail")),
        (None, History(), None),
    ],
)
def test_other_workflows_never_overrule_the_rules(
    rules: Suggestion | None, elsewhere: History, expected: tuple[str, str] | None
) -> None:
    found = apply_history(rules, History(), elsewhere=elsewhere)
    assert _rule_and_action(found) == expected
    if rules is None and found is not None:
        assert found.reason.startswith("In other workflows ")
        assert found.confidence < 0.8


def test_other_workflows_make_the_rules_surer_where_they_agree() -> None:
    agreed = apply_history(TRANSIENT, History(), elsewhere=WELL)
    assert agreed is not None
    assert (agreed.confidence, agreed.reason) == (0.91, "r In other workflows 9 of 9 earlier retries succeeded.")
    contradicted = apply_history(TRANSIENT, History(), elsewhere=AGAIN)
    assert contradicted == TRANSIENT


def test_the_own_workflow_stands_above_all_others() -> None:
    assert _rule_and_action(apply_history(TRANSIENT, AGAIN, elsewhere=WELL)) == ("observed-permanent", "fail")
    assert _rule_and_action(apply_history(None, AGAIN, elsewhere=WELL)) == ("observed-permanent", "fail")


def test_what_is_observed_keeps_what_the_rules_quote() -> None:
    rules = TRANSIENT.model_copy(update={"evidence_line": "Connection refused"})
    found = apply_history(rules, History(retried=2, failed_again=2, plain_failed_rounds=2), cause="else")
    assert found is not None
    assert (found.class_, found.category, found.evidence_line) == ("permanent", "network", "Connection refused")
