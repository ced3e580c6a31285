"""Failures and their review: entries to choose from, a summary of what a person chose, and its application."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Path, Query, Request, Response

from torc_core.api.base import Page
from torc_core.api.failures import FailureGroups
from torc_core.api.jobs import EvidenceModel
from torc_core.api.review import ReviewChoice, ReviewEntry, ReviewModel, ReviewRequest, ReviewResponse
from torc_core.errors import InvalidInputError
from torc_core.recovery.defaults import MIN_CONFIDENCE
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import Form, SentForm, Visiting, Visitor, go_to, page, page_router
from torc_server.pages.paging import PageNumber, Pager
from torc_server.routes.parameters import RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import groups, review
from torc_server.services.triage.groups import FailureStatus
from torc_server.services.triage.undo_batch import Batch, last_batch

ENTRIES_SHOWN: Final = 25
_ATTEMPTS_SHOWN: Final = 3
_SKIPPED_SHOWN: Final = 20
_LINES_SHOWN: Final = 200

router = page_router()


@dataclass(frozen=True)
class SummaryLine:
    """One entry of what a person is about to decide; `choice` is None for one that is accepted with others."""

    entry: ReviewEntry
    choice: ReviewChoice | None


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
    """Show what waits for a person by entry, or the failed jobs of another status by group."""
    pager = Pager(number, ENTRIES_SHOWN)
    if status != "pending_failed":
        return _list_groups(request, workflow_id, work, pager, status)

    def read(uow: UnitOfWork) -> tuple[str, ReviewModel, int, Batch | None]:
        name = find_workflow(uow, workflow_id).name
        part = PageRequest(offset=pager.offset, limit=pager.size)
        found, total = review.review_page(uow, workflow_id, part, job_ids_limit=_ATTEMPTS_SHOWN)
        return name, found, total, last_batch(uow, workflow_id) if visitor.may_decide else None

    name, found, total, batch = work.read(read)
    return page(
        request,
        "failures.html",
        title=f"Failures of {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        status=status,
        review=found,
        proposal_id=None,
        entries=found.entries,
        pager=pager.of(total, {}),
        may_choose=visitor.may_decide,
        confident=MIN_CONFIDENCE,
        batch=batch,
        done=done,
    )


def _list_groups(request: Request, workflow_id: int, work: Working, pager: Pager, status: FailureStatus) -> Response:
    def read(uow: UnitOfWork) -> tuple[str, FailureGroups]:
        name = find_workflow(uow, workflow_id).name
        part = PageRequest(offset=pager.offset, limit=pager.size)
        return name, groups.list_groups(uow, workflow_id, part, status=status, job_ids_limit=0)

    name, found = work.read(read)
    return page(
        request,
        "failure_groups.html",
        title=f"Failures of {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        status=status,
        found=found,
        pager=pager.of(found.total_count, {"status": status}),
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
    title = f"Evidence in {name}"
    return page(
        request, "evidence.html", title=title, workflow_id=workflow_id, name=name, found=found, signature=signature
    )


@router.post("/workflows/{id}/failures/summary")
def summarize(request: Request, workflow_id: RecordId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    """Show what the choices of the form would do; nothing is changed."""
    wanted = _request(form, visitor)

    def read(uow: UnitOfWork) -> tuple[str, ReviewModel, ReviewResponse]:
        name = find_workflow(uow, workflow_id).name
        found = review.list_review(uow, workflow_id, proposal_ids=wanted.proposal_ids, job_ids_limit=0)
        return name, found, review.preview_review(uow, workflow_id, wanted)

    name, found, planned = work.read(read)
    lines = _lines(found, wanted)
    return page(
        request,
        "summary.html",
        title=f"Summary for {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        lines=lines[:_LINES_SHOWN],
        more=max(len(lines) - _LINES_SHOWN, 0),
        planned=planned,
        node_hours=sum(_node_hours(line) for line in lines),
        skipped=[each for each in planned.jobs if each.status == "skipped"][:_SKIPPED_SHOWN],
        wanted=wanted.model_dump_json(exclude={"actor"}),
    )


@router.post("/workflows/{id}/failures/apply")
def apply(workflow_id: RecordId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    """Apply what the summary showed, to the attempts that it showed."""
    answer = work.write(review.apply_review, workflow_id, _kept(form.get("wanted", ""), visitor))
    return go_to(f"/workflows/{workflow_id}/failures?done={answer.jobs_to_retry + answer.jobs_to_fail}")


def _request(form: Form, visitor: Visitor) -> ReviewRequest:
    """Return the choices of the form, and with `accept` also every other entry that is so sure."""
    places = [name.removeprefix("entry.") for name in form if name.startswith("entry.")]
    fields: dict[str, Any] = {
        "actor": visitor.actor,
        "as_of": form.get("as_of", ""),
        "choices": [_choice(form, place) for place in places if form.get(f"choice.{place}")],
        "accept_from": form.get("least", "") if "accept" in form else None,
        "proposal_ids": [form["proposal_id"]] if form.get("proposal_id") else None,
    }
    return ReviewRequest.model_validate(fields)


def _choice(form: Form, place: str) -> dict[str, str | None]:
    """Return one choice; amounts go with retry, and a reason of its own with all but leaving out."""
    choice = form[f"choice.{place}"]
    given = {name: form.get(f"{name}.{place}", "").strip() or None for name in ("memory", "runtime", "reason")}
    if choice != "retry":
        given |= {"memory": None, "runtime": None}
    return {"entry": form[f"entry.{place}"], "choice": choice, **given}


def _kept(text: str, visitor: Visitor) -> ReviewRequest:
    """Return the request that the summary kept, with the one who sends it now in the place of any actor.

    Raises InvalidInputError for anything else.
    """
    try:
        fields = json.loads(text)
        return ReviewRequest.model_validate({**fields, "actor": visitor.actor})
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            "this is no summary of choices", hint="go back to the failures, and choose again"
        ) from error


def _lines(found: ReviewModel, wanted: ReviewRequest) -> list[SummaryLine]:
    choices = {choice.entry: choice for choice in wanted.choices}
    least = wanted.accept_from
    return [
        SummaryLine(entry, choices.get(entry.id))
        for entry in found.entries
        if entry.id in choices or (least is not None and entry.action is not None and (entry.confidence or 0) >= least)
    ]


def _node_hours(line: SummaryLine) -> float:
    is_accepted = line.choice is None or line.choice.choice == "accept"
    return line.entry.node_hours if is_accepted else 0.0
