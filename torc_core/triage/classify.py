"""Classifies a failed attempt, by facts first and texts second; makes no suggestion when both are unsure."""

from typing import Final, NamedTuple

from torc_core.evidence.record import Evidence
from torc_core.triage.cause_line import CauseReading, Reading
from torc_core.triage.combine import combine, weigh
from torc_core.triage.facts import assess_facts, assess_hints
from torc_core.triage.measured import NEAR_LIMIT, is_late, memory_share
from torc_core.triage.suggestion import Leaning, Suggestion, quote_line
from torc_core.triage.words import load_word_model

_SURE_FACT: Final = 0.75
"""A hint at least this sure needs no words; a weaker one, as of most signals, is weighed against them."""

_CONFIRMED: Final = 0.93
"""How sure a claim of a text is that measured facts confirm."""

_UP: Final = "Give it more runtime."
_NOT_UP: Final = "It raises a limit that is not the job's: set it in the program that names it."


class ByRules(NamedTuple):
    """What facts and patterns suggest without the word model; `is_final` where words are not asked."""

    suggestion: Suggestion | None
    is_final: bool


class Classified(NamedTuple):
    """The suggestion for an attempt, None where it is unsure, and what it leans to."""

    suggestion: Suggestion | None
    leaning: Leaning | None = None


def classify_reading(evidence: Evidence, read: CauseReading) -> Classified:
    """Return the suggestion for evidence whose texts were read; none when neither facts nor texts are sure enough."""
    by_rules = suggest_by_rules(evidence, read.reading)
    if by_rules.is_final:
        return Classified(_limit(by_rules.suggestion, evidence))
    model = load_word_model()
    words = model.opinion(evidence, without={doubt.message for doubt in read.doubts})
    leaning = weigh(by_rules.suggestion, words, temperature=model.temperature)
    doubted = {doubt.pattern.class_ for doubt in read.doubts}
    return Classified(_limit(combine(by_rules.suggestion, words, leaning, doubted), evidence), leaning)


def suggest_by_rules(evidence: Evidence, reading: Reading | None) -> ByRules:
    """Return what facts and patterns suggest. Facts and a scheduler's verdict stand above the words of a log."""
    fact = assess_facts(evidence)
    by_text = None if reading is None else _suggest(reading)
    if fact is not None:
        # a text of the same class names more than the fact does: which file, which remedy
        names_more = by_text is not None and by_text.class_ == fact.class_ and by_text.confidence > 0.8
        return ByRules(by_text if names_more else fact, is_final=True)
    if by_text is not None and by_text.rule == "slurm-cancelled-unknown":
        # somebody cancelled it: only they know whether it should run again, so nothing is suggested
        return ByRules(None, is_final=True)
    hint = assess_hints(evidence)
    chosen = _choose(reading, by_text, hint)
    is_sure_hint = hint is not None and chosen is hint and hint.confidence >= _SURE_FACT
    if reading is not None and chosen is by_text and chosen is not None and _is_confirmed(evidence, reading):
        return ByRules(chosen.model_copy(update={"confidence": max(chosen.confidence, _CONFIRMED)}), is_final=True)
    is_proof = reading is not None and reading.hit.pattern.rank == "proof"
    return ByRules(chosen, is_final=is_sure_hint or is_proof)


def _is_confirmed(evidence: Evidence, reading: Reading) -> bool:
    """Return whether a kill for memory that the text names was measured, too."""
    share = memory_share(evidence)
    return reading.hit.pattern.measured == "memory" and share is not None and share >= NEAR_LIMIT


def _choose(reading: Reading | None, by_text: Suggestion | None, hint: Suggestion | None) -> Suggestion | None:
    """Return what the rules suggest: a text, or a hint of the facts where that is the surer."""
    if by_text is None or reading is None:
        return hint
    if hint is not None and (reading.hit.pattern.rank == "symptom" or by_text.confidence < hint.confidence - 0.15):
        return hint
    return by_text


def _limit(suggestion: Suggestion | None, evidence: Evidence) -> Suggestion | None:
    """Return the suggestion with a raise of the job's runtime where that ran out, and without one where it did not."""
    if suggestion is None or suggestion.class_ != "timeout":
        return suggestion
    late = is_late(evidence)
    if late is None or late is (suggestion.action == "retry"):
        return suggestion
    if late:
        return suggestion.model_copy(update={"action": "retry", "runtime_helps": True, "advice": _UP})
    return suggestion.model_copy(update={"action": "fail", "runtime_helps": False, "advice": _NOT_UP})


def _suggest(reading: Reading) -> Suggestion:
    pattern = reading.hit.pattern
    return Suggestion(
        class_=pattern.class_,
        action=pattern.chosen_action,
        category=pattern.category,
        confidence=reading.confidence,
        reason=pattern.reason,
        evidence_line=quote_line(reading.line),
        rule=pattern.id,
        advice=pattern.advice,
        memory_helps=pattern.helped_by_memory,
        runtime_helps=pattern.helped_by_runtime,
    )
