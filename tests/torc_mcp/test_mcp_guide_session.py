"""The example session of the guide to AI-assisted recovery, call by call."""

import pytest
from mcp_scenes import Failing, agent, failing, make_workflow, run_jobs

from torc_client.http import TorcClient
from torc_core.jobs.status import JobStatus

pytestmark = pytest.mark.anyio

CONNECTION = "ConnectionError: Connection refused to storage.internal:443"
FORMAT = "ValueError: Column 'timestamp' has invalid format"


async def test_the_guides_session_works_as_it_is_written(client: TorcClient, mode: str) -> None:
    jobs = [
        failing("process_batch_1", CONNECTION),
        failing("process_batch_2", CONNECTION),
        failing("validate_data", FORMAT),
        Failing(name="collect_batches", evidence=None, depends_on=(0, 1)),
        Failing(name="publish_data", evidence=None, depends_on=(2,)),
    ]
    workflow_id, job_ids = make_workflow(client, jobs, run=False)
    first, second, third, collect, _ = job_ids
    client.initialize_jobs(workflow_id)
    run_jobs(client, workflow_id, dict(zip(job_ids[:3], jobs[:3], strict=True)))

    def statuses() -> list[JobStatus | None]:
        return [client.jobs.get(job_id).status for job_id in job_ids]

    async with agent(client, mode=mode) as me:
        # "Let me check what's happening."
        status = await me.ask("get_workflow_status", workflow_id=workflow_id)
        assert status["job_counts_by_status"] == {"blocked": 2, "pending_failed": 3}

        # "I found 3 jobs awaiting classification"
        found = await me.ask("list_pending_failed_jobs", workflow_id=workflow_id)
        assert (found["workflow_id"], found["pending_failed_count"]) == (workflow_id, 3)
        shown = {job["job_id"]: job for job in found["pending_failed_jobs"]}
        for job_id, name, text in (
            (first, "process_batch_1", CONNECTION),
            (second, "process_batch_2", CONNECTION),
            (third, "validate_data", FORMAT),
        ):
            assert (shown[job_id]["name"], shown[job_id]["return_code"]) == (name, 1)
            assert text in shown[job_id]["stderr_tail"]
        assert found["guidance"]

        # "Here's my proposed classification"
        classifications = [
            {"job_id": first, "action": "retry", "reason": "Transient network error - storage server was down"},
            {"job_id": second, "action": "retry", "reason": "Transient network error - storage server was down"},
            {"job_id": third, "action": "fail", "reason": "Invalid input data - requires fix"},
        ]
        arguments = {"workflow_id": workflow_id, "classifications": classifications}
        before = statuses()
        proposed = await me.ask("classify_and_resolve_failures", **arguments, dry_run=True)
        assert {row["job_id"]: row["action"] for row in proposed["results"]} == {
            first: "retry",
            second: "retry",
            third: "fail",
        }
        assert statuses() == before

        # "Yes, go ahead." - "Done! ... now ready to retry. ... marked as failed."
        done = await me.ask("classify_and_resolve_failures", **arguments, dry_run=False)
        assert (done["jobs_to_retry"], done["jobs_to_fail"], done["jobs_skipped"]) == (2, 1, 0)
    assert statuses() == [
        JobStatus.READY,
        JobStatus.READY,
        JobStatus.FAILED,
        JobStatus.BLOCKED,
        JobStatus.CANCELED,
    ]
    assert [client.jobs.get(job_id).attempt_id for job_id in (first, second, third)] == [2, 2, 1]

    run_jobs(client, workflow_id, {job_id: Failing(name="", evidence=None) for job_id in (first, second)})
    run_jobs(client, workflow_id, {collect: Failing(name="", evidence=None)})
    assert statuses() == [
        JobStatus.COMPLETED,
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.COMPLETED,
        JobStatus.CANCELED,
    ]
    outcomes = {decision.job_id: decision.outcome for decision in client.failures.decisions(workflow_id)}
    assert (outcomes[first], outcomes[second]) == ("succeeded", "succeeded")


async def test_resources_go_with_a_retry_as_the_guide_shows(client: TorcClient, mode: str) -> None:
    workflow_id, (job_id,) = make_workflow(client, [failing("process_data", "MemoryError", return_code=1)])
    adjusted = {
        "job_id": job_id,
        "action": "retry",
        "memory": "16g",
        "runtime": "PT4H",
        "reason": "OOM detected in stderr, increasing memory",
    }
    async with agent(client, mode=mode) as me:
        await me.ask(
            "classify_and_resolve_failures", workflow_id=workflow_id, classifications=[adjusted], dry_run=False
        )
        needs = (await me.ask("get_job_details", job_id=job_id))["resource_requirements"]
    assert (needs["memory"], needs["runtime"]) == ("16g", "PT4H")
