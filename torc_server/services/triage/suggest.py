"""What is suggested for a group of failures: the rules' word, corrected by what became of earlier decisions.

A signature hides hosts and paths, so what happened in other workflows may have happened to something else.
"""

from typing import Final

from torc_core.triage.pattern_library import Action
from torc_core.triage.suggestion import Suggestion
from torc_server.db.queries.triage.failures import History

ROUNDS_BEFORE_PERMANENT: Final = 2
"""Retries of one attempt number of one run happen together and share their luck: they count once."""

SURE: Final = 0.9
"""From here on a person's earlier decision does not overrule the rules."""


SURE_ELSEWHERE: Final = 0.75
"""The most that other workflows alone are worth: less than what is needed to act on it unasked."""

_NOTHING: Final = History()


def suggest(
    rules: Suggestion | None, history: History, *, elsewhere: History = _NOTHING, cause: str = ""
) -> Suggestion | None:
    """What is observed stands above what people decided, and that above what the rules are not sure of.

    `history` is that of the workflow itself; `elsewhere` speaks only where the rules are silent, or agrees with them.
    A retry with more memory or time says nothing about a plain one, so both are counted apart.
    """
    if rules is not None and rules.class_ in ("oom", "timeout"):
        return _not_helped(rules, history) or rules
    own = _observed(rules, history, cause) or _learned(rules, history, cause)
    return own or _informed(rules, elsewhere, cause)


def _informed(rules: Suggestion | None, elsewhere: History, cause: str) -> Suggestion | None:
    """The rules' word, surer where other workflows agree; theirs where there is none."""
    observed = _observed(None, elsewhere, cause)
    other = observed or _learned(None, elsewhere, cause)
    if other is None:
        return rules
    reason = f"In other workflows {other.reason[0].lower()}{other.reason[1:]}"
    if rules is None:
        rule = "observed-elsewhere" if observed else "learned-elsewhere"
        confidence = min(other.confidence, SURE_ELSEWHERE)
        return other.model_copy(update={"reason": reason, "rule": rule, "confidence": confidence})
    if rules.action != other.action or rules.confidence >= other.confidence:
        return rules
    return rules.model_copy(update={"reason": f"{rules.reason} {reason}", "confidence": other.confidence})


def _not_helped(rules: Suggestion, history: History) -> Suggestion | None:
    rounds = history.raised_failed_rounds
    if rounds < ROUNDS_BEFORE_PERMANENT or history.raised_succeeded:
        return None
    what = "memory" if rules.class_ == "oom" else "time"
    return rules.model_copy(
        update={
            "class_": "permanent",
            "action": "fail",
            "confidence": _share(rounds, 0),
            "reason": f"It failed alike in {rounds} rounds of retries with more {what}, and never succeeded.",
            "advice": f"Find out why it needs so much {what}.",
            "rule": "observed-permanent",
            "memory_helps": False,
        }
    )


def _observed(rules: Suggestion | None, history: History, cause: str) -> Suggestion | None:
    succeeded, rounds = history.plain_succeeded, history.plain_failed_rounds
    if rounds >= ROUNDS_BEFORE_PERMANENT and not history.succeeded:
        reason = f"It failed alike in {rounds} rounds of retries, and never succeeded."
        return Suggestion(
            class_="permanent",
            action="fail",
            category=rules.category if rules else "unknown",
            confidence=_confirmed(rules, "fail", _share(rounds, 0)),
            reason=reason,
            evidence_line=rules.evidence_line if rules else cause,
            rule="observed-permanent",
            advice=rules.advice if rules and rules.class_ == "permanent" else "Mend the cause before it runs again.",
        )
    if succeeded and succeeded >= history.failed_again:
        return Suggestion(
            class_="transient",
            action="retry",
            category=rules.category if rules else "unknown",
            confidence=_confirmed(rules, "retry", _share(succeeded, history.failed_again)),
            reason=f"{succeeded} of {succeeded + history.failed_again} earlier retries succeeded.",
            evidence_line=rules.evidence_line if rules else cause,
            rule="observed-transient",
            advice="Run it again.",
        )
    return None


def _learned(rules: Suggestion | None, history: History, cause: str) -> Suggestion | None:
    """What people decided every time; agents teach by what came of their retries only."""
    retried, failed = history.people_retried, history.people_failed
    if bool(retried) is bool(failed) or (rules is not None and rules.confidence >= SURE):
        return None
    action = "retry" if retried else "fail"
    if rules is not None and rules.action == action:
        return None
    times = retried or failed
    return Suggestion(
        class_="transient" if retried else "permanent",
        action=action,
        category=rules.category if rules else "unknown",
        confidence=_share(times, 0) - 0.1,
        reason=f"People decided {action} each of the {times} times before."
        if times > 1
        else f"A person decided {action} before.",
        evidence_line=rules.evidence_line if rules else cause,
        rule="learned",
        advice="",
    )


def _confirmed(rules: Suggestion | None, action: Action, observed: float) -> float:
    """What is seen to be as the rules say makes them no less sure."""
    return max(observed, rules.confidence) if rules is not None and rules.action == action else observed


def _share(for_it: int, against: int) -> float:
    """How likely the next one goes the same way (rule of succession)."""
    return round((for_it + 1) / (for_it + against + 2), 2)
