"""Pages of the review hold together what the whole review holds, in its order."""

from pathlib import Path

import pytest
from services_bench import Run
from triage import AGENT, BUG, REFUSED, STRANGE, entry_for, failed_run, request

from torc_server.services.records.paging import PageRequest
from torc_server.services.triage import proposals, review


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return failed_run(tmp_path, {"a": REFUSED, "b": REFUSED, "c": BUG, "d": STRANGE, "e": REFUSED, "f": BUG})


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_the_pages_together_are_the_whole_review(run: Run, size: int) -> None:
    run.bench.write(proposals.propose, run.workflow_id, request(entry_for(run, "a", "fail"), actor=AGENT))
    whole = run.bench.read(review.list_review, run.workflow_id)
    found, total = [], len(whole.entries)
    for offset in range(0, total, size):
        part = PageRequest(offset=offset, limit=size)
        page, count = run.bench.read(review.review_page, run.workflow_id, part, job_ids_limit=100)
        assert (count, page.total_jobs, page.as_of) == (total, whole.total_jobs, whole.as_of)
        found += page.entries
    assert found == whole.entries
    assert total == 4
