"""Rules in their order; the first that matches decides."""

import json
from typing import Any

import pytest

from runner.process.failure_rules import Exhausted, NoRule, TryAgain, first_match, read_rules
from torc_core.api.failure_handlers import FailureHandlerModel, FailureRule


def rules(*raw: dict[str, Any]) -> tuple[FailureRule, ...]:
    found = read_rules(FailureHandlerModel(workflow_id=1, name="h", rules=json.dumps(raw)))
    assert found is not None
    return found


def verdict(found: tuple[FailureRule, ...], code: int, attempt: int = 1, faults: int = 0) -> object:
    return first_match(found, code, attempt_id=attempt, infrastructure_faults=faults)


def test_a_code_that_no_rule_lists_is_nobodys_decision() -> None:
    assert verdict(rules({"exit_codes": [10]}), 1) == NoRule()


def test_the_first_rule_that_matches_wins_even_a_catch_all() -> None:
    found = rules({"match_all_exit_codes": True, "max_retries": 2}, {"exit_codes": [10], "max_retries": 9})
    assert verdict(found, 10) == TryAgain(found[0])


@pytest.mark.parametrize(("attempt", "kind"), [(1, TryAgain), (2, TryAgain), (3, Exhausted), (4, Exhausted)])
def test_three_retries_allow_attempts_one_two_and_three(attempt: int, kind: type) -> None:
    found = rules({"exit_codes": [10]})
    assert isinstance(verdict(found, 10, attempt), kind)


def test_infrastructure_faults_are_not_charged() -> None:
    found = rules({"exit_codes": [10], "max_retries": 2})
    assert verdict(found, 10, 3, 2) == TryAgain(found[0])


def test_rules_that_are_no_rules_are_distinguished_from_no_rules() -> None:
    assert read_rules(FailureHandlerModel(workflow_id=1, name="h", rules="nonsense")) is None
    assert read_rules(FailureHandlerModel(workflow_id=1, name="h", rules="[]")) == ()
