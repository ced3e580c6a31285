"""Weighs the rule that matched and the words of the text against each other, and says how sure both together are."""

import math
from collections.abc import Collection, Mapping
from typing import Final

from torc_core.triage.pattern_library import Action, FailureClass
from torc_core.triage.suggestion import WORDS_RULE, Leaning, Suggestion
from torc_core.triage.words import LABELS, Label, WordOpinion

RULE_WEIGHT: Final = 4.0
"""Log-odds that a rule of confidence 1 adds to its label; chosen on the tune third."""

MIN_TO_SUGGEST: Final = 0.7
"""A class less likely than this is not suggested; chosen on the tune third, where less adds more wrong than right."""

MIN_ALONE: Final = 0.8
"""The same for words that contradict the rule, or stand where no rule matches: invented certainty costs retries."""

MOST: Final = 0.98
"""The highest confidence that texts alone can give."""

MIN_WITHOUT_WORDS: Final = 0.65
"""The same for a hint of signal or exit code where nothing was printed: SIGTERM or SIGKILL alone says little."""

_REASONS: Final[Mapping[Label, str]] = {
    ("oom", "retry"): "Its log reads like those of jobs that ran out of memory.",
    ("oom", "fail"): "Its log reads like those of jobs for which the memory of a device was too small.",
    ("timeout", "retry"): "Its log reads like those of jobs that ran out of time.",
    ("timeout", "fail"): "Its log reads like those of jobs that hit a time limit of their own program.",
    ("transient", "retry"): "Its log reads like those of failures that pass by themselves.",
    ("permanent", "fail"): "Its log reads like those of failures that come again with every attempt.",
}
_CATEGORIES: Final[Mapping[Label, str]] = {
    ("oom", "retry"): "memory",
    ("oom", "fail"): "device_memory",
    ("timeout", "retry"): "walltime",
    ("timeout", "fail"): "tool_limit",
    ("transient", "retry"): "network",
    ("permanent", "fail"): "unknown",
}


def weigh(rule: Suggestion | None, words: WordOpinion | None, *, temperature: float) -> Leaning | None:
    """Return the likeliest class and action of both together; None where neither says anything."""
    if words is None:
        if rule is None:
            return None
        return Leaning(class_=rule.class_, action=rule.action, confidence=rule.confidence, rule=rule.rule)
    log_odds = list(words.log_odds)
    if rule is not None:
        log_odds[LABELS.index((rule.class_, rule.action))] += RULE_WEIGHT * rule.confidence
    top = max(log_odds)
    shares = [math.exp((value - top) / temperature) for value in log_odds]
    by_class: dict[FailureClass, float] = {}
    by_action: dict[Action, float] = {}
    for (class_, action), share in zip(LABELS, shares, strict=False):  # the last share is for no class
        by_class[class_] = by_class.get(class_, 0.0) + share / sum(shares)
        by_action[action] = by_action.get(action, 0.0) + share / sum(shares)
    best = LABELS[max(range(len(LABELS)), key=shares.__getitem__)]
    return Leaning(
        class_=best[0],
        action=best[1],
        # of a suggestion both must be right
        confidence=round(min(by_class[best[0]], by_action[best[1]], MOST), 2),
        rule=None if rule is None else rule.rule,
        words=words.strongest(best),
    )


def combine(
    rule: Suggestion | None, words: WordOpinion | None, leaning: Leaning | None, doubted: Collection[FailureClass] = ()
) -> Suggestion | None:
    """Return the suggestion of rule and words together; None where they are not sure enough.

    Words alone never stand for a class that measured facts put in doubt.
    """
    if leaning is None or leaning.confidence < (MIN_TO_SUGGEST if words is not None else MIN_WITHOUT_WORDS):
        return None
    agrees = rule is not None and (rule.class_, rule.action) == (leaning.class_, leaning.action)
    if rule is not None and agrees:
        return rule.model_copy(update={"confidence": leaning.confidence, "words": leaning.words})
    if leaning.confidence < MIN_ALONE or leaning.class_ in doubted or words is None or not words.names_failure:
        return None
    label = (leaning.class_, leaning.action)
    return Suggestion(
        class_=leaning.class_,
        action=leaning.action,
        category=_CATEGORIES[label],
        confidence=leaning.confidence,
        reason=_REASONS[label],
        rule=WORDS_RULE,
        words=leaning.words,
        memory_helps=label == ("oom", "retry"),
        runtime_helps=label == ("timeout", "retry"),
    )
