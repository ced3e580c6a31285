"""Decides, from facts first and texts second, why an attempt failed and what to do; abstains when unsure."""

from torc_core.evidence.record import Evidence
from torc_core.triage.cause_line import Reading, read_cause
from torc_core.triage.facts import assess_facts, assess_hints, refute
from torc_core.triage.pattern_library import load_library
from torc_core.triage.suggestion import Suggestion, quote_line

MIN_CONFIDENCE = 0.5
"""Below this nothing is said."""


def classify(evidence: Evidence) -> Suggestion | None:
    """Return the class of the failure and the action it calls for, or None when the evidence does not tell.

    Texts are data: they are matched against the pattern library and can never choose an action by
    themselves.
    """
    certain = assess_facts(evidence)
    if certain is not None and certain.confidence >= 1.0:
        return certain
    return classify_reading(evidence, read_cause(evidence, load_library()))


def classify_reading(evidence: Evidence, reading: Reading | None) -> Suggestion | None:
    """Return what `classify` says, for texts that were read already."""
    certain = assess_facts(evidence)
    said = None if reading is None else _suggest(reading)
    if said is not None and refute(evidence, said):
        said = None
    if certain is not None:
        # the text may know the cause better than the fact: which file, which remedy
        return said if said is not None and said.class_ == certain.class_ and said.confidence > 0.8 else certain
    if said is not None and said.rule == "slurm-cancelled-unknown":
        # a signal tells no more than that somebody cancelled it: only they know whether it should run again
        return None
    weak = assess_hints(evidence)
    if said is None or reading is None:
        return weak
    if weak is not None and (reading.hit.pattern.rank == "symptom" or said.confidence < weak.confidence - 0.15):
        return weak
    return said if said.confidence >= MIN_CONFIDENCE else weak


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
