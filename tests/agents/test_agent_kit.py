"""The plugin that assistants install, and the example of an MCP server of one's own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from real_agents import installed_agents, isolated, private_path

from torc_mcp.registry import TOOLS

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "agents" / "torc"
CUSTOM = ROOT / "agents" / "custom-mcp-server" / "server.py"


def test_the_marketplace_leads_to_the_plugin_and_that_to_its_parts() -> None:
    marketplace = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text())
    [listed] = marketplace["plugins"]
    plugin = json.loads((ROOT / listed["source"] / ".claude-plugin" / "plugin.json").read_text())
    assert (plugin["name"], plugin["version"]) == (listed["name"], listed["version"])
    [server] = json.loads((PLUGIN / plugin["mcpServers"]).read_text())["mcpServers"].values()
    assert (server["type"], server["command"]) == ("stdio", "torc-mcp-server")
    assert "tools" not in server


@pytest.mark.parametrize("path", [PLUGIN / "skills" / "torc-triage" / "SKILL.md", PLUGIN / "agents" / "torc-triage.md"])
def test_texts_for_agents_have_front_matter_and_name_tools_that_exist(path: Path) -> None:
    _, front, text = path.read_text().split("---\n", 2)
    assert set(yaml.safe_load(front)) == {"name", "description"}
    known = {entry.name for entry in TOOLS}
    named = {word.strip("`.,:;()") for word in text.split() if word.startswith("`") and "_" in word}
    assert {word for word in named if word.islower()} <= known | {"pending_failed", "dry_run"}


def test_the_real_claude_finds_the_plugin_valid(tmp_path: Path) -> None:
    path = private_path(tmp_path / "bin", installed_agents())
    done = subprocess.run(
        isolated([str(tmp_path / "bin" / "claude"), "plugin", "validate", str(PLUGIN)]),
        env={"HOME": str(tmp_path), "PATH": path, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.anyio
async def test_a_server_of_ones_own_answers_from_its_tables(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as closed:
        up, down = (server.getsockname()[1] for server in (listening, closed))
        closed.close()
        services = tmp_path / "services.json"
        services.write_text(json.dumps({"storage": f"127.0.0.1:{up}", "old-storage": f"127.0.0.1:{down}"}))
        server = StdioServerParameters(
            command=sys.executable, args=[str(CUSTOM)], env={"PATH": os.defpath, "SITE_SERVICES": str(services)}
        )
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            assert {tool.annotations.read_only_hint for tool in tools if tool.annotations} == {True}
            states = [
                await client.call_tool("check_service", {"service": name}) for name in json.loads(services.read_text())
            ]
            assert [state.structured_content["is_up"] for state in states if state.structured_content] == [True, False]
            outsider = await client.call_tool("check_service", {"service": "127.0.0.1:22"})
            assert outsider.is_error
            message = "ConnectionError: Connection refused to storage.internal:443"
            known = await client.call_tool("find_known_errors", {"text": message})
            assert known.structured_content is not None
            assert [match["action"] for match in known.structured_content["matches"]] == ["retry"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
