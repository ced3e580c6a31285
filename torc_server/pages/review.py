"""Failures and their review: groups with suggestions, a summary of what a person chose, and its application."""

from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Path, Query, Request, Response
from pydantic import TypeAdapter

from torc_core.api.base import MAX_PAGE, Page
from torc_core.api.failures import Action, Classification, ClassifyRequest, ClassifyResponse, FailureGroups
from torc_core.api.jobs import EvidenceModel
from torc_core.errors import InvalidInputError
from torc_core.review.entries import CONFIDENT, ReviewEntry, review_entries
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import Form, SentForm, Visiting, Visitor, go_to, page, page_router
from torc_server.pages.paging import PageNumber, Pager
from torc_server.routes.parameters import RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import decide, groups
from torc_server.services.triage.groups import FailureStatus
from torc_server.services.triage.undo_batch import Batch, last_batch

_GROUPS_SHOWN: Final = 50
_ATTEMPTS_SHOWN: Final = 3
_SKIPPED_SHOWN: Final = 20
_CHOICES: Final = ("retry", "fail", "leave")
_ENTRIES: Final = TypeAdapter(list[Classification])

router = page_router()


@dataclass(frozen=True)
class SummaryLine:
    """One entry of what a person is about to decide."""

    entry: ReviewEntry
    decision: Classification


@router.get("/workflows/{id}/failures")
def list_failures(
    request: Request,
    workflow_id: RecordId,
    work: Working,
    visitor: Visiting,
    number: PageNumber = 1,
    status: FailureStatus = "pending_failed",
    done: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    pager = Pager(number, _GROUPS_SHOWN)

    def read(uow: UnitOfWork) -> tuple[str, FailureGroups, Batch | None]:
        name = find_workflow(uow, workflow_id).name
        part = PageRequest(offset=pager.offset, limit=pager.size)
        found = groups.list_groups(uow, workflow_id, part, status=status, job_ids_limit=0)
        return name, found, last_batch(uow, workflow_id) if visitor.may_decide else None

    name, found, batch = work.read(read)
    return page(
        request,
        "failures.html",
        title=f"Failures of {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        found=found,
        entries=review_entries(found.items),
        pager=pager.of(found.total_count, {"status": status}),
        status=status,
        may_choose=visitor.may_decide and status == "pending_failed",
        confident=CONFIDENT,
        batch=batch,
        done=done,
    )


@router.get("/workflows/{id}/failures/{signature}")
def get_failure(
    request: Request, workflow_id: RecordId, signature: Annotated[str, Path(max_length=200)], work: Working
) -> Response:
    """Show the evidence of a few attempts of a group; the list of failures loads it into its entry."""

    def read(uow: UnitOfWork) -> tuple[str, Page[EvidenceModel]]:
        name = find_workflow(uow, workflow_id).name
        return name, groups.list_evidence(uow, workflow_id, signature, PageRequest(limit=_ATTEMPTS_SHOWN))

    name, found = work.read(read)
    return page(
        request, "evidence.html", title=f"Evidence in {name}", workflow_id=workflow_id, name=name, found=found,
        signature=signature,
    )  # fmt: skip


@router.post("/workflows/{id}/failures/summary")
def summarize(request: Request, workflow_id: RecordId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    """Show what the choices of the form would do; nothing is changed."""

    def read(uow: UnitOfWork) -> tuple[str, list[SummaryLine], ClassifyResponse | None]:
        name = find_workflow(uow, workflow_id).name
        lines = _chosen(uow, workflow_id, form)
        if not lines:
            return name, [], None
        return name, lines, decide.preview(uow, workflow_id, _request(lines, visitor))

    name, lines, planned = work.read(read)
    return page(
        request,
        "summary.html",
        title=f"Summary for {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        lines=lines,
        planned=planned,
        skipped=[] if planned is None else [each for each in planned.jobs if each.status == "skipped"][:_SKIPPED_SHOWN],
        entries=_ENTRIES.dump_json([line.decision for line in lines]).decode(),
    )


@router.post("/workflows/{id}/failures/apply")
def apply(workflow_id: RecordId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    """Apply what the summary showed, for the jobs that still wait for a decision."""
    entries = _ENTRIES.validate_json(form.get("entries", "[]"))
    if not entries:
        raise InvalidInputError("nothing was chosen", hint="go back, and choose retry or fail for some groups")
    request = ClassifyRequest(classifications=entries, actor=visitor.actor)
    answer = work.write(decide.decide, workflow_id, request)
    return go_to(f"/workflows/{workflow_id}/failures?done={answer.jobs_to_retry + answer.jobs_to_fail}")


def _chosen(uow: UnitOfWork, workflow_id: int, form: Form) -> list[SummaryLine]:
    """Return what the form decides: its own choices, and with `accept` every other suggestion that is so sure."""
    every = groups.list_groups(uow, workflow_id, PageRequest(limit=MAX_PAGE), status="pending_failed", job_ids_limit=0)
    entries = {entry.signature: entry for entry in review_entries(every.items)}
    choices = {signature: place for place, signature in _signatures(form).items() if f"choice.{place}" in form}
    lines = [
        SummaryLine(entries[signature], _decision(entries[signature], place, form))
        for signature, place in choices.items()
        # groups that were decided meanwhile are no longer there
        if signature in entries and form[f"choice.{place}"] != "leave"
    ]
    if "accept" in form:
        least = _confidence(form.get("least", ""))
        lines += [
            SummaryLine(entry, entry.accepted())
            for signature, entry in entries.items()
            if signature not in choices and entry.is_confident(least)
        ]
    return lines


def _signatures(form: Form) -> dict[str, str]:
    """Return the signature of each entry of the form, by its place."""
    return {name.removeprefix("signature."): value for name, value in form.items() if name.startswith("signature.")}


def _decision(entry: ReviewEntry, place: str, form: Form) -> Classification:
    choice = form[f"choice.{place}"]
    if choice not in _CHOICES:
        raise InvalidInputError(f"there is no choice {choice[:40]!r}")
    return entry.decided(
        cast("Action", choice),
        memory=form.get(f"memory.{place}", "").strip() or None,
        runtime=form.get(f"runtime.{place}", "").strip() or None,
        reason=form.get(f"reason.{place}", "").strip() or None,
    )


def _confidence(text: str) -> float:
    try:
        least = float(text)
    except ValueError:
        least = -1.0
    if not 0.0 <= least <= 1.0:
        raise InvalidInputError(f"{text[:20]!r} is no confidence", hint="it is a number from 0 to 1")
    return least


def _request(lines: list[SummaryLine], visitor: Visitor) -> ClassifyRequest:
    return ClassifyRequest(classifications=[line.decision for line in lines], actor=visitor.actor)
