"""Agents check, save and create workflows, and see the order of jobs."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp_scenes import agent

from torc_client.http import TorcClient

pytestmark = pytest.mark.anyio

DIAMOND: dict[str, Any] = {
    "name": "diamond",
    "jobs": [
        {"name": "first", "command": "make a b", "output_files": ["a", "b"]},
        {"name": "left", "command": "use a", "input_files": ["a"], "output_files": ["c"]},
        {"name": "right_{i}", "command": "use b {i}", "input_files": ["b"], "parameters": {"i": "1:3"}},
        {"name": "last", "command": "join", "depends_on": ["left"], "depends_on_regexes": ["right_.*"]},
    ],
    "files": [{"name": name, "path": f"{name}.txt"} for name in "abc"],
}
YAML = "name: tiny\njobs:\n  - name: only\n    command: echo hi\n"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_a_specification_is_checked_as_object_and_as_text(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        for spec in (DIAMOND, json.dumps(DIAMOND)):
            checked = await me.ask("create_workflow", spec=spec)
            assert (checked["action"], checked["valid"], checked["summary"]["job_count"]) == ("validate", True, 6)
        checked = await me.ask("create_workflow", spec=YAML)
        assert checked["valid"] and checked["summary"]["workflow_name"] == "tiny"


async def test_errors_name_the_place_and_nothing_is_saved_or_created(shared_client: TorcClient, mode: str) -> None:
    wrong = {"name": "w", "jobs": [{"name": "a", "comand": "x"}, {"name": "b", "command": "y", "depends_on": ["z"]}]}
    before = shared_client.workflows.page().total_count
    async with agent(shared_client, mode=mode) as me:
        checked = await me.ask("create_workflow", spec=wrong)
        assert not checked["valid"]
        assert any("jobs[0]" in line and "comand" in line for line in checked["errors"])
        assert any("'z'" in line for line in checked["errors"])
        assert "jobs[1]" in await me.refused("create_workflow", spec=wrong, action="create_workflow")
        reply = await me.refused("create_workflow", spec=wrong, action="save_spec_file", output_path="w.yaml")
        assert "jobs[1]" in reply
        unreadable = await me.ask("create_workflow", spec="jobs: [")
        assert not unreadable["valid"] and unreadable["errors"]
    assert not list(Path.cwd().iterdir())
    assert shared_client.workflows.page().total_count == before


async def test_a_table_lies_below_the_working_folder(shared_client: TorcClient, mode: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("i\n1\n2\n")
    spec: dict[str, Any] = {"name": "w", "jobs": [{"name": "j{i}", "command": "x", "parameters_file": "t.csv"}]}
    async with agent(shared_client, mode=mode) as me:
        checked = await me.ask("create_workflow", spec=spec)
        assert checked["summary"]["job_names"] == ["j1", "j2"]
        spec["jobs"][0]["parameters_file"] = "/etc/passwd.csv"
        (error,) = (await me.ask("create_workflow", spec=spec))["errors"]
        assert "/etc/passwd.csv is not below" in error


async def test_a_workflow_is_created_for_the_user_of_this_server(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        created = await me.ask("create_workflow", spec=DIAMOND, action="create_workflow")
        workflow = shared_client.workflows.get(created["workflow_id"])
        assert (workflow.name, workflow.user) == ("diamond", "tester")
        assert f"torc run {workflow.id}" in created["next_steps"]
        plan = await me.ask("get_execution_plan", spec_or_id=created["workflow_id"])
        assert (plan["source"], plan["total_jobs"], plan["total_events"]) == ("database", 6, 3)


async def test_a_file_is_saved_below_the_working_folder_and_not_replaced(
    shared_client: TorcClient, tmp_path: Path
) -> None:
    async with agent(shared_client) as me:
        saving = {"spec": YAML, "action": "save_spec_file"}
        saved = await me.ask("create_workflow", **saving, output_path="specs/tiny.yaml")
        assert Path(saved["output_path"]).read_text() == YAML
        assert "exists" in await me.refused("create_workflow", **saving, output_path="specs/tiny.yaml")
        await me.ask("create_workflow", **saving, output_path="specs/tiny.yaml", overwrite=True)
        for elsewhere in ("../tiny.yaml", "/tmp/tiny.yaml", str(tmp_path.parent / "tiny.yaml")):
            assert "not below" in await me.refused("create_workflow", **saving, output_path=elsewhere)
        for name in ("tiny.sh", ".bashrc", ""):
            assert await me.refused("create_workflow", **saving, output_path=name)
        (tmp_path / "out").symlink_to("/tmp")
        assert "not below" in await me.refused("create_workflow", **saving, output_path="out/tiny.yaml")


async def test_the_plan_of_a_specification_follows_files_and_names(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        plan = await me.ask("get_execution_plan", spec_or_id=DIAMOND)
        assert (plan["source"], plan["workflow_name"]) == ("spec", "diamond")
        first, middle, last = plan["events"]
        assert (first["jobs_becoming_ready"], first["trigger"]) == (["first"], "workflow_start")
        assert middle["jobs_becoming_ready"] == ["left", "right_1", "right_2", "right_3"]
        assert (last["jobs_becoming_ready"], last["depends_on_events"]) == (["last"], ["stage_2"])
        assert (plan["root_events"], plan["leaf_events"]) == (["stage_1"], ["stage_3"])
        assert "987654" in await me.refused("get_execution_plan", spec_or_id="987654")
        assert "jobs" in await me.refused("get_execution_plan", spec_or_id={"name": "no jobs"})


async def test_wide_workflows_keep_the_answer_small(shared_client: TorcClient) -> None:
    jobs = [{"name": "j_{i}", "command": "x", "parameters": {"i": "1:20000"}}]
    chain = [{"name": f"c_{n}", "command": "x", "depends_on": [f"c_{n - 1}"] if n else []} for n in range(300)]
    async with agent(shared_client) as me:
        for spec in ({"name": "wide", "jobs": jobs}, {"name": "long", "jobs": chain}):
            for tool, key in (("create_workflow", "spec"), ("get_execution_plan", "spec_or_id")):
                result = await me.call(tool, **{key: spec})
                assert not result.is_error
                assert len(json.dumps(result.structured_content)) < 15_000
