"""Classifies a failed attempt, by facts first and texts second; makes no suggestion when both are unsure."""

from torc_core.evidence.record import Evidence
from torc_core.triage.cause_line import Reading
from torc_core.triage.facts import assess_facts, assess_hints
from torc_core.triage.suggestion import Suggestion, quote_line

MIN_CONFIDENCE = 0.5
"""A suggestion less sure than this is not made."""


def classify_reading(evidence: Evidence, reading: Reading | None) -> Suggestion | None:
    """Return the suggestion for evidence whose texts were read; None when neither facts nor texts are sure enough."""
    fact = assess_facts(evidence)
    by_text = None if reading is None else _suggest(reading)
    if fact is not None:
        # a text of the same class names more than the fact does: which file, which remedy
        return by_text if by_text is not None and by_text.class_ == fact.class_ and by_text.confidence > 0.8 else fact
    if by_text is not None and by_text.rule == "slurm-cancelled-unknown":
        # somebody cancelled it: only they know whether it should run again, so nothing is suggested
        return None
    hint = assess_hints(evidence)
    if by_text is None or reading is None:
        return hint
    if hint is not None and (reading.hit.pattern.rank == "symptom" or by_text.confidence < hint.confidence - 0.15):
        return hint
    return by_text if by_text.confidence >= MIN_CONFIDENCE else hint


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
    )
