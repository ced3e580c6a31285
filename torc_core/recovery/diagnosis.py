"""Diagnoses why an attempt failed: exactly one cause, from facts first, numbers second, texts last."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from torc_core.evidence.attempt import INFRASTRUCTURE, AttemptFacts, Cause, EarlierAttempt
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_core.triage.assess import assess
from torc_core.triage.facts import signal_name
from torc_core.triage.measured import is_late
from torc_core.triage.pattern_library import load_library
from torc_core.triage.suggestion import Suggestion
from torc_core.triage.vocabulary import VERDICTS, cause_of

_BETTER_THAN_137: Final = 0.8
"""A text must be this sure to explain exit code 137 by something else than memory."""

_LOST_RUNNER_RULES: Final = frozenset(
    meaning.rule for meaning in VERDICTS.values() if meaning is not None and meaning.cause is Cause.RUNNER_LOST
)

Basis = Literal["runner", "scheduler", "memory_exceeded", "sigkill_137", "near_runtime_limit", "sigxcpu_152",
                "status", "log", "none"]  # fmt: skip
"""The source that a diagnosis rests on."""


class Diagnosis(BaseModel):
    """One attempt with the cause of its end. `suggestion` is that of its texts, where they were needed."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    facts: AttemptFacts
    cause: Cause
    basis: Basis
    confidence: float
    reason: str
    suggestion: Suggestion | None = None

    def as_history(self) -> EarlierAttempt:
        """Return what a later attempt needs to know of this one."""
        return EarlierAttempt(
            run_id=self.facts.run_id,
            attempt_id=self.facts.attempt_id,
            cause=self.cause,
            memory_limit_bytes=self.facts.memory_limit_bytes,
            peak_memory_bytes=self.facts.peak_bytes,
        )


def diagnose(facts: AttemptFacts) -> Diagnosis:
    """Return the one cause of the attempt's end; `unknown` when the evidence does not show it."""
    evidence = _complete(facts)
    return (
        _by_runner_and_scheduler(facts, evidence)
        or _by_numbers(facts, evidence)
        or _by_status(facts)
        or _by_text(facts, evidence)
    )


def _by_runner_and_scheduler(facts: AttemptFacts, evidence: Evidence) -> Diagnosis | None:
    if evidence.verdict in ("oom", "timeout"):
        return _with_cause(facts, assess(evidence).facts, "runner")
    # before the runner: the scheduler knows why the runner itself was lost or stopped
    by_scheduler = _with_cause(facts, assess(Evidence(return_code=0, scheduler=evidence.scheduler)).facts, "scheduler")
    if by_scheduler is not None and not _is_end_of_others(by_scheduler, evidence):
        return by_scheduler
    ended = assess(Evidence(return_code=evidence.return_code, verdict=evidence.verdict)).facts
    if ended is not None and ended.rule in _LOST_RUNNER_RULES:
        reason = ended.reason
        if evidence.verdict == "lost" and evidence.scheduler is not None and evidence.scheduler.state:
            reason = f"{ended.reason} The scheduler says of its allocation: {evidence.scheduler.state}."
        return Diagnosis(
            facts=facts, cause=Cause.RUNNER_LOST, basis="runner", confidence=ended.confidence, reason=reason
        )
    return None


def _is_end_of_others(by_scheduler: Diagnosis, evidence: Evidence) -> bool:
    """Return whether the scheduler's word is about the whole allocation, and need not be true of this job.

    The allocation of a lost runner was out of memory, or out of time, for all its jobs: who used too much is not
    known, and a job that began late had less than its time. Jobs that the runner reported themselves are not meant.
    """
    if evidence.verdict != "lost" or by_scheduler.cause in INFRASTRUCTURE:
        return False
    return not (by_scheduler.cause is Cause.TIMEOUT and is_late(evidence))


def _by_numbers(facts: AttemptFacts, evidence: Evidence) -> Diagnosis | None:
    peak, limit = evidence.peak_memory_bytes, evidence.memory_limit_bytes
    is_above = bool(peak is not None and limit and peak > limit)
    measured = assess(evidence.model_copy(update={"verdict": None, "scheduler": None})).facts
    match measured.rule if measured is not None else None:
        case "fact-sigxcpu":
            return _with_cause(facts, measured, "sigxcpu_152")
        case "fact-killed-late":
            return _with_cause(facts, measured, "near_runtime_limit")
        case "fact-killed-memory":
            return _with_cause(facts, measured, "memory_exceeded" if is_above else "sigkill_137")
        case _ if is_above:
            reason = "Its peak memory was above its limit."
            return Diagnosis(facts=facts, cause=Cause.OOM, basis="memory_exceeded", confidence=0.7, reason=reason)
        case _:
            return None


def _by_status(facts: AttemptFacts) -> Diagnosis | None:
    if facts.status is not JobStatus.TERMINATED:
        return None
    reason = "It was stopped from outside, short of its limits."
    return Diagnosis(facts=facts, cause=Cause.RUNNER_LOST, basis="status", confidence=0.7, reason=reason)


def _by_text(facts: AttemptFacts, evidence: Evidence) -> Diagnosis:
    """Return what the texts prove; else memory for exit code 137; else unknown, with the suggestion if any."""
    suggestion = assess(evidence).suggestion
    proven = _with_cause(facts, suggestion, "log") if suggestion is not None and _is_proof(suggestion) else None
    if proven is not None:
        return proven
    if signal_name(evidence) == "SIGKILL" and (suggestion is None or not _explains_kill(suggestion)):
        return Diagnosis(
            facts=facts,
            cause=Cause.OOM,
            basis="sigkill_137",
            confidence=0.5 if evidence.peak_memory_bytes is None else 0.4,
            reason="It was killed (exit code 137), most often for memory; nothing measured says so.",
            suggestion=suggestion,
        )
    return Diagnosis(
        facts=facts,
        cause=Cause.UNKNOWN,
        basis="none",
        confidence=0.0 if suggestion is None else suggestion.confidence,
        reason=f"It ended with code {facts.return_code}; nothing says why."
        if suggestion is None
        else suggestion.reason,
        suggestion=suggestion,
    )


def _is_proof(suggestion: Suggestion) -> bool:
    """Return whether a text proves its cause: lack of host memory always, others only in the scheduler's own words."""
    pattern = load_library().by_id.get(suggestion.rule)
    if pattern is None:
        return False
    return suggestion.memory_helps if suggestion.class_ == "oom" else pattern.rank == "proof"


def _explains_kill(suggestion: Suggestion) -> bool:
    """Return whether the text shows a cause of the kill that more host memory would not cure."""
    return suggestion.confidence >= _BETTER_THAN_137 and not suggestion.memory_helps


def _with_cause(facts: AttemptFacts, suggestion: Suggestion | None, basis: Basis) -> Diagnosis | None:
    """Return the diagnosis that the suggestion leads to, None when recovery cannot repair its cause by itself."""
    cause = None if suggestion is None else cause_of(suggestion.class_, suggestion.category)
    if suggestion is None or cause is None:
        return None
    return Diagnosis(
        facts=facts,
        cause=cause,
        basis=basis,
        confidence=suggestion.confidence,
        reason=suggestion.reason,
        suggestion=suggestion if basis == "log" else None,
    )


def _complete(facts: AttemptFacts) -> Evidence:
    """Return the evidence with its holes filled from the result and the requirement, and without placeholder limits."""
    evidence = facts.evidence or Evidence(return_code=facts.return_code)
    return evidence.model_copy(
        update={
            "peak_memory_bytes": facts.peak_bytes,
            "memory_limit_bytes": facts.memory_limit_bytes,
            "runtime_s": facts.exec_time_minutes * 60 if evidence.runtime_s is None else evidence.runtime_s,
            "runtime_limit_s": facts.runtime_limit_s,
        }
    )
