"""Grouped failures, proposals and decisions: the operations of triage."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from torc_client.calls import BATCH_TIMEOUT_S, Calls, R
from torc_client.transport import QueryValue
from torc_core.api.base import ApiModel, Page
from torc_core.api.failures import (
    ApproveRequest,
    ClassifyRequest,
    ClassifyResponse,
    DecisionModel,
    FailureGroups,
    ProposalModel,
    RejectRequest,
    UndoRequest,
    UndoResponse,
)
from torc_core.api.jobs import EvidenceModel
from torc_core.api.recovery import (
    ApplyRecoveryRequest,
    ApplyRecoveryResponse,
    RaiseWaitingRequest,
    RaiseWaitingResponse,
    Watchers,
)
from torc_core.api.review import ReviewModel, ReviewRequest, ReviewResponse
from torc_core.jobs.status import JobStatus

_EVIDENCE_PAGE: Final = 2000
"""Evidence is up to 16 KiB a record, so that a page of it stays below 32 MiB."""


class FailureOperations:
    """Reached as `client.failures`. Errors as in TorcClient."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def groups(
        self,
        workflow_id: int,
        *,
        status: str = "pending_failed",
        offset: int = 0,
        limit: int | None = None,
        job_ids_limit: int | None = None,
        signature: str | None = None,
        job_id: int | None = None,
        class_: str | None = None,
        action: str | None = None,
        min_confidence: float | None = None,
        min_count: int | None = None,
        text: str | None = None,
    ) -> FailureGroups:
        """Return failures of the newest attempts by signature, the largest group first.

        `status` is pending_failed, failed, terminated or all; `job_ids_limit` bounds the ids of each group.
        `signature` selects groups by a prefix, `job_id` the group of one job. The others are conditions on class,
        action and confidence of the suggestion, on the number of jobs, and a text that stands in cause or names.
        """
        query: dict[str, QueryValue] = {
            "status": status,
            "offset": offset,
            "limit": limit,
            "job_ids_limit": job_ids_limit,
            "signature": signature,
            "job_id": job_id,
            "class": class_,
            "action": action,
            "min_confidence": min_confidence,
            "min_count": min_count,
            "text": text,
        }
        path = f"/workflows/{workflow_id}/failures"
        return self._calls.get(path, FailureGroups, query=query, timeout_s=BATCH_TIMEOUT_S)

    def evidence(self, workflow_id: int, *, signature: str, offset: int = 0, limit: int = 100) -> Page[EvidenceModel]:
        """Return evidence of the newest failed attempts with one signature."""
        path = f"/workflows/{workflow_id}/failures/{quote(signature, safe='')}/evidence"
        return self._calls.get(path, Page[EvidenceModel], query={"offset": offset, "limit": limit})

    def workflow_evidence(
        self,
        workflow_id: int,
        *,
        statuses: Sequence[JobStatus],
        only_latest: bool = True,
        with_texts: bool = True,
        page_size: int = _EVIDENCE_PAGE,
    ) -> Iterator[EvidenceModel]:
        """Yield evidence of the jobs that are in one of `statuses` now: of the newest attempt, or of all."""
        return self._calls.each(
            f"/workflows/{workflow_id}/evidence",
            Page[EvidenceModel],
            {"status": [str(status) for status in statuses], "latest": only_latest, "texts": with_texts},
            page_size=page_size,
            timeout_s=BATCH_TIMEOUT_S,
        )

    def propose(self, workflow_id: int, request: ClassifyRequest) -> ProposalModel:
        """Store a proposal for a person to approve; no job changes."""
        return self._decide(f"/workflows/{workflow_id}/proposals", ProposalModel, request)

    def classify(self, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
        """Apply the entries at once, in one transaction."""
        return self._decide(f"/workflows/{workflow_id}/decisions", ClassifyResponse, request)

    def preview(self, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
        """Return what `classify` would do now; nothing is changed or stored."""
        return self._decide(f"/workflows/{workflow_id}/decisions/preview", ClassifyResponse, request)

    def proposals(self, workflow_id: int, *, status: str | None = None) -> list[ProposalModel]:
        return list(self._calls.each(f"/workflows/{workflow_id}/proposals", Page[ProposalModel], {"status": status}))

    def proposal(self, proposal_id: int) -> ProposalModel:
        """Return one proposal with all its jobs."""
        return self._calls.get(f"/proposals/{proposal_id}", ProposalModel)

    def approve(self, proposal_id: int, request: ApproveRequest) -> ClassifyResponse:
        return self._decide(f"/proposals/{proposal_id}/approve", ClassifyResponse, request)

    def reject(self, proposal_id: int, request: RejectRequest) -> ProposalModel:
        return self._decide(f"/proposals/{proposal_id}/reject", ProposalModel, request)

    def review(
        self, workflow_id: int, *, proposal_ids: Sequence[int] | None = None, job_ids_limit: int | None = None
    ) -> ReviewModel:
        """Return all that waits for a person, by entry; `proposal_ids`: only what these proposals would do."""
        query: dict[str, QueryValue] = {
            "proposal_id": None if proposal_ids is None else [str(each) for each in proposal_ids],
            "job_ids_limit": job_ids_limit,
        }
        return self._calls.get(f"/workflows/{workflow_id}/review", ReviewModel, query=query, timeout_s=BATCH_TIMEOUT_S)

    def apply_review(self, workflow_id: int, request: ReviewRequest) -> ReviewResponse:
        """Apply what a person chose, in one transaction."""
        return self._decide(f"/workflows/{workflow_id}/review", ReviewResponse, request)

    def preview_review(self, workflow_id: int, request: ReviewRequest) -> ReviewResponse:
        """Return what `apply_review` would do now; nothing is changed."""
        return self._decide(f"/workflows/{workflow_id}/review/preview", ReviewResponse, request)

    def undo(self, workflow_id: int, request: UndoRequest) -> UndoResponse:
        """Undo decisions that nothing has run because of; the answer says which, and why others stay."""
        return self._decide(f"/workflows/{workflow_id}/decisions/undo", UndoResponse, request)

    def decisions(
        self, workflow_id: int, *, job_id: int | None = None, only_standing: bool = False
    ) -> list[DecisionModel]:
        """Return the decisions applied in the workflow, with their outcomes, the oldest first.

        `only_standing` selects those because of which jobs are failed now: decided to fail, no attempt since.
        """
        query: dict[str, QueryValue] = {"job_id": job_id, "standing": only_standing or None}
        return list(self._calls.each(f"/workflows/{workflow_id}/decisions", Page[DecisionModel], query))

    def apply_recovery(self, workflow_id: int, request: ApplyRecoveryRequest) -> ApplyRecoveryResponse:
        """Retry the plan's jobs, each with its own resources, and reset their dependents, in one transaction.

        The request has a key, so that a repetition of it, after an answer that was lost, gets the same answer.
        """
        keyed = request if request.key else request.model_copy(update={"key": uuid4().hex})
        path = f"/workflows/{workflow_id}/apply_recovery"
        return self._calls.post(path, ApplyRecoveryResponse, keyed, timeout_s=BATCH_TIMEOUT_S)

    def raise_waiting(self, workflow_id: int, request: RaiseWaitingRequest) -> RaiseWaitingResponse:
        """Give jobs that no attempt was started of more memory or runtime, also while others run."""
        return self._decide(f"/workflows/{workflow_id}/raise_waiting", RaiseWaitingResponse, request)

    def count_recovering(self, workflow_id: int) -> int:
        """Return how many watchers follow the workflow to recover it."""
        return self._calls.get(f"/workflows/{workflow_id}/watchers", Watchers).recovering

    def _decide(self, path: str, model: type[R], body: ApiModel) -> R:
        return self._calls.post(path, model, body, idempotent=False, timeout_s=BATCH_TIMEOUT_S)
