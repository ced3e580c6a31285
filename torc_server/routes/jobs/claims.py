"""Claims: a runner asks for jobs, and may wait for them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

from fastapi import Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from torc_core.api.jobs import ClaimedJobs, ComputeNodesResources
from torc_server.routes.contract import contract_router, json_answer
from torc_server.routes.parameters import LARGEST_ID, LabelList, QueryId, RecordId, read_labels
from torc_server.routes.unit_of_work import Work, Working
from torc_server.services.jobs.claim import claim_jobs, claim_next_jobs, nothing_to_claim

LONGEST_WAIT_S: Final = 60.0
_WRITTEN_APART: Final = 100
"""Answers with more jobs are written outside the event loop, so that other requests go on."""

WaitSeconds = Annotated[float, Query(ge=0, description=f"how long to wait for jobs, at most {LONGEST_WAIT_S:g} s")]

router = contract_router("workflows")


@router.post("/workflows/{id}/claim_jobs_based_on_resources/{limit}", response_model=ClaimedJobs)
async def claim_jobs_based_on_resources(
    request: Request,
    workflow_id: RecordId,
    limit: Annotated[int, Path(le=LARGEST_ID)],
    body: ComputeNodesResources,
    work: Working,
    strict_scheduler_match: bool = False,
    wait_seconds: WaitSeconds = 0.0,
) -> Response:
    strict = strict_scheduler_match
    claim = partial(work.write, claim_jobs, workflow_id, body, limit=limit, strict_scheduler_match=strict)
    look = partial(work.read, nothing_to_claim, workflow_id, body, strict_scheduler_match=strict)
    return await _claim_or_wait(request, work, workflow_id, claim, look, wait_seconds)


@router.post("/workflows/{id}/claim_next_jobs", response_model=ClaimedJobs, name="claim_next_jobs")
async def claim_next(
    request: Request,
    workflow_id: RecordId,
    work: Working,
    limit: Annotated[int, Query(le=LARGEST_ID)] = 10,
    compute_node_id: QueryId = None,
    run_id: QueryId = None,
    wait_seconds: WaitSeconds = 0.0,
    labels: LabelList = None,
) -> Response:
    own = read_labels(labels)
    claim = partial(
        work.write,
        claim_next_jobs,
        workflow_id,
        limit=limit,
        compute_node_id=compute_node_id,
        run_id=run_id,
        labels=own,
    )
    look = partial(work.read, nothing_to_claim, workflow_id, run_id=run_id, labels=own)
    return await _claim_or_wait(request, work, workflow_id, claim, look, wait_seconds)


async def _claim_or_wait(
    request: Request,
    work: Work,
    workflow_id: int,
    claim: Callable[[], ClaimedJobs],
    look: Callable[[], ClaimedJobs | None],
    wait_s: float,
) -> Response:
    """Claim at once, or wait for changes and claim again until there are jobs or the time is over."""
    deadline = asyncio.get_running_loop().time() + min(wait_s, LONGEST_WAIT_S)
    # queued before the first look: jobs that become ready between look and wait would otherwise wake nobody
    with work.hub.waiting(workflow_id) as waiting_claim:
        answer = await run_in_threadpool(claim)
        while not answer.jobs and _may_get_more(answer) and not work.hub.is_closing:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0 or not await waiting_claim.wait(left_s) or await request.is_disconnected():
                break
            # a look only reads: it does not queue behind writers for an answer that is empty most of the time
            answer = await run_in_threadpool(lambda: look() or claim())
            if not answer.jobs and answer.outlook is not None and answer.outlook.ready == 0 and answer.outlook.active:
                waiting_claim.settle()
    return await run_in_threadpool(json_answer, answer) if len(answer.jobs) > _WRITTEN_APART else json_answer(answer)


def _may_get_more(answer: ClaimedJobs) -> bool:
    outlook = answer.outlook
    if outlook is None or answer.reason is not None:
        return False
    return not outlook.is_complete and outlook.active + outlook.ready_that_fit > 0
