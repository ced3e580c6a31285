"""Decides about more jobs than one request may: requests are repeated until no job of the groups is left."""

from collections.abc import Callable, Sequence

from torc_client.http import TorcClient
from torc_core.api.failures import MAX_DECIDED_JOBS, Classification, ClassifyRequest, ClassifyResponse
from torc_core.errors import NotFoundError

Progress = Callable[[ClassifyResponse], None]


def decide_all(
    client: TorcClient, workflow_id: int, request: ClassifyRequest, progress: Progress = lambda _: None
) -> ClassifyResponse:
    """Send the entries in as many requests as needed, and return their answers in one.

    `progress` is called with the sum so far before each further request.

    Each call is a transaction of its own. Raises as `client.failures.classify` does, with nothing changed by the call
    that failed.
    """
    first, *others = in_parts(request.classifications)
    done = client.failures.classify(workflow_id, _of(request, first))
    parts = [_left(first, done), *others]
    while parts:
        part = parts.pop(0)
        if not part:
            continue
        progress(done)
        try:
            answer = client.failures.classify(workflow_id, _of(request, part))
        except NotFoundError:
            continue  # somebody else decided meanwhile what was left
        done = _sum(done, answer)
        if answer.jobs_to_retry + answer.jobs_to_fail:
            parts.insert(0, _left(part, answer))
    return done


def in_parts(classifications: Sequence[Classification]) -> list[list[Classification]]:
    """Split the entries so that no part names more single jobs than a request may; groups go with the last part."""
    named = [each for each in classifications if each.job_id is not None]
    groups = [each for each in classifications if each.job_id is None]
    if len(named) <= MAX_DECIDED_JOBS:
        return [list(classifications)]
    parts = [named[start : start + MAX_DECIDED_JOBS] for start in range(0, len(named), MAX_DECIDED_JOBS)]
    return [*parts[:-1], [*parts[-1], *groups]]


def _of(request: ClassifyRequest, classifications: Sequence[Classification]) -> ClassifyRequest:
    return request.model_copy(update={"classifications": list(classifications)})


def _left(part: Sequence[Classification], answer: ClassifyResponse) -> list[Classification]:
    return [each for each in part if each.signature is not None and each.signature in answer.remaining_signatures]


def _sum(one: ClassifyResponse, other: ClassifyResponse) -> ClassifyResponse:
    return other.model_copy(
        update={
            "jobs_to_retry": one.jobs_to_retry + other.jobs_to_retry,
            "jobs_to_fail": one.jobs_to_fail + other.jobs_to_fail,
            "jobs_skipped": one.jobs_skipped + other.jobs_skipped,
            "jobs": [*one.jobs, *other.jobs],
        }
    )
