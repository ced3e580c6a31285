"""Arranges the failures of a workflow in an answer of bounded size: groups, sample jobs, and texts where they fit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from torc_client.http import TorcClient
from torc_core.api.failures import Classification, FailureGroup, FailureGroups
from torc_core.api.jobs import EvidenceModel
from torc_core.errors import InvalidInputError, NotFoundError
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import FAILURES
from torc_mcp.budget import cut_text, payload_bytes, share_room, text_bytes
from torc_mcp.context import Progress
from torc_mcp.failure_views import FailedJobView, GroupView, line_of, view_group, view_job
from torc_mcp.fence import Fence, harmless

FEW_JOBS: Final = 25
"""Up to so many failures every job is shown, not only a sample of its group."""

_TEXTS: Final = ("stderr_excerpt", "stderr_tail", "stdout_tail")
_LEAST_TEXT: Final = 500
"""Bytes; a shorter piece of a log is not worth a sample."""

_LINES_SHARE: Final = 0.6
"""Of the room, at most, for groups that get only a line."""

_SAMPLES_OF_ONE_GROUP: Final = 10
_SEARCH_PAGE: Final = 200
_SHOWN_SIGNATURES: Final = 10


@dataclass(frozen=True, kw_only=True)
class JobSample:
    """One failed attempt with all its texts, before they are cut to the room."""

    view: FailedJobView
    texts: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class FailureListing:
    """The part of a page that fits: the first groups, samples of them, and further groups on a line each."""

    groups: list[GroupView]
    jobs: list[FailedJobView]
    lines: list[str]

    @property
    def group_count(self) -> int:
        return len(self.groups) + len(self.lines)


def top_groups(client: TorcClient, workflow_id: int, counts: Mapping[str, int], fence: Fence) -> list[GroupView]:
    """Return the largest groups of failures; sends no request where there are none."""
    if not any(counts.get(status) for status in FAILURES):
        return []
    found = client.failures.groups(workflow_id, status="all", limit=5, job_ids_limit=5)
    return [view_group(group, fence) for group in found.items]


def find_group(client: TorcClient, workflow_id: int, *, status: str, signature: str) -> FailureGroups:
    """Return the group whose signature is this or begins so, as a page of its own.

    Raises NotFoundError, and InvalidInputError where several signatures begin so.
    """
    page = client.failures.groups(
        workflow_id, status=status, signature=signature, limit=_SEARCH_PAGE, job_ids_limit=_SAMPLES_OF_ONE_GROUP
    )
    exact = [group for group in page.items if group.signature == signature]
    matching = exact or (page.items if signature else [])
    if len(matching) > 1:
        raise _ambiguous(signature, [group.signature for group in matching])
    if matching:
        return page.model_copy(
            update={"items": matching, "total_jobs": matching[0].count, "total_count": 1, "has_more": False}
        )
    raise NotFoundError(
        f"workflow {workflow_id} has no {status} jobs with the signature {signature[:40]!r}",
        hint="they may have been decided meanwhile; list the failures again",
    )


def with_full_signatures(
    client: TorcClient, workflow_id: int, entries: Sequence[Classification]
) -> list[Classification]:
    """Return the entries with the signatures written out of which they have the first characters.

    A signature that nothing begins with stays as it is: the server says that no job waits with it. Raises
    InvalidInputError where several signatures begin so.
    """
    if not any(entry.signature for entry in entries):
        return list(entries)
    page = client.failures.groups(workflow_id, job_ids_limit=0)
    known = [group.signature for group in page.items]
    return [_with_full_signature(entry, known) for entry in entries]


def _with_full_signature(entry: Classification, known: Sequence[str]) -> Classification:
    prefix = entry.signature
    if prefix is None or prefix in known:
        return entry
    matching = [signature for signature in known if signature.startswith(prefix)]
    if len(matching) > 1:
        raise _ambiguous(prefix, matching)
    return entry.model_copy(update={"signature": matching[0]}) if matching else entry


def _ambiguous(prefix: str, signatures: Sequence[str]) -> InvalidInputError:
    return InvalidInputError(
        f"{prefix[:40]!r} begins several signatures: {', '.join(signatures[:_SHOWN_SIGNATURES])}",
        hint="name more of it",
    )


def read_all_groups(client: TorcClient, workflow_id: int, *, report: Progress) -> list[FailureGroup]:
    """Return all groups of failed, terminated and pending_failed jobs, the largest first."""
    found: list[FailureGroup] = []
    while True:
        page = client.failures.groups(workflow_id, status="all", offset=len(found), limit=_SEARCH_PAGE, job_ids_limit=1)
        found.extend(page.items)
        report(len(found), page.total_count, "groups of failures read")
        if not page.has_more or not page.count:
            return found


def read_samples(client: TorcClient, found: FailureGroups, *, all_jobs: bool) -> list[JobSample]:
    """Return one sample of each group, then with `all_jobs` the other jobs, group by group."""
    samples = [_sample_of(group) for group in found.items]
    if all_jobs:
        for group in found.items:
            samples.extend(_others(client, found.workflow_id, group))
    return samples


def arrange(groups: Sequence[FailureGroup], samples: Sequence[JobSample], *, fence: Fence, room: int) -> FailureListing:
    """Return everything where it fits; else the first groups with samples, and a line for each further group."""
    views = [view_group(group, fence) for group in groups]
    lines = [line_of(group) for group in groups]
    is_whole = sum(map(_row_bytes, views)) + sum(_bare_bytes(s) + _wanted_bytes(s, fence) for s in samples) <= room
    for_lines = 0 if is_whole else min(sum(map(_line_bytes, lines)), int(room * _LINES_SHARE))
    shown = views if is_whole else _first_views(views, samples, room - for_lines, fence)
    signatures = {view.signature for view in shown}
    left = room - for_lines - sum(map(_row_bytes, shown))
    jobs = _fit_samples([sample for sample in samples if sample.view.signature in signatures], left, fence)
    left = room - sum(map(_row_bytes, shown)) - sum(map(_row_bytes, jobs)) - fence.cost
    return FailureListing(groups=shown, jobs=jobs, lines=_take_lines(lines[len(shown) :], left))


def _first_views(views: Sequence[GroupView], samples: Sequence[JobSample], room: int, fence: Fence) -> list[GroupView]:
    """Return as many groups as fit together with a sample of useful length; at least one."""
    least: dict[str, int] = {}
    for sample in samples:
        needed = _bare_bytes(sample) + min(_wanted_bytes(sample, fence), _LEAST_TEXT)
        least.setdefault(sample.view.signature, needed)
    count = 0
    for view in views:
        room -= _row_bytes(view) + least.get(view.signature, 0)
        if room < 0 and count:
            break
        count += 1
    return list(views[:count])


def _take_lines(lines: Sequence[str], room: int) -> list[str]:
    taken: list[str] = []
    for line in lines:
        room -= _line_bytes(line)
        if room < 0:
            break
        taken.append(line)
    return taken


def _line_bytes(line: str) -> int:
    return text_bytes(line) + len("\\n")


def _row_bytes(row: BaseModel) -> int:
    """Return the bytes of a row, with the comma behind it."""
    return payload_bytes(row) + 1


def _fit_samples(samples: Sequence[JobSample], room: int, fence: Fence) -> list[FailedJobView]:
    chosen: list[JobSample] = []
    bare = least = 0
    for sample in samples:
        bare_more = bare + _bare_bytes(sample)
        least_more = least + min(_wanted_bytes(sample, fence), _LEAST_TEXT)
        if bare_more + least_more > room:
            break
        chosen.append(sample)
        bare, least = bare_more, least_more
    shares = share_room([_wanted_bytes(sample, fence) for sample in chosen], room - bare)
    return [_with_texts(sample, share, fence) for sample, share in zip(chosen, shares, strict=True)]


def _with_texts(sample: JobSample, room: int, fence: Fence) -> FailedJobView:
    """Return the view with its texts: short ones whole, long excerpts from their start, long tails to their end."""
    texts = {name: text for name, text in sample.texts.items() if text}
    shares = share_room([text_bytes(text) + _cost(name, fence) for name, text in texts.items()], room)
    shown: dict[str, str] = {}
    is_cut = sample.view.is_cut
    for (name, text), share in zip(texts.items(), shares, strict=True):
        kept = cut_text(text, share - _cost(name, fence), from_start=name == "stderr_excerpt")
        if len(kept) < len(text):
            is_cut = True
        if kept:
            shown[name] = fence.lines(kept)
    return sample.view.model_copy(update={**shown, "is_cut": is_cut})


def _cost(name: str, fence: Fence) -> int:
    """Return the bytes of the key and the marks around a text."""
    return len(name) + len('"":"",') + fence.cost


def _bare_bytes(sample: JobSample) -> int:
    return _row_bytes(sample.view) + len(',"is_cut":true')


def _wanted_bytes(sample: JobSample, fence: Fence) -> int:
    return sum(text_bytes(text) + _cost(name, fence) for name, text in sample.texts.items() if text)


def _sample_of(group: FailureGroup) -> JobSample:
    sample = group.sample
    view = view_job(
        job_id=sample.job_id,
        name=sample.job_name,
        signature=group.signature,
        run_id=sample.run_id,
        attempt_id=sample.attempt_id,
        return_code=sample.return_code,
        exec_time_minutes=sample.exec_time_minutes,
        evidence=sample.evidence,
    )
    return JobSample(view=view, texts=_texts(sample.evidence))


def _others(client: TorcClient, workflow_id: int, group: FailureGroup) -> Iterator[JobSample]:
    """Yield samples of the group's other jobs."""
    if group.count < 2:
        return
    page = client.failures.evidence(workflow_id, signature=group.signature, limit=min(group.count, FEW_JOBS))
    wanted = set(group.job_ids) - {group.sample.job_id}
    for item in page.items:
        if item.job_id in wanted:
            yield _sample_from(item, group.signature)


def _sample_from(item: EvidenceModel, signature: str) -> JobSample:
    view = view_job(
        job_id=item.job_id,
        name=item.job_name,
        signature=signature,
        run_id=item.run_id,
        attempt_id=item.attempt_id,
        return_code=item.evidence.return_code,
        exec_time_minutes=None,
        evidence=item.evidence,
    )
    return JobSample(view=view, texts=_texts(item.evidence))


def _texts(evidence: Evidence | None) -> dict[str, str]:
    if evidence is None:
        return {}
    return {name: harmless(getattr(evidence, name)).strip("\n") for name in _TEXTS}
