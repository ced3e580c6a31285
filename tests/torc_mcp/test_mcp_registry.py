"""The table of tools: what is offered at which access, with which hints and schemas."""

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_scenes import agent

from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.errors import InvalidInputError
from torc_mcp.registry import TOOLS, ToolEntry
from torc_mcp.settings import Access, choose_access, parse_toolsets, read_limits

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "TORC_UPDATE_SNAPSHOTS"
MAX_DESCRIPTION = 4_000
MAX_INSTRUCTIONS_BYTES = 2_000
MAX_TOOLS = 24

READING = {
    "list_workflows",
    "get_workflow_status",
    "get_workflow_summary",
    "list_jobs_by_status",
    "get_job_details",
    "list_results",
    "get_job_logs",
    "list_pending_failed_jobs",
    "list_failed_jobs",
    "analyze_workflow_logs",
    "check_resource_utilization",
    "analyze_resource_usage",
    "get_execution_plan",
    "get_slurm_sacct",
    "plan_allocations",
}
PROPOSING = {"classify_and_resolve_failures"}
WRITING = {"update_job_resources", "regroup_job_resources", "recover_workflow", "resubmit_workflow", "create_workflow"}


@pytest.fixture
def nobody() -> TorcClient:
    """What is offered does not depend on any server."""
    return TorcClient(Transport("http://127.0.0.1:1"))


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, Any]]:
    """Every tool as it travels."""

    async def ask() -> dict[str, Any]:
        async with agent(TorcClient(Transport("http://127.0.0.1:1")), output_schemas=True) as me:
            return await me.tools()

    tools = anyio.run(ask)
    return {name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for name, tool in tools.items()}


@pytest.mark.anyio
async def test_the_tools_and_their_order_are_the_same_in_both_eras(nobody: TorcClient, mode: str) -> None:
    async with agent(nobody, mode=mode) as me:
        names = list(await me.tools())
    assert names == [entry.name for entry in TOOLS]
    assert set(names) == READING | PROPOSING | WRITING
    assert len(names) <= MAX_TOOLS


@pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)
def test_the_schema_of_a_tool_is_the_one_agents_know(shown: dict[str, dict[str, Any]], entry: ToolEntry) -> None:
    file = SNAPSHOTS / f"{entry.name}.json"
    text = json.dumps(shown[entry.name], indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get(UPDATE):
        file.write_text(text)
    assert file.read_text() == text, f"if this change is meant, run with {UPDATE}=1"


def test_no_snapshot_is_left_of_a_tool_that_is_gone() -> None:
    assert {file.stem for file in SNAPSHOTS.glob("*.json")} == {entry.name for entry in TOOLS}


def test_every_tool_has_all_hints_a_title_and_a_bounded_description(shown: dict[str, dict[str, Any]]) -> None:
    for name, tool in shown.items():
        hints = tool["annotations"]
        assert set(hints) == {"title", "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}, name
        assert hints["readOnlyHint"] == (name in READING), name
        assert not (hints["readOnlyHint"] and hints["destructiveHint"]), name
        assert tool["title"] and tool["outputSchema"]["type"] == "object"
        first = tool["description"].splitlines()[0]
        assert first.endswith((".", ")")) and len(first) < 120, first
        assert len(tool["description"]) < MAX_DESCRIPTION
        for parameter, schema in tool["inputSchema"].get("properties", {}).items():
            assert "description" in schema, f"{name}.{parameter}"


@pytest.mark.anyio
async def test_read_only_beats_everything(nobody: TorcClient) -> None:
    assert choose_access(read_only=True, proposals_only=True) is Access.READ
    async with agent(nobody, access=choose_access(read_only=True, proposals_only=False)) as me:
        assert set(await me.tools()) == READING
        assert "Unknown tool" in await me.refused("classify_and_resolve_failures", workflow_id=1)


@pytest.mark.anyio
async def test_proposals_only_leaves_one_tool_that_proposes(nobody: TorcClient) -> None:
    async with agent(nobody, access=choose_access(read_only=False, proposals_only=True)) as me:
        assert set(await me.tools()) == READING | PROPOSING


@pytest.mark.anyio
async def test_toolsets_choose_parts(nobody: TorcClient) -> None:
    async with agent(nobody, toolsets=parse_toolsets("authoring")) as me:
        assert set(await me.tools()) == {"get_execution_plan", "create_workflow"}
        assert "list_pending_failed_jobs" not in (me.client.instructions or "")
    with pytest.raises(InvalidInputError, match="'slurm' is no toolset"):
        parse_toolsets("core,slurm")
    with pytest.raises(InvalidInputError, match="no toolset"):
        parse_toolsets(" , ")


@pytest.mark.parametrize("access", list(Access))
@pytest.mark.anyio
async def test_instructions_are_short_and_name_only_tools_that_exist(nobody: TorcClient, access: Access) -> None:
    async with agent(nobody, access=access) as me:
        instructions = me.client.instructions or ""
        tools = set(await me.tools())
    assert 0 < len(instructions.encode()) < MAX_INSTRUCTIONS_BYTES
    known = {entry.name for entry in TOOLS}
    assert {name for name in known if name in instructions} <= tools


def test_bounds_come_from_flags_then_from_the_environment() -> None:
    env = {"TORC_MAX_AI_RETRIES": "2", "TORC_MAX_MEMORY": "64g", "TORC_MAX_RUNTIME": "PT12H"}
    limits = read_limits(env)
    assert (limits.max_ai_retries, limits.max_memory, limits.max_runtime) == (2, "64g", "PT12H")
    assert read_limits(env, max_ai_retries=0, max_memory="1g").max_ai_retries == 0
    assert read_limits({}).max_memory is None
    for wrong in ({"TORC_MAX_AI_RETRIES": "many"}, {"TORC_MAX_MEMORY": "much"}, {"TORC_MAX_RUNTIME": "long"}):
        with pytest.raises(InvalidInputError):
            read_limits(wrong)


@pytest.mark.anyio
async def test_the_list_of_tools_is_short_unless_the_schemas_of_answers_are_asked_for(nobody: TorcClient) -> None:
    async with agent(nobody) as me:
        tools = [tool.model_dump_json(by_alias=True, exclude_none=True) for tool in (await me.tools()).values()]
    assert sum(map(len, tools)) < 30_000
    assert not [tool for tool in tools if "outputSchema" in tool]
