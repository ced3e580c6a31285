"""`torc failures review`: a person goes through all that waits for a decision, group by group."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.commands.options.decision import check_reason, deciding_person, how_to_run, note_due_actions
from torc_cli.session.command import command
from torc_cli.session.options import WorkflowArgument, YesOption
from torc_cli.session.session import Session
from torc_core.hints import Hint, torc
from torc_core.recovery.defaults import MIN_CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torc_cli.commands.review_marks import ReviewMarks
    from torc_core.api.review import ReviewModel, ReviewRequest, ReviewResponse


@command
def review(
    session: Session,
    workflow_id: WorkflowArgument = None,
    *,
    proposal: Annotated[
        list[int] | None,
        typer.Option("--proposal", metavar="ID", help="Review this open proposal alone; may be repeated."),
    ] = None,
    accept_from: Annotated[
        float | None,
        typer.Option(
            "--accept-from", min=0, max=1, metavar="0.9", help="Accept all groups as sure as this, without screens."
        ),
    ] = None,
    sure_from: Annotated[
        float, typer.Option("--sure-from", min=0, max=1, help="The least confidence that the key a accepts.")
    ] = MIN_CONFIDENCE,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept with the decisions.")
    ] = None,
    no_prompts: YesOption = False,
) -> None:
    """Review all that waits for a decision, group by group: accept, change or leave out, then apply all at once.

    With JSON output it lists the groups. For example: `torc failures review 3`.
    """
    from torc_core.errors import InvalidInputError

    if reason is not None:
        check_reason(reason)
    chosen = _workflow(session, workflow_id, proposal)
    found = session.client.failures.review(chosen, proposal_ids=proposal)
    if not found.entries:
        session.out.done(f"No job of workflow {chosen} waits for a decision.", found)
        return
    if accept_from is not None:
        _accept(session, found, accept_from, proposal, reason=reason, no_prompts=no_prompts)
    elif session.is_json:
        session.out.record(found.model_dump(mode="json"))
    elif not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInputError(
            f"a review of {len(found.entries)} group(s) needs a terminal",
            hint=Hint(
                "without one: `{}` lists them, `{}` accepts what is sure",
                torc("failures review", chosen, "-f", "json"),
                torc("failures review", chosen, "--accept-from", "0.9", "--yes"),
            ),
        )
    else:
        _on_screen(session, found, proposal, sure_from=sure_from, reason=reason)


def _workflow(session: Session, workflow_id: int | None, proposal_ids: "Sequence[int] | None") -> int:
    """Return the workflow that is named, or that of the first proposal."""
    if workflow_id is None and proposal_ids:
        return session.client.failures.proposal(proposal_ids[0]).workflow_id
    return session.workflow_id(workflow_id)


def _accept(
    session: Session,
    found: "ReviewModel",
    accept_from: float,
    proposal_ids: list[int] | None,
    *,
    reason: str | None,
    no_prompts: bool,
) -> None:
    from torc_core.api.review import ReviewRequest

    request = ReviewRequest(
        actor=deciding_person(session),
        as_of=found.as_of,
        accept_from=accept_from,
        proposal_ids=proposal_ids,
        reason=reason,
    )
    planned = session.client.failures.preview_review(found.workflow_id, request)
    counts = f"retry {planned.jobs_to_retry}, fail {planned.jobs_to_fail}"
    if not planned.jobs_to_retry + planned.jobs_to_fail:
        session.out.done(f"No group has a confidence of {accept_from:g} or more; nothing was changed.", planned)
        raise typer.Exit(1)
    question = f"Accept what is sure for workflow {found.workflow_id} ({counts})?"
    if not session.agrees(question, without_asking=no_prompts, needs_person=True):
        session.out.note("Nothing was changed.")
        return
    _finish(session, _apply(session, found.workflow_id, request))


def _on_screen(
    session: Session, found: "ReviewModel", proposal_ids: list[int] | None, *, sure_from: float, reason: str | None
) -> None:
    from torc_cli.commands.review_marks import ReviewMarks
    from torc_cli.commands.review_screen import ReviewScreen
    from torc_core.api.review import ReviewRequest
    from torc_core.credentials import review_file

    file = review_file(
        os.environ, str(session.settings.database) if session.options.standalone else session.url, found.workflow_id
    )
    marks = ReviewMarks(found.entries, file)
    kept = marks.load()
    note = f"{kept} choices of an interrupted review are here; u does not undo them." if kept else ""
    if ReviewScreen(session.out, f"Workflow {found.workflow_id}", marks, sure_from=sure_from).run(note) == "quit":
        _note_quit(session, found.workflow_id, marks)
        return
    request = ReviewRequest(
        actor=deciding_person(session),
        as_of=found.as_of,
        choices=list(marks.choices.values()),
        proposal_ids=proposal_ids,
        reason=reason,
    )
    answer = _apply(session, found.workflow_id, request)
    marks.forget()
    _finish(session, answer)


def _note_quit(session: Session, workflow_id: int, marks: "ReviewMarks") -> None:
    again = torc("failures review", workflow_id)
    if marks.choices:
        session.out.note(Hint(f"Nothing was changed. {len(marks.choices)} choices are kept; go on with: {{}}", again))
    else:
        session.out.note(Hint("Nothing was changed. To look again: {}", again))


def _apply(session: Session, workflow_id: int, request: "ReviewRequest") -> "ReviewResponse":
    """Apply the choices; where they are too many for one call, call again until all are applied."""
    done = session.client.failures.apply_review(workflow_id, request)
    while done.remaining:
        more = session.client.failures.apply_review(workflow_id, request)
        if not more.jobs_to_retry + more.jobs_to_fail:
            break
        done = more.model_copy(
            update={
                "jobs_to_retry": done.jobs_to_retry + more.jobs_to_retry,
                "jobs_to_fail": done.jobs_to_fail + more.jobs_to_fail,
                "jobs_skipped": done.jobs_skipped + more.jobs_skipped,
            }
        )
    return done


def _finish(session: Session, answer: "ReviewResponse") -> None:
    from torc_cli.commands.review_text import applied_lines

    session.out.done(applied_lines(answer), answer)
    if answer.jobs_to_retry + answer.jobs_to_fail:
        session.out.note(
            Hint("To undo it while nothing has run: {}", torc("failures undo", answer.workflow_id, "--all"))
        )
    if answer.jobs_to_retry:
        session.out.note(how_to_run(answer.workflow_id))
    elif answer.jobs_to_fail:
        note_due_actions(session, answer.workflow_id)
