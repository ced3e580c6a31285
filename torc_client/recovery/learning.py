"""Reads what decisions in the workflows of a server teach about failures."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from torc_client.http import TorcClient
from torc_core.api.failures import DecisionModel
from torc_core.errors import NotFoundError
from torc_core.evidence.record import Evidence
from torc_core.recovery.learning import LearnedFailure, learn
from torc_core.triage.assess import assess


def read_lessons(client: TorcClient, workflow_ids: Sequence[int]) -> list[LearnedFailure]:
    """Return one lesson for each decided signature, those decided most often first; undone decisions teach nothing."""
    decided: defaultdict[str, list[DecisionModel]] = defaultdict(list)
    for workflow_id in workflow_ids:
        for decision in client.failures.decisions(workflow_id):
            if decision.signature is not None and decision.outcome != "undone":
                decided[decision.signature].append(decision)
    lessons = [_lesson(client, signature, decisions) for signature, decisions in decided.items()]
    return sorted(lessons, key=lambda lesson: (-lesson.decided, lesson.signature))


def as_corpus(lessons: Sequence[LearnedFailure]) -> list[dict[str, Any]]:
    """Return the lessons that are clear and have a text, as entries that `make train SITE=FILE` reads."""
    return [
        {
            "source": f"site#{lesson.signature}",
            "class": lesson.class_,
            "action": lesson.action,
            "second": lesson.class_,
            "facts": {"return_code": lesson.return_code},
            "decided": lesson.decided,
            "succeeded": lesson.succeeded,
            "failed_again": lesson.failed_again,
            "text": lesson.text,
        }
        for lesson in lessons
        if lesson.class_ is not None and lesson.text.strip()
    ]


def _lesson(client: TorcClient, signature: str, decisions: Sequence[DecisionModel]) -> LearnedFailure:
    evidence = _evidence(client, decisions[-1])
    cause = "" if evidence is None else assess(evidence).cause_line
    return learn(signature, decisions, cause=cause, evidence=evidence)


def _evidence(client: TorcClient, decision: DecisionModel) -> Evidence | None:
    try:
        found = client.job_evidence(decision.job_id, run_id=decision.run_id, attempt_id=decision.attempt_id)
    except NotFoundError:
        return None
    return found.evidence
