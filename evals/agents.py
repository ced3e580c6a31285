"""The agents that are evaluated: a scripted model over the real MCP server, and real ones through `torc recover`."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import yaml
from mcp import Client

from evals.scoring import Effort
from torc_client.agents.files import builtin_folder
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_mcp.server import build_server
from torc_mcp.settings import McpSettings

Agent = Callable[[TorcClient, int, Mapping[str, str]], Effort]
"""Decides about the pending_failed jobs of a workflow; the mapping is the environment of its commands."""

SURE: Final = 0.8
_BYTES_PER_TOKEN: Final = 4
_LINE: Final = re.compile(r"^([0-9a-f]{4,16}|exit_-?\d+) +\d+ +(retry|fail)\b", re.MULTILINE)
_USAGE: Final = re.compile(
    r'"(input_tokens|output_tokens|cache_read_input_tokens|cache_creation_input_tokens)": ?(\d+)'
)
_TURNS: Final = re.compile(r'"num_turns": ?(\d+)')


def scripted(client: TorcClient, workflow_id: int, environment: Mapping[str, str]) -> Effort:
    """Follow every suggestion that is sure, and leave the rest: what a cautious model does at least."""
    del environment

    async def decide() -> Effort:
        calls = read = 0
        settings = McpSettings(
            client=ClientSettings(url=client.url, user="evals", output_dir="nowhere"),
            toolsets=frozenset({"triage"}),
            preview_above=None,
            asks_person=False,
            actor_name="scripted",
        )
        async with Client(build_server(settings, client)) as agent:
            actions: dict[str, str] = {}
            offset: int | None = 0
            while offset is not None:
                arguments: dict[str, Any] = {"workflow_id": workflow_id, "offset": offset}
                page = (await agent.call_tool("list_pending_failed_jobs", arguments)).structured_content or {}
                calls, read = calls + 1, read + len(json.dumps(page))
                actions |= _sure_actions(page)
                offset = page.get("next_offset")
            if actions:
                entries = [
                    {"signature": signature, "action": action, "reason": "the suggestion is sure"}
                    for signature, action in actions.items()
                ]
                arguments = {"workflow_id": workflow_id, "dry_run": False, "classifications": entries}
                answer = await agent.call_tool("classify_and_resolve_failures", arguments)
                calls, read = calls + 1, read + len(json.dumps(answer.structured_content)) + len(json.dumps(entries))
        return Effort(tool_calls=calls, tokens=read // _BYTES_PER_TOKEN)

    return anyio.run(decide)


def _sure_actions(page: Mapping[str, Any]) -> dict[str, str]:
    sure = {
        group["signature"]: group["suggestion"]["action"]
        for group in page["groups"]
        if group.get("suggestion") and group["suggestion"]["confidence"] >= SURE
    }
    # a line has no confidence; what it suggests was sure enough to be suggested
    return dict(_LINE.findall(page.get("more_groups") or "")) | sure


def through_recover(name: str) -> Agent:
    """Return the agent of this name, called as `torc recover --ai-recovery` calls it, and asked for its usage."""

    def decide(client: TorcClient, workflow_id: int, environment: Mapping[str, str]) -> Effort:
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, **environment, **client.environment()}
            if name != "rules":
                env["XDG_CONFIG_HOME"] = str(_with_usage(name, Path(folder)))
            done = subprocess.run(
                [sys.executable, "-m", "torc_cli.main", "recover", str(workflow_id), "--no-prompts", "--ai-recovery",
                 "--ai-agent", name],
                env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )  # fmt: skip
        used = [int(count) for _, count in _USAGE.findall(done.stdout)]
        turns = _TURNS.search(done.stdout)
        return Effort(
            tool_calls=None if turns is None else max(int(turns[1]) - 1, 0), tokens=sum(used) if used else None
        )

    return decide


def _with_usage(name: str, folder: Path) -> Path:
    """Write the agent's file once more, so that it prints its usage as JSON; return the folder of configuration."""
    agent = yaml.safe_load((builtin_folder() / f"{name}.yaml").read_text("utf-8"))
    arguments = agent["arguments"]
    if "--output-format" in arguments:
        arguments[arguments.index("--output-format") + 1] = "json"
    agent["limits"] = {**agent.get("limits", {}), "output_lines": 10_000, "line_chars": 1_000_000}
    agents = folder / "torc" / "agents"
    agents.mkdir(parents=True)
    (agents / f"{name}.yaml").write_text(yaml.safe_dump(agent), encoding="utf-8")
    prompt = builtin_folder() / "prompt.md"
    if prompt.exists():
        (agents / "prompt.md").write_text(prompt.read_text("utf-8"), encoding="utf-8")
    return folder
