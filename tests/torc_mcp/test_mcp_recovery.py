"""Agents see what jobs used, and recover by rules: planned first, then applied."""

import pytest
from mcp_scenes import Failing, agent, failing, make_workflow, run_jobs, settings_of

from torc_client.http import TorcClient
from torc_core.api.failures import DecisionLimits
from torc_core.jobs.status import JobStatus

pytestmark = pytest.mark.anyio


def mixed(client: TorcClient) -> tuple[int, list[int]]:
    return make_workflow(
        client,
        [
            failing("hungry", "Killed", return_code=137, verdict="oom", peak_memory_bytes=8 << 30),
            failing("late", "", return_code=152, verdict="timeout", runtime_s=3600, runtime_limit_s=3600),
            failing("odd", "zzz qqq"),
            Failing(name="good", evidence=None),
        ],
    )


async def test_the_resource_report_names_what_ended_failed_jobs(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (hungry, late, odd, _) = mixed(shared_client)
    async with agent(shared_client, mode=mode) as me:
        report = await me.ask("check_resource_utilization", workflow_id=workflow_id)
        assert (report["total_results"], report["resource_violations_count"]) == (4, 3)
        assert (report["likely_oom_count"], report["likely_timeout_count"]) == (1, 1)
        causes = {row["job_id"]: row["cause"] for row in report["resource_violations"]}
        assert causes == {hungry: "oom", late: "timeout", odd: "unknown"}
        short = await me.ask("check_resource_utilization", workflow_id=workflow_id, include_failed=False)
        assert short["resource_violations"] == []


async def test_a_recovery_is_planned_and_then_applied(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (hungry, late, odd, _) = mixed(shared_client)
    async with agent(shared_client, mode=mode) as me:
        plan = await me.ask("recover_workflow", workflow_id=workflow_id)
        assert (plan["dry_run"], plan["retried_count"], plan["needs_decision_count"]) == (True, 2, 1)
        retried = {row["job_id"]: row for row in plan["retried"]}
        assert (retried[hungry]["old_memory"], retried[hungry]["memory"]) == ("8g", "12g")
        assert (retried[late]["old_runtime"], retried[late]["runtime"]) == ("PT1H", "PT1H24M")
        assert plan["needs_decision"][0]["job_id"] == odd
        assert shared_client.jobs.get(hungry).status is JobStatus.PENDING_FAILED
        done = await me.ask("recover_workflow", workflow_id=workflow_id, dry_run=False)
        assert (done["dry_run"], done["retried_count"], done["run_id"]) == (False, 2, 2)
        assert f"torc run {workflow_id}" in done["next_steps"]
    statuses = [shared_client.jobs.get(job_id).status for job_id in (hungry, late, odd)]
    assert statuses == [JobStatus.READY, JobStatus.READY, JobStatus.PENDING_FAILED]


async def test_a_recovery_stays_within_the_bounds_of_this_server(shared_client: TorcClient) -> None:
    workflow_id, (hungry, *_) = mixed(shared_client)
    limits = DecisionLimits(max_memory="10g", max_runtime="PT1H")
    async with agent(shared_client, settings=settings_of(shared_client, limits=limits)) as me:
        plan = await me.ask("recover_workflow", workflow_id=workflow_id)
    assert [(row["job_id"], row["memory"]) for row in plan["retried"]] == [(hungry, "10g")]
    assert [row["why"] for row in plan["skipped"]] == ["capped"]


async def test_what_an_agent_recovers_is_its_decision_and_bounded(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (odd, odder) = make_workflow(shared_client, [failing("odd", "zzz qqq"), failing("odder", "qqq zzz")])
    request = {"job_id": odd, "action": "retry", "reason": "once more"}
    limits = DecisionLimits(max_ai_retries=1)
    async with agent(shared_client, mode=mode, limits=limits) as me:
        await me.ask("classify_and_resolve_failures", workflow_id=workflow_id, classifications=[request], dry_run=False)
        run_jobs(shared_client, workflow_id, {odd: failing("odd", "zzz qqq")})
        asked = {"workflow_id": workflow_id, "retry_unknown": True, "dry_run": False}
        done = await me.ask("recover_workflow", **asked)
        assert (done["retried_count"], done["run_id"]) == (1, 2)
        assert "1 were left: agents and rules sent it back once already" in done["next_steps"]
        assert "a person has to decide" in await me.refused("recover_workflow", **asked)
    assert shared_client.jobs.get(odd).status is JobStatus.PENDING_FAILED
    [kept] = shared_client.failures.decisions(workflow_id, job_id=odder)
    assert (kept.actor.kind, kept.actor.name, kept.actor.user) == ("agent", "test-agent", "tester")


async def test_what_nobody_asked_for_is_no_limit_to_be_measured_by(shared_client: TorcClient) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("free", "zzz")], requirement=False)
    async with agent(shared_client) as me:
        [row] = (await me.ask("check_resource_utilization", workflow_id=workflow_id))["resource_violations"]
        assert (row["configured_memory"], row["configured_runtime"]) == ("unspecified", "unspecified")
        assert not {"likely_runtime_violation", "likely_cpu_violation", "likely_oom"} & {k for k, v in row.items() if v}
        changed = await me.ask("update_job_resources", job_id=job_id, memory="4g")
        assert (changed["before"]["memory"], changed["before"]["runtime"]) == ("unspecified", "unspecified")
        assert (changed["after"]["memory"], changed["after"]["runtime"]) == ("4g", "unspecified")


async def test_nothing_to_recover_is_no_error(shared_client: TorcClient) -> None:
    workflow_id, _ = make_workflow(shared_client, [Failing(name="good", evidence=None)])
    async with agent(shared_client) as me:
        for dry_run in (True, False):
            plan = await me.ask("recover_workflow", workflow_id=workflow_id, dry_run=dry_run)
            assert plan["retried_count"] == 0 and "nothing to recover" in plan["next_steps"]


async def test_long_calls_tell_how_far_they_are(shared_client: TorcClient, mode: str) -> None:
    workflow_id, _ = mixed(shared_client)
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with agent(shared_client, mode=mode) as me:
        for tool in ("check_resource_utilization", "analyze_workflow_logs"):
            await me.client.call_tool(tool, {"workflow_id": workflow_id}, progress_callback=hear)
    assert "reading results" in heard and "groups of failures read" in heard


async def test_jobs_are_shown_by_their_requirements_and_grouped_anew(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (hungry, late, odd, good) = mixed(shared_client)
    before = {job_id: shared_client.jobs.get(job_id).resource_requirements_id for job_id in (hungry, late, odd, good)}
    async with agent(shared_client, mode=mode) as me:
        use = await me.ask("analyze_resource_usage", workflow_id=workflow_id)
        assert (use["total_jobs"], use["total_jobs_with_results"]) == (4, 4)
        [group] = use["resource_groups"]
        assert group["summary"]["exec_time_minutes"]["max"] >= group["summary"]["exec_time_minutes"]["median"]
        completed = await me.ask("analyze_resource_usage", workflow_id=workflow_id, completed_only=True)
        assert completed["jobs_without_results"] == [hungry, late, odd]
        amounts = {"memory": "3072m", "num_cpus": 2, "runtime": "PT90M"}
        wanted = [{"name": "small", "job_ids": [late, good], **amounts}, {"job_ids": [odd], **amounts}]
        plan = await me.ask("regroup_job_resources", workflow_id=workflow_id, groups=wanted)
        assert (plan["dry_run"], plan["total_jobs"], plan["groups"][0]["before"]) == (True, 3, {group["name"]: 2})
        assert {job_id: shared_client.jobs.get(job_id).resource_requirements_id for job_id in before} == before
        done = await me.ask("regroup_job_resources", workflow_id=workflow_id, groups=wanted, dry_run=False)
        again = await me.ask("regroup_job_resources", workflow_id=workflow_id, groups=wanted, dry_run=False)
        assert [row["resource_requirements_id"] for row in again["groups"]] == [
            row["resource_requirements_id"] for row in done["groups"]
        ]
        twice = [{"job_ids": [odd, odd], **amounts}]
        assert "more than once" in await me.refused("regroup_job_resources", workflow_id=workflow_id, groups=twice)
    assert shared_client.jobs.get(hungry).resource_requirements_id == before[hungry]
    record = shared_client.resource_requirements.get(shared_client.jobs.get(good).resource_requirements_id or 0)
    assert (record.name, record.memory, record.num_cpus, record.runtime) == ("small", "3g", 2, "PT1H30M")


async def test_groups_stay_within_the_bounds_of_this_server(shared_client: TorcClient) -> None:
    workflow_id, (hungry, *_) = mixed(shared_client)
    groups = [{"job_ids": [hungry], "memory": "11g", "num_cpus": 1, "runtime": "PT1H"}]
    async with agent(shared_client, settings=settings_of(shared_client, limits=DecisionLimits(max_memory="10g"))) as me:
        assert "more memory" in await me.refused("regroup_job_resources", workflow_id=workflow_id, groups=groups)
