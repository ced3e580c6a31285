"""Entries of a review: a group of failures with everything that a person decides by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from torc_core.api.failures import Action, Classification, FailureGroup, SignatureRecord
from torc_core.evidence.cleaning import shorten_line

CONFIDENT: Final = 0.8
"""The least confidence of a suggestion that is accepted together with others, unless the person says otherwise."""
_REASON_CHARS: Final = 300


@dataclass(frozen=True, kw_only=True)
class ReviewEntry:
    """One group of failures as a person reviews it.

    `action`, `confidence` and the amounts are the suggestion's, None without one. `against` says what speaks against
    it: claims of the log that measured facts contradict, and earlier retries that failed again. `cause` and `job_name`
    are untrusted text.
    """

    signature: str
    cause: str
    count: int
    job_id: int
    job_name: str
    failure_class: str | None
    action: Action | None
    confidence: float | None
    memory: str | None
    runtime: str | None
    reason: str
    against: tuple[str, ...]
    record: SignatureRecord

    @property
    def changes(self) -> str:
        """Return what the suggestion gives the jobs, such as `memory 8g, runtime PT2H`; empty where nothing changes."""
        amounts = (("memory", self.memory), ("runtime", self.runtime))
        return ", ".join(f"{what} {amount}" for what, amount in amounts if amount)

    @property
    def earlier(self) -> str:
        return describe_record(self.record)

    def is_confident(self, least: float = CONFIDENT) -> bool:
        """Return whether the suggestion is at least so sure that it may be accepted together with others."""
        return self.action is not None and (self.confidence or 0.0) >= least

    def accepted(self) -> Classification:
        """Return the suggestion as an entry of a decision. Raises ValueError where there is none."""
        if self.action is None:
            raise ValueError(f"there is no suggestion for {self.signature}")
        return self.decided(self.action, memory=self.memory, runtime=self.runtime)

    def decided(
        self, action: Action, *, memory: str | None = None, runtime: str | None = None, reason: str | None = None
    ) -> Classification:
        """Return an entry of a decision about this group; without a reason it has that of the suggestion."""
        retries = action == "retry"
        return Classification(
            signature=self.signature,
            action=action,
            reason=reason or self._own_reason(action),
            memory=memory if retries else None,
            runtime=runtime if retries else None,
        )

    def _own_reason(self, action: Action) -> str:
        if action == self.action:
            return self.reason
        return shorten_line(f"reviewed: {self.cause}", _REASON_CHARS)


def review_entries(groups: Iterable[FailureGroup]) -> list[ReviewEntry]:
    """Return an entry for each group, in their order."""
    return [_entry(group) for group in groups]


def confident(entries: Iterable[ReviewEntry], least: float = CONFIDENT) -> list[Classification]:
    """Return the suggestions that are at least so sure, as entries of one decision."""
    return [entry.accepted() for entry in entries if entry.is_confident(least)]


def describe_record(record: SignatureRecord) -> str:
    """Return the outcomes of earlier decisions in one line; `none` without any."""
    if not record.retried and not record.failed:
        return "none"
    parts = []
    if record.retried:
        parts.append(
            f"retried {record.retried} "
            f"({record.retries_succeeded} succeeded, {record.retries_failed_again} failed again)"
        )
    if record.failed:
        parts.append(f"given up {record.failed}")
    return ", ".join(parts)


def _entry(group: FailureGroup) -> ReviewEntry:
    suggestion, leaning = group.suggestion, group.leaning
    return ReviewEntry(
        signature=group.signature,
        cause=group.cause,
        count=group.count,
        job_id=group.sample.job_id,
        job_name=group.sample.job_name,
        failure_class=_class_of(group),
        action=None if suggestion is None else suggestion.action,
        confidence=(None if leaning is None else leaning.confidence) if suggestion is None else suggestion.confidence,
        memory=None if suggestion is None else suggestion.memory,
        runtime=None if suggestion is None else suggestion.runtime,
        reason="" if suggestion is None else f"{suggestion.reason} {suggestion.advice}".strip(),
        against=tuple(_against(group)),
        record=group.record,
    )


def _class_of(group: FailureGroup) -> str | None:
    """Return the class; with a question mark where rule and words only lean to it."""
    if group.suggestion is not None:
        return group.suggestion.class_
    return None if group.leaning is None else f"{group.leaning.class_}?"


def _against(group: FailureGroup) -> Iterable[str]:
    for doubt in group.doubts:
        yield f"not believed: {doubt}"
    record = group.record
    if group.suggestion is not None and group.suggestion.action == "retry" and record.retries_failed_again:
        yield f"{record.retries_failed_again} of {record.retried} earlier retries failed again"
