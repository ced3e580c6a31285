"""Workflows with failures as runners report them, and agents that talk to the server in the same process."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, Implementation, TextContent

from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_core.api.drafts import JobDraft, ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobCompletion, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.results import ResultModel
from torc_core.api.workflows import WorkflowModel
from torc_core.evidence.record import Evidence
from torc_core.jobs.status import JobStatus
from torc_mcp.server import build_server
from torc_mcp.settings import McpSettings

NOW = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A job and how its first attempt ends: None completes it."""

    name: str
    evidence: Evidence | None
    command: str = "run.sh"
    depends_on: tuple[int, ...] = ()


def failing(name: str, stderr: str, *, return_code: int = 1, **facts: Any) -> Failing:
    return Failing(name=name, evidence=Evidence(return_code=return_code, stderr_tail=stderr, **facts))


def make_workflow(
    client: TorcClient, jobs: Iterable[Failing], *, name: str = "scene", requirement: bool = True, run: bool = True
) -> tuple[int, list[int]]:
    """A workflow whose jobs all ran once; its id and those of the jobs. They share one requirement, 8g and one hour."""
    jobs = list(jobs)
    created = client.create_from_draft(
        WorkflowDraft(
            workflow=WorkflowModel(name=name, user="tester", use_pending_failed=True),
            resource_requirements=[ResourceRequirementsDraft(name="large", num_cpus=2, memory="8g", runtime="PT1H")],
            jobs=[
                JobDraft(
                    name=job.name,
                    command=job.command,
                    depends_on=list(job.depends_on),
                    resource_requirements=0 if requirement else None,
                )
                for job in jobs
            ],
        )
    )
    assert created.workflow.id is not None and created.first_job_id is not None
    workflow_id, first = created.workflow.id, created.first_job_id
    job_ids = list(range(first, first + len(jobs)))
    if run:
        client.initialize_jobs(workflow_id)
        run_jobs(client, workflow_id, dict(zip(job_ids, jobs, strict=True)))
    return workflow_id, job_ids


def run_jobs(client: TorcClient, workflow_id: int, outcomes: dict[int, Failing]) -> None:
    """Claims, starts and ends one attempt of each job."""
    node = client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow_id,
            hostname="node1",
            pid=1,
            start_time=NOW,
            num_cpus=8,
            num_gpus=0,
            num_nodes=1,
            memory_gb=64,
            compute_node_type="local",
            is_active=True,
        )
    )
    assert node.id is not None
    run_id = client.workflows.get(workflow_id).run_id or 1
    claimed = client.claim_next_jobs(workflow_id, limit=len(outcomes), compute_node_id=node.id).jobs
    attempts = {job.id: job.attempt_id or 1 for job in claimed}
    client.start_jobs(workflow_id, StartJobsRequest(run_id=run_id, compute_node_id=node.id, job_ids=list(outcomes)))
    answer = client.complete_jobs(
        workflow_id,
        [
            _completion(job_id, job, workflow_id, run_id=run_id, attempt_id=attempts[job_id], node_id=node.id)
            for job_id, job in outcomes.items()
        ],
    )
    assert not answer.errors, answer.errors[:3]


def _completion(
    job_id: int, job: Failing, workflow_id: int, *, run_id: int, attempt_id: int, node_id: int
) -> JobCompletion:
    status = JobStatus.FAILED if job.evidence else JobStatus.COMPLETED
    return JobCompletion(
        job_id=job_id,
        status=status,
        run_id=run_id,
        result=ResultModel(
            job_id=job_id,
            workflow_id=workflow_id,
            run_id=run_id,
            attempt_id=attempt_id,
            compute_node_id=node_id,
            return_code=job.evidence.return_code if job.evidence else 0,
            exec_time_minutes=1.5,
            completion_time=NOW,
            status=status,
            peak_memory_bytes=job.evidence.peak_memory_bytes if job.evidence else 1 << 20,
        ),
        evidence=job.evidence,
        unmatched_failure=job.evidence is not None,
    )


@dataclass(frozen=True)
class Agent:
    """An MCP client with short words for what tests ask."""

    client: Client

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer; fails when the tool did."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """What the tool says when it refuses."""
        result = await self.call(tool, **arguments)
        assert result.is_error, result
        return text_of(result)

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)

    async def tools(self) -> dict[str, Any]:
        return {tool.name: tool for tool in (await self.client.list_tools()).tools}


@asynccontextmanager
async def agent(
    client: TorcClient, *, mode: str = "auto", settings: McpSettings | None = None, **more: Any
) -> AsyncIterator[Agent]:
    """An agent beside a server of its own settings, over the client given."""
    server = build_server(settings or settings_of(client, **more), client)
    async with Client(server, mode=mode, client_info=Implementation(name="test-agent", version="1.2")) as connected:
        yield Agent(connected)


def settings_of(client: TorcClient, **more: Any) -> McpSettings:
    return McpSettings(client=ClientSettings(url=client.url, user="tester", output_dir="nowhere"), **more)


def text_of(result: CallToolResult) -> str:
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text
