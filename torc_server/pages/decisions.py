"""The log of decisions: who decided what, why, and the outcome; for people, and as files."""

import csv
import io
import json
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from torc_core.api.base import MAX_PAGE, Page
from torc_core.api.failures import Action, DecisionModel, Outcome
from torc_core.evidence.cleaning import clean_text
from torc_server.db.unit_of_work import UnitOfWork
from torc_server.pages.page_route import SentForm, Visiting, go_to, page, page_router
from torc_server.pages.paging import OR_NONE, PageNumber, Pager
from torc_server.routes.parameters import QueryId, RecordId
from torc_server.routes.unit_of_work import Working
from torc_server.services.records.lookup import find_workflow
from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import decide
from torc_server.services.triage.decide import DecisionFilter
from torc_server.services.triage.undo_batch import Batch, last_batch, undo_batch

_DECISIONS_SHOWN: Final = 100
_COLUMNS: Final = (
    "id",
    "decided_at",
    "job_id",
    "job_name",
    "run_id",
    "attempt_id",
    "action",
    "outcome",
    "decided_by",
    "approved_by",
    "reason",
    "memory",
    "runtime",
    "signature",
    "proposal_id",
    "undone_by",
    "undone_at",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets carry out what begins so; reasons and names may be chosen by whoever wrote a log."""

router = page_router()


async def _wanted(
    action: Annotated[Action | None, OR_NONE, Query()] = None,
    outcome: Annotated[Outcome | None, OR_NONE, Query()] = None,
    job_id: QueryId = None,
    text: Annotated[str, Query(max_length=200)] = "",
) -> DecisionFilter:
    return DecisionFilter(action=action, outcome=outcome, job_id=job_id, text=text)


Wanted = Annotated[DecisionFilter, Depends(_wanted)]


@router.get("/workflows/{id}/decisions")
def list_decisions(
    request: Request,
    workflow_id: RecordId,
    work: Working,
    visitor: Visiting,
    wanted: Wanted,
    number: PageNumber = 1,
    undone: Annotated[int | None, Query(ge=0)] = None,
    kept: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    pager = Pager(number, _DECISIONS_SHOWN)

    def read(uow: UnitOfWork) -> tuple[str, Page[DecisionModel], Batch | None]:
        name = find_workflow(uow, workflow_id).name
        part = PageRequest(offset=pager.offset, limit=pager.size, reverse_sort=True)
        found = decide.list_decisions(uow, workflow_id, part, wanted)
        return name, found, last_batch(uow, workflow_id) if visitor.may_decide else None

    name, found, batch = work.read(read)
    filters = {
        "action": wanted.action or "",
        "outcome": wanted.outcome or "",
        "job_id": "" if wanted.job_id is None else str(wanted.job_id),
        "text": wanted.text,
    }
    return page(
        request,
        "decisions.html",
        title=f"Decisions on {name} ({workflow_id})",
        workflow_id=workflow_id,
        name=name,
        found=found,
        filters=filters,
        filters_text=urlencode({name: value for name, value in filters.items() if value}),
        actions=get_args(Action),
        outcomes=get_args(Outcome),
        pager=pager.of(found.total_count, filters),
        batch=batch,
        undone=undone,
        kept=kept,
    )


@router.get("/workflows/{id}/decisions.json")
def export_json(workflow_id: RecordId, work: Working, wanted: Wanted) -> Response:
    found = _all(work, workflow_id, wanted)
    content = json.dumps([each.model_dump(mode="json") for each in found], indent=1)
    return _file(content, "application/json", f"decisions-{workflow_id}.json")


@router.get("/workflows/{id}/decisions.csv")
def export_csv(workflow_id: RecordId, work: Working, wanted: Wanted) -> Response:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(value) for value in _row(each)] for each in _all(work, workflow_id, wanted))
    return _file(target.getvalue(), "text/csv", f"decisions-{workflow_id}.csv")


@router.post("/workflows/{id}/decisions/undo")
def undo(workflow_id: RecordId, work: Working, visitor: Visiting, form: SentForm) -> Response:
    """Undo the decisions that were made together at the time that the form names."""
    answer = work.write(undo_batch, workflow_id, form.get("decided_at", ""), actor=visitor.actor)
    return go_to(f"/workflows/{workflow_id}/decisions?undone={answer.undone}&kept={answer.skipped}")


def _all(work: Working, workflow_id: int, wanted: DecisionFilter) -> list[DecisionModel]:
    return work.read(decide.list_decisions, workflow_id, PageRequest(limit=MAX_PAGE), wanted).items


def _row(each: DecisionModel) -> list[Any]:
    values = each.model_dump(exclude={"actor", "approved_by", "undone_by"})
    values["decided_by"] = f"{each.actor.kind} {each.actor.name}"
    values["approved_by"] = "" if each.approved_by is None else each.approved_by.name
    values["undone_by"] = "" if each.undone_by is None else each.undone_by.name
    return [values[name] for name in _COLUMNS]


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = clean_text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _file(content: str, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
