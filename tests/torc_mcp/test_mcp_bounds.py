"""Answers stay small however much there is to tell: 10,000 failures, in 300 groups."""

import json
from typing import Any

import pytest
from mcp_scenes import Failing, agent, failing, make_workflow, text_of
from mcp_types import CallToolResult

from torc_client.http import TorcClient
from torc_core.evidence.record import Evidence, fit
from torc_mcp.budget import ANSWER_BYTES, cut_text, share_room, text_bytes

JOBS = 10_000
GROUPS = 300


def word(number: int) -> str:
    """Letters only: numbers are masked where causes are compared."""
    return "".join(chr(ord("a") + digit) for digit in (number // 26, number % 26))


def many_failures(count: int) -> list[Failing]:
    """Few large groups and many small ones, each with a long log."""
    jobs = []
    for number in range(count):
        group = min(number % 400, GROUPS - 1) if number % 3 else number % 40
        stderr = "\n".join(f"progress step {n} of the computation" for n in range(40))
        stderr += f'\nValueError: broken {word(group)} "quoted" \u2603\n'
        jobs.append(failing(f"job_{number}", stderr))
    return jobs


def size(result: CallToolResult) -> int:
    """What a model sees at most: both parts."""
    assert not result.is_error, text_of(result)
    payload = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
    return len(payload.encode()) + len(text_of(result).encode())


def lines_of(found: dict[str, Any]) -> list[str]:
    """The groups that got only a line, without the marks around them."""
    return str(found.get("more_groups", "")).splitlines()[1:-1]


@pytest.fixture(scope="module")
def crowded(shared_client: TorcClient) -> int:
    return make_workflow(shared_client, many_failures(JOBS), name="crowded")[0]


@pytest.fixture(scope="module")
def busy(shared_client: TorcClient) -> int:
    return make_workflow(shared_client, many_failures(1_200), name="busy")[0]


@pytest.mark.anyio
async def test_ten_thousand_failures_fit_one_answer(shared_client: TorcClient, crowded: int, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        result = await me.call("list_pending_failed_jobs", workflow_id=crowded)
        assert size(result) <= ANSWER_BYTES
        found = result.structured_content or {}
    assert (found["pending_failed_count"], found["groups_total"]) == (JOBS, GROUPS)
    counts = [group["count"] for group in found["groups"]]
    assert len(counts) >= 3 and counts == sorted(counts, reverse=True)
    shown = [job["signature"] for job in found["pending_failed_jobs"]]
    assert shown == [group["signature"] for group in found["groups"]]
    assert all("ValueError: broken" in job["stderr_tail"] for job in found["pending_failed_jobs"])
    lines = lines_of(found)
    assert len(lines) >= 60
    assert all("ValueError: broken" in line for line in lines)
    assert found["next_offset"] == len(counts) + len(lines)


@pytest.mark.anyio
async def test_all_groups_are_reached_page_by_page(shared_client: TorcClient, crowded: int) -> None:
    seen: dict[str, int] = {}
    offset: int | None = 0
    pages = 0
    async with agent(shared_client) as me:
        while offset is not None:
            result = await me.call("list_pending_failed_jobs", workflow_id=crowded, offset=offset)
            assert size(result) <= ANSWER_BYTES
            page = result.structured_content or {}
            seen |= {group["signature"]: group["count"] for group in page["groups"]}
            seen |= {line.split()[0]: int(line.split()[1]) for line in lines_of(page)}
            offset = page.get("next_offset")
            pages += 1
    assert pages <= 3
    assert (len(seen), sum(seen.values())) == (GROUPS, JOBS)


@pytest.mark.anyio
async def test_a_decision_on_thousands_of_jobs_fits_too(shared_client: TorcClient, crowded: int) -> None:
    async with agent(shared_client) as me:
        found = await me.ask("list_pending_failed_jobs", workflow_id=crowded)
        counts = {group["signature"]: group["count"] for group in found["groups"]}
        counts |= {line.split()[0]: int(line.split()[1]) for line in lines_of(found)}
        entries = [{"signature": name, "action": "retry", "reason": "because " * 100} for name in counts]
        result = await me.call("classify_and_resolve_failures", workflow_id=crowded, classifications=entries)
        assert size(result) <= ANSWER_BYTES
        shown = result.structured_content or {}
    assert shown["jobs_to_retry"] == sum(counts.values()) > 5_000
    assert shown["results"] == []  # an agent knows what it asked for: only exceptions are worth its tokens


@pytest.mark.anyio
@pytest.mark.parametrize(
    "tool",
    [
        "analyze_workflow_logs",
        "check_resource_utilization",
        "get_workflow_status",
        "get_workflow_summary",
        "recover_workflow",
        "list_results",
        "get_execution_plan",
    ],
)
async def test_every_other_answer_about_a_busy_workflow_fits(shared_client: TorcClient, busy: int, tool: str) -> None:
    key = "spec_or_id" if tool == "get_execution_plan" else "workflow_id"
    async with agent(shared_client) as me:
        assert size(await me.call(tool, **{key: busy})) <= ANSWER_BYTES


@pytest.mark.anyio
async def test_long_and_odd_texts_are_cut(shared_client: TorcClient, mode: str) -> None:
    evidence = fit(
        Evidence(
            return_code=1,
            stderr_excerpt='\u2603"\\\n' * 5_000,
            stderr_tail="x" * 50_000 + "\nOSError: end",
            stdout_tail='\t"' * 9_000,
            missing_output_files=tuple("f" * 300 for _ in range(20)),
        )
    )
    job = Failing(name="n" * 250, evidence=evidence, command="c" * 50_000)
    workflow_id, (job_id, *_) = make_workflow(shared_client, [job])
    async with agent(shared_client, mode=mode) as me:
        for tool, arguments in (
            ("list_pending_failed_jobs", {"workflow_id": workflow_id}),
            ("get_job_logs", {"job_id": job_id, "tail_lines": 1000}),
            ("get_job_logs", {"job_id": job_id, "log_type": "stdout"}),
            ("get_job_details", {"job_id": job_id}),
            ("list_jobs_by_status", {"workflow_id": workflow_id, "status": "pending_failed"}),
        ):
            assert size(await me.call(tool, **arguments)) <= ANSWER_BYTES
        shown = (await me.ask("list_pending_failed_jobs", workflow_id=workflow_id))["pending_failed_jobs"][0]
    assert shown["is_cut"] and "OSError: end" in shown["stderr_tail"]


def test_room_is_shared_so_that_short_texts_stay_whole() -> None:
    assert share_room([10, 1000, 20, 1000], 230) == [10, 100, 20, 100]
    assert share_room([10, 20], 1000) == [10, 20]
    assert share_room([], 10) == []
    assert share_room([5, 5], -1) == [0, 0]


@pytest.mark.parametrize("text", ["", "plain\nlines\nhere", '"\\"\n' * 50, "\u2603" * 100, "no end" * 100])
@pytest.mark.parametrize("room", [0, 1, 7, 50, 10_000])
def test_a_cut_text_fits_its_room_and_is_a_piece_of_the_whole(text: str, room: int) -> None:
    end, start = cut_text(text, room), cut_text(text, room, from_start=True)
    assert text_bytes(end) <= room and text_bytes(start) <= room
    assert text.endswith(end) and text.startswith(start)
    if room >= text_bytes(text):
        assert end == start == text
