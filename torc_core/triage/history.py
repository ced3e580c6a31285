"""Corrects the suggestion of the rules by the outcomes of earlier decisions on the same signature."""

from typing import Final, NamedTuple

from torc_core.triage.pattern_library import Action
from torc_core.triage.suggestion import Suggestion

ROUNDS_BEFORE_PERMANENT: Final = 2
"""Rounds of retries that failed alike before a failure counts as permanent.

Retries of one attempt number of one run are one round: they happen together, so one outage can fail them all.
"""

SURE: Final = 0.9
"""Confidence of the rules from which a person's earlier decision does not overrule them."""

SURE_ELSEWHERE: Final = 0.75
"""The highest confidence that outcomes in other workflows can give alone.

A signature hides hosts and paths, so another workflow may have had another failure; the bound stays below what the
rules agent needs to act unasked (MIN_CONFIDENCE of recovery, 0.8).
"""

SURE_ALIKE: Final = 0.7
"""The same for outcomes of other causes whose words are much the same: the one word that differs may be the cause."""


class History(NamedTuple):
    """Outcomes of the decisions on one signature; a round is one attempt number of one run of one workflow.

    Plain retries kept memory and runtime as they were. `people_…` counts what people decided or approved.
    """

    retried: int = 0
    succeeded: int = 0
    failed_again: int = 0
    failed: int = 0
    plain_succeeded: int = 0
    plain_failed_rounds: int = 0
    raised_succeeded: int = 0
    raised_failed_rounds: int = 0
    people_retried: int = 0
    people_failed: int = 0


_NOTHING: Final = History()


def apply_history(
    rules: Suggestion | None,
    history: History,
    *,
    elsewhere: History = _NOTHING,
    alike: History = _NOTHING,
    cause: str = "",
) -> Suggestion | None:
    """Return the suggestion of the rules, corrected by the history of the signature; None when nothing is known.

    Observed outcomes stand above what people decided, and that above rules that are not sure. `history` is that of
    the workflow itself; `elsewhere` counts only where the rules suggest nothing or the same, and `alike`, that of other
    signatures whose words are much the same, where neither knows this one. `cause` is quoted where the rules quote no
    line. A retry with more memory or time proves nothing about a plain one: both are counted apart.
    """
    if rules is not None and rules.class_ in ("oom", "timeout"):
        return _not_helped(rules, history) or rules
    own = _observed(rules, history, cause) or _learned(rules, history, cause)
    if own is not None or (history, elsewhere) != (_NOTHING, _NOTHING):
        return own or _confirm(rules, elsewhere, cause, _ELSEWHERE)
    return _confirm(rules, alike, cause, _ALIKE)


class _Source(NamedTuple):
    """Where outcomes come from that are not this signature's in this workflow, and how sure they can make."""

    name: str
    words: str
    most: float


_ELSEWHERE: Final = _Source("elsewhere", "In other workflows", SURE_ELSEWHERE)
_ALIKE: Final = _Source("alike", "Of failures that read alike:", SURE_ALIKE)


def _confirm(rules: Suggestion | None, elsewhere: History, cause: str, source: _Source) -> Suggestion | None:
    """Return the suggestion of the rules, surer where the source agrees; that of the source where they have none."""
    observed = _observed(None, elsewhere, cause)
    other = observed or _learned(None, elsewhere, cause)
    if other is None:
        return rules
    reason = f"{source.words} {other.reason[0].lower()}{other.reason[1:]}"
    if rules is None:
        rule = f"observed-{source.name}" if observed else f"learned-{source.name}"
        confidence = min(other.confidence, source.most)
        return other.model_copy(update={"reason": reason, "rule": rule, "confidence": confidence})
    confidence = other.confidence if source is _ELSEWHERE else min(other.confidence, source.most)
    if rules.action != other.action or rules.confidence >= confidence:
        return rules
    return rules.model_copy(update={"reason": f"{rules.reason} {reason}", "confidence": confidence})


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
            confidence=_confidence(rules, "fail", _share(rounds, 0)),
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
            confidence=_confidence(rules, "retry", _share(succeeded, history.failed_again)),
            reason=f"{succeeded} of {succeeded + history.failed_again} earlier retries succeeded.",
            evidence_line=rules.evidence_line if rules else cause,
            rule="observed-transient",
            advice="Run it again.",
        )
    return None


def _learned(rules: Suggestion | None, history: History, cause: str) -> Suggestion | None:
    """Return what people decided every time. Of agents only the outcomes of retries count, never their decisions."""
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


def _confidence(rules: Suggestion | None, action: Action, observed: float) -> float:
    """Return the observed confidence, or that of the rules where they suggest the same and are surer."""
    return max(observed, rules.confidence) if rules is not None and rules.action == action else observed


def _share(for_it: int, against: int) -> float:
    """Return how likely the next one ends the same way (rule of succession)."""
    return round((for_it + 1) / (for_it + against + 2), 2)
