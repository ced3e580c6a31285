"""Adds to the suggestion of a retry how much memory or time it should get."""

from typing import assert_never

from torc_core.evidence.attempt import AttemptFacts
from torc_core.recovery.defaults import MEMORY_MULTIPLIER, RUNTIME_MULTIPLIER
from torc_core.recovery.heuristics import Raised, raise_memory, raise_runtime
from torc_core.resources.duration import format_duration
from torc_core.resources.memory import format_memory
from torc_core.triage.suggestion import Suggestion


def suggest_amounts(suggestion: Suggestion, facts: AttemptFacts) -> Suggestion:
    """Return the suggestion with the new memory or runtime of its retry, enough for the attempt `facts`.

    Suggestions that need neither stay as they are.
    """
    if suggestion.action != "retry":
        return suggestion
    match suggestion.class_:
        case "oom":
            memory = raise_memory(facts, multiplier=MEMORY_MULTIPLIER) if suggestion.memory_helps else None
            return _with(suggestion, memory=format_memory(memory.amount) if isinstance(memory, Raised) else None)
        case "timeout":
            runtime = raise_runtime(facts, multiplier=RUNTIME_MULTIPLIER)
            return _with(suggestion, runtime=format_duration(runtime.amount) if isinstance(runtime, Raised) else None)
        case "transient" | "permanent":
            return suggestion
        case unreachable:
            assert_never(unreachable)


def _with(suggestion: Suggestion, **amounts: str | None) -> Suggestion:
    return suggestion.model_copy(update=amounts)
