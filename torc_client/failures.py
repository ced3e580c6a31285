"""Grouped failures, proposals and decisions: the operations of triage."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from torc_client.transport import QueryValue, Transport
from torc_core.api.base import MAX_PAGE, ApiModel, Page
from torc_core.api.failures import (
    ApproveRequest,
    ClassifyRequest,
    ClassifyResponse,
    DecisionModel,
    FailureGroups,
    ProposalModel,
    RejectRequest,
)
from torc_core.api.jobs import EvidenceModel
from torc_core.api.recovery import ApplyRecoveryRequest, ApplyRecoveryResponse, Watchers
from torc_core.jobs.status import JobStatus

R = TypeVar("R", bound=ApiModel)

_BATCH_TIMEOUT_S: Final = 600.0
_EVIDENCE_PAGE: Final = 2000
"""Evidence is up to 16 KiB a record, so that a page of it stays below 32 MiB."""


class FailureOperations:
    """Reached as `client.failures`. Errors as in TorcClient."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def groups(
        self,
        workflow_id: int,
        *,
        status: str = "pending_failed",
        offset: int = 0,
        limit: int | None = None,
        job_ids_limit: int | None = None,
    ) -> FailureGroups:
        """Failures of the newest attempts by signature, the largest group first.

        `status` is pending_failed, failed, terminated or all; `job_ids_limit` bounds the ids of each group.
        """
        query: dict[str, QueryValue] = {
            "status": status,
            "offset": offset,
            "limit": limit,
            "job_ids_limit": job_ids_limit,
        }
        answer = self._transport.request(
            "GET", f"/workflows/{workflow_id}/failures", query=query, timeout_s=_BATCH_TIMEOUT_S
        )
        return FailureGroups.model_validate_json(answer)

    def evidence(self, workflow_id: int, *, signature: str, offset: int = 0, limit: int = 100) -> Page[EvidenceModel]:
        """Evidence of the newest failed attempts with one signature."""
        answer = self._transport.request(
            "GET",
            f"/workflows/{workflow_id}/failures/{signature}/evidence",
            query={"offset": offset, "limit": limit},
        )
        return Page[EvidenceModel].model_validate_json(answer)

    def workflow_evidence(
        self,
        workflow_id: int,
        *,
        statuses: Sequence[JobStatus],
        only_latest: bool = True,
        with_texts: bool = True,
        page_size: int = _EVIDENCE_PAGE,
    ) -> Iterator[EvidenceModel]:
        """Evidence of the jobs that are in one of `statuses` now: of the newest attempt, or of all."""
        offset = 0
        while True:
            answer = self._transport.request(
                "GET",
                f"/workflows/{workflow_id}/evidence",
                query={
                    "status": [str(status) for status in statuses],
                    "latest": only_latest,
                    "texts": with_texts,
                    "offset": offset,
                    "limit": page_size,
                },
                timeout_s=_BATCH_TIMEOUT_S,
            )
            page = Page[EvidenceModel].model_validate_json(answer)
            yield from page.items
            if not page.has_more:
                return
            offset += page.count

    def propose(self, workflow_id: int, request: ClassifyRequest) -> ProposalModel:
        """Stores judgements for somebody to approve; no job changes."""
        return self._post(f"/workflows/{workflow_id}/proposals", ProposalModel, request)

    def classify(self, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
        """Applies judgements at once, in one transaction."""
        return self._post(f"/workflows/{workflow_id}/decisions", ClassifyResponse, request)

    def preview(self, workflow_id: int, request: ClassifyRequest) -> ClassifyResponse:
        """What `classify` would do now; nothing is changed or stored."""
        return self._post(f"/workflows/{workflow_id}/decisions/preview", ClassifyResponse, request)

    def proposals(self, workflow_id: int, *, status: str | None = None) -> list[ProposalModel]:
        return self._pages(f"/workflows/{workflow_id}/proposals", Page[ProposalModel], {"status": status})

    def proposal(self, proposal_id: int) -> ProposalModel:
        """One proposal with all its jobs."""
        return ProposalModel.model_validate_json(self._transport.request("GET", f"/proposals/{proposal_id}"))

    def approve(self, proposal_id: int, request: ApproveRequest) -> ClassifyResponse:
        return self._post(f"/proposals/{proposal_id}/approve", ClassifyResponse, request)

    def reject(self, proposal_id: int, request: RejectRequest) -> ProposalModel:
        return self._post(f"/proposals/{proposal_id}/reject", ProposalModel, request)

    def decisions(self, workflow_id: int, *, job_id: int | None = None) -> list[DecisionModel]:
        """Every decision applied in the workflow, with its outcome, the oldest first."""
        return self._pages(f"/workflows/{workflow_id}/decisions", Page[DecisionModel], {"job_id": job_id})

    def apply_recovery(self, workflow_id: int, request: ApplyRecoveryRequest) -> ApplyRecoveryResponse:
        """Retries the plan's jobs, each with its own resources, and resets their dependents, in one transaction."""
        return self._post(f"/workflows/{workflow_id}/apply_recovery", ApplyRecoveryResponse, request)

    def count_recovering(self, workflow_id: int) -> int:
        """How many follow the workflow to recover it."""
        answer = self._transport.request("GET", f"/workflows/{workflow_id}/watchers")
        return Watchers.model_validate_json(answer).recovering

    def _post(self, path: str, model: type[R], body: ApiModel) -> R:
        content = body.model_dump_json(exclude_none=True).encode()
        answer = self._transport.request("POST", path, body=content, idempotent=False, timeout_s=_BATCH_TIMEOUT_S)
        return model.model_validate_json(answer)

    def _pages(self, path: str, page_model: type[Page[R]], query: dict[str, QueryValue]) -> list[R]:
        found: list[R] = []
        while True:
            answer = self._transport.request("GET", path, query={"offset": len(found), "limit": MAX_PAGE, **query})
            page = page_model.model_validate_json(answer)
            found.extend(page.items)
            if not page.has_more:
                return found
