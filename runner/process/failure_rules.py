"""Finds the rule of a failure handler that decides about a failed attempt."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from torc_core.api.failure_handlers import FAILURE_RULES, FailureHandlerModel, FailureRule
from torc_core.jobs.lifecycle import may_retry


@dataclass(frozen=True, slots=True)
class NoRule:
    """No rule matches: the failure waits for a decision."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The rule matches, but allows no further attempt."""

    rule: FailureRule


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Another attempt, after the rule's recovery script if it has one."""

    rule: FailureRule


RuleDecision = NoRule | Exhausted | TryAgain


def read_rules(handler: FailureHandlerModel) -> tuple[FailureRule, ...] | None:
    """Return the handler's rules in their order, or None when they cannot be read."""
    try:
        return tuple(FAILURE_RULES.validate_json(handler.rules))
    except ValidationError:
        return None


def first_match(
    rules: Sequence[FailureRule], return_code: int, *, attempt_id: int, infrastructure_faults: int, lost_claims: int = 0
) -> RuleDecision:
    """Return what the first rule that matches decides."""
    for rule in rules:
        if rule.match_all_exit_codes or return_code in rule.exit_codes:
            again = may_retry(
                attempt_id,
                max_retries=rule.max_retries,
                infrastructure_faults=infrastructure_faults,
                lost_claims=lost_claims,
            )
            return TryAgain(rule) if again else Exhausted(rule)
    return NoRule()
