"""What decisions teach: the class and action that their outcomes show for a signature."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from torc_core.api.failures import DecisionModel
from torc_core.evidence.cleaning import clean_text
from torc_core.evidence.record import Evidence
from torc_core.evidence.redaction import redact_secrets
from torc_core.triage.history import ROUNDS_BEFORE_PERMANENT
from torc_core.triage.words import Label


class LearnedFailure(BaseModel):
    """One decided signature with its outcomes; `class` and `action` are None where they contradict each other."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True)

    signature: str
    class_: str | None = Field(alias="class")
    action: str | None
    decided: int
    succeeded: int
    failed_again: int
    cause: str = ""
    text: str = ""
    return_code: int = 1


def learn(
    signature: str, decisions: Sequence[DecisionModel], *, cause: str, evidence: Evidence | None
) -> LearnedFailure:
    """Return what the decisions on one signature teach, with a text of it, without credentials."""
    label = label_of(decisions)
    text = "" if evidence is None else evidence.stderr_tail or evidence.stdout_tail
    return LearnedFailure(
        signature=signature,
        class_=None if label is None else label[0],
        action=None if label is None else label[1],
        decided=len(decisions),
        succeeded=sum(one.outcome == "succeeded" for one in decisions),
        failed_again=sum(one.outcome == "failed_again" for one in decisions),
        cause=redact_secrets(cause),
        text=redact_secrets(clean_text(text)),
        return_code=1 if evidence is None else evidence.return_code,
    )


def label_of(decisions: Sequence[DecisionModel]) -> Label | None:
    """Return the class and action that the outcomes show: what cured it, or that nothing did.

    Observed outcomes count first. Without any, what people decided every time counts; of agents only outcomes do.
    """
    cured = [one for one in decisions if one.outcome == "succeeded"]
    again = [one for one in decisions if one.outcome == "failed_again"]
    if cured and len(cured) >= len(again):
        if sum(one.memory is not None for one in cured) * 2 > len(cured):
            return ("oom", "retry")
        if sum(one.runtime is not None for one in cured) * 2 > len(cured):
            return ("timeout", "retry")
        return ("transient", "retry")
    rounds = {(one.workflow_id, one.run_id, one.attempt_id) for one in again if not (one.memory or one.runtime)}
    if not cured and len(rounds) >= ROUNDS_BEFORE_PERMANENT:
        return ("permanent", "fail")
    by_people = [one for one in decisions if (one.approved_by or one.actor).kind == "person"]
    if by_people and all(one.action == "fail" for one in by_people) and not cured:
        return ("permanent", "fail")
    return None
