"""Agents see how workflows, jobs and results stand."""

import pytest
from mcp_scenes import Failing, agent, failing, make_workflow

from torc_client.http import TorcClient

pytestmark = pytest.mark.anyio


async def test_a_workflow_is_found_counted_and_summarized(shared_client: TorcClient, mode: str) -> None:
    jobs = [Failing(name="good", evidence=None), failing("bad", "ValueError: nope")]
    workflow_id, _ = make_workflow(shared_client, jobs, name=f"counted-{mode}")
    async with agent(shared_client, mode=mode) as me:
        listed = await me.ask("list_workflows", name=f"counted-{mode}")
        assert [row["workflow_id"] for row in listed["workflows"]] == [workflow_id]
        status = await me.ask("get_workflow_status", workflow_id=workflow_id)
        assert status["job_counts_by_status"] == {"completed": 1, "pending_failed": 1}
        assert status["next_steps"] == "1 jobs wait for a decision: see list_pending_failed_jobs."
        summary = await me.ask("get_workflow_summary", workflow_id=workflow_id)
        assert (summary["total_jobs"], summary["is_complete"]) == (2, False)
        (group,) = summary["largest_failure_groups"]
        assert group["count"] == 1 and "ValueError: nope" in group["cause"]


async def test_jobs_are_listed_by_status_page_by_page(shared_client: TorcClient, mode: str) -> None:
    jobs = [Failing(name=f"job_{n}", evidence=None) for n in range(7)]
    workflow_id, job_ids = make_workflow(shared_client, jobs, run=False)
    async with agent(shared_client, mode=mode) as me:
        first = await me.ask("list_jobs_by_status", workflow_id=workflow_id, status="uninitialized", limit=5)
        assert (first["count"], len(first["jobs"]), first["next_offset"]) == (7, 5, 5)
        rest = await me.ask("list_jobs_by_status", workflow_id=workflow_id, status="uninitialized", offset=5)
        assert [row["job_id"] for row in first["jobs"] + rest["jobs"]] == job_ids
        assert "next_offset" not in rest


async def test_a_job_is_shown_with_its_needs_and_its_newest_result(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", "KeyError: 'x'", return_code=3)])
    async with agent(shared_client, mode=mode) as me:
        job = await me.ask("get_job_details", job_id=job_id)
        assert (job["workflow_id"], job["status"], job["attempt_id"]) == (workflow_id, "pending_failed", 1)
        assert job["resource_requirements"]["memory"] == "8g"
        assert job["latest_result"]["return_code"] == 3
        results = await me.ask("list_results", workflow_id=workflow_id, failed_only=True)
        assert (results["total"], results["results"][0]["job_id"]) == (1, job_id)
        assert (await me.ask("list_results", workflow_id=workflow_id, return_code=0))["total"] == 0


async def test_commands_come_without_credentials_and_control_characters(shared_client: TorcClient) -> None:
    job = Failing(name="red\x1b[31mname", evidence=None, command="curl --token abcdef123456 \x1b]0;title\x07 http://x")
    _, (job_id,) = make_workflow(shared_client, [job], run=False)
    async with agent(shared_client) as me:
        shown = await me.ask("get_job_details", job_id=job_id)
        assert shown["command"] == "curl --token [redacted]  http://x"
        assert shown["name"] == "redname"


async def test_unknown_ids_say_what_to_do_next(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        reply = await me.refused("get_workflow_status", workflow_id=987654)
        assert "987654" in reply and "list_workflows" in reply
        assert "987654" in await me.refused("get_job_details", job_id=987654)


async def test_wrong_arguments_are_refused_by_name(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        assert "status" in await me.refused("list_jobs_by_status", workflow_id=1, status="sleeping")
        assert "workflow_id" in await me.refused("get_workflow_status", workflow_id=0)
