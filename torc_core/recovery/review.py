"""Objections to an entry of a review, and the texts of its parts, which terminal, pages and tools show alike."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from torc_core.api.failures import Action, Actor, FailureGroup, SignatureRecord
from torc_core.api.review import ReviewEntry
from torc_core.evidence.cleaning import clean_text
from torc_core.recovery.defaults import MIN_CONFIDENCE

_LEAST_HOURS: Final = 0.05
"""Costs below this are not shown: they would be rounded to 0.0 or 0.1."""


def objections(group: FailureGroup | None, action: Action, *, gets_more: frozenset[str]) -> list[str]:
    """Return the objections to the action on this group, the weightiest first.

    `gets_more` names what the jobs get more of: memory, runtime.
    """
    if group is None:
        return []
    return [*_by_outcome(group.record, action), *_by_rules(group, action, gets_more), *_by_doubt(group)]


def _by_outcome(record: SignatureRecord, action: Action) -> Iterator[str]:
    if action == "retry" and record.retries_failed_again:
        yield f"of {record.retried} earlier retries {record.retries_failed_again} failed again"
    if action == "retry" and record.failed:
        yield f"it was given up {record.failed} times before"
    if action == "fail" and record.retries_succeeded:
        yield f"of {record.retried} earlier retries {record.retries_succeeded} succeeded"


def _by_rules(group: FailureGroup, action: Action, gets_more: frozenset[str]) -> Iterator[str]:
    suggestion = group.suggestion
    if suggestion is None:
        leaning = group.leaning
        if leaning is not None and leaning.action != action:
            yield f"rules and words lean to {leaning.action} ({leaning.class_}, {leaning.confidence:.2f})"
        return
    if suggestion.action != action:
        yield (
            f"the rules suggest {suggestion.action} ({suggestion.class_}, {suggestion.confidence:.2f}): "
            f"{suggestion.reason}"
        )
    elif suggestion.confidence < MIN_CONFIDENCE:
        yield f"the rules are not sure ({suggestion.confidence:.2f})"
    for class_, what in (("oom", "memory"), ("timeout", "runtime")):
        if suggestion.class_ == class_ and action == "retry" and what not in gets_more:
            yield f"it ran out of {'memory' if what == 'memory' else 'time'} and gets no more of it"


def _by_doubt(group: FailureGroup) -> Iterator[str]:
    yield from (f"not believed: {doubt}" for doubt in group.doubts)


def actor_words(actor: Actor) -> str:
    """Return `ann`, or `agent helper 1.0 for ann`."""
    if actor.kind == "person":
        return actor.name
    words = [actor.kind, actor.name, actor.version, f"for {actor.user}" if actor.user else None]
    return " ".join(word for word in words if word)


def change_words(entry: ReviewEntry) -> list[str]:
    """Return what changes: `memory 1g -> 2g`, with the number of jobs where not all get the same."""
    return [
        f"{change.what} {change.old or '-'} -> {change.new}"
        + (f" ({change.count} of {entry.count} jobs)" if change.count < entry.count else "")
        for change in entry.changes
    ]


def job_words(count: int, names: Sequence[str], ids: Sequence[int]) -> str:
    """Return `a (3), b (4) and 12 more`."""
    named = ", ".join(f"{name} ({job_id})" for name, job_id in zip(names, ids, strict=False))
    more = count - min(len(names), len(ids))
    return f"{named} and {more} more" if more > 0 else named


def record_words(record: SignatureRecord) -> str:
    """Return the outcomes of earlier decisions on the same signature; empty where there are none."""
    parts = [
        f"retried {record.retried}, of these {record.retries_succeeded} succeeded and "
        f"{record.retries_failed_again} failed again"
        if record.retried
        else "",
        f"given up {record.failed}" if record.failed else "",
    ]
    return "; ".join(part for part in parts if part)


def stale_words(entry: ReviewEntry) -> list[str]:
    """Return why jobs of the entry would not be changed any more: `3 jobs: ...`."""
    return [f"{part.count} job{'' if part.count == 1 else 's'}: {part.why}" for part in entry.not_any_more]


def entry_rows(entry: ReviewEntry) -> list[tuple[str, list[str]]]:
    """Return what one entry shows, as labels with their lines; labels without a line are left out.

    Terminal, pages and tools show these, in this order. Texts of logs and agents are on one line each, without
    control characters.
    """
    sure = "" if entry.confidence is None else f", confidence {entry.confidence:.2f}"
    by = "the rules" if entry.proposed_by is None else actor_words(entry.proposed_by)
    proposal = "" if entry.proposal_id is None else f", proposal {entry.proposal_id}"
    cost = f"{entry.cpu_hours:,.1f} CPU-hours, {entry.node_hours:,.1f} node-hours at most"
    rows = [
        ("Signature", [entry.signature or ""]),
        ("Cause", [entry.cause or ""]),
        ("Class", [f"{entry.class_}{sure}" if entry.class_ else ""]),
        (
            "Proposed",
            [f"{entry.action} (by {by}{proposal})" if entry.action else "nothing: decide yourself"],
        ),
        (
            "Jobs",
            [f"{entry.count}: {job_words(entry.count, entry.job_names, entry.job_ids)}" if entry.count else "none"],
        ),
        ("Change", change_words(entry)),
        ("Cost", [cost if entry.cpu_hours >= _LEAST_HOURS else ""]),
        ("Reason", [entry.reason]),
        ("Against", list(entry.against)),
        ("Before", [record_words(entry.record)]),
        ("Not now", stale_words(entry)),
    ]
    cleaned = [(label, [on_one_line(line) for line in lines if line]) for label, lines in rows]
    return [(label, lines) for label, lines in cleaned if lines]


def on_one_line(text: str) -> str:
    """Return a text of a log or an agent on one line, without escapes and control characters."""
    return " ".join(clean_text(text).split())


def sum_jobs(entries: Iterable[ReviewEntry]) -> int:
    """Return how many jobs accepting these entries would change."""
    return sum(entry.count for entry in entries)
