"""What a model reads and writes to decide about many failures: the whole conversation, not one answer of it.

    python -m benchmarks.tokens [--jobs 10000] [--causes 300]

A scripted agent asks the real MCP server as a model would: the definitions of the tools, every page of failure groups,
and one classify call for each page. A token is counted as four bytes.
"""

import argparse
import json
import logging
import re
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
from mcp import Client

from benchmarks.common import machine, print_table
from benchmarks.scale import Server
from benchmarks.triage import fail_all
from torc_client.http import TorcClient
from torc_client.settings import ClientSettings
from torc_mcp.server import build_server
from torc_mcp.settings import McpSettings, Toolset

BYTES_PER_TOKEN = 4
_TRIAGE: Final[frozenset[Toolset]] = frozenset({"triage"})
"""The tools that `recover --ai-recovery` gives an agent."""
_LINE: Final = re.compile(r"^([0-9a-f]{4,16}|exit_-?\d+)\b", re.MULTILINE)
_MOST_PAGES = 100


class Conversation(NamedTuple):
    """Bytes of a conversation, and the groups that the model saw of all there are."""

    definitions: int
    turns: tuple[int, ...]
    """What each turn added: the call and its answer."""
    groups_seen: int
    groups: int

    @property
    def once(self) -> int:
        """Return the tokens where nothing is read twice, as with a cache."""
        return (self.definitions + sum(self.turns)) // BYTES_PER_TOKEN

    @property
    def resent(self) -> int:
        """Return the tokens where each turn sends all before it again."""
        sent = [self.definitions + sum(self.turns[:number]) for number in range(len(self.turns) + 1)]
        return sum(sent) // BYTES_PER_TOKEN


def converse(client: TorcClient, workflow_id: int, *, toolsets: frozenset[Toolset] = _TRIAGE) -> Conversation:
    """Return the size of a conversation that decides about every group of the workflow."""
    logging.getLogger("httpx").setLevel(logging.WARNING)

    async def talk() -> Conversation:
        settings = McpSettings(
            client=ClientSettings(url=client.url, user="benchmark", output_dir="nowhere"),
            toolsets=toolsets,
            preview_above=None,
            asks_person=False,
        )
        async with Client(build_server(settings, client)) as agent:
            tools = await agent.list_tools()
            definitions = sum(len(json.dumps(_definition(tool)).encode()) for tool in tools.tools)
            turns: list[int] = []
            seen: dict[str, str] = {}
            offset: int | None = 0
            total = 0
            while offset is not None and len(turns) < _MOST_PAGES:
                arguments: dict[str, Any] = {"workflow_id": workflow_id} | ({"offset": offset} if offset else {})
                answer = await agent.call_tool("list_pending_failed_jobs", arguments)
                page = answer.structured_content or {}
                turns.append(_size(arguments, answer))
                total = page["groups_total"]
                signatures = [group["signature"] for group in page["groups"]]
                signatures += _LINE.findall(page.get("more_groups") or "")
                seen |= dict.fromkeys(signatures, "retry")
                offset = page.get("next_offset")
            entries = [{"signature": each, "action": "retry", "reason": "it may pass"} for each in seen]
            arguments = {"workflow_id": workflow_id, "dry_run": False, "classifications": entries}
            turns.append(_size(arguments, await agent.call_tool("classify_and_resolve_failures", arguments)))
        return Conversation(definitions, tuple(turns), len(seen), total)

    return anyio.run(talk)


def _definition(tool: Any) -> dict[str, Any]:
    """Return what a model is given of a tool: agents send it name, description and the schema of its arguments."""
    return {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}


def _size(arguments: dict[str, Any], answer: Any) -> int:
    texts = "".join(getattr(block, "text", "") for block in answer.content)
    structure = json.dumps(answer.structured_content, ensure_ascii=False) if answer.structured_content else ""
    # agents show a model the texts, or the structure where there is one: the larger of both is counted
    return len(json.dumps(arguments).encode()) + max(len(texts.encode()), len(structure.encode()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--causes", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            workflow_id, _ = fail_all(server.client, options.jobs, options.causes)
            found = converse(server.client, workflow_id)
        finally:
            server.stop()
    rows = [
        ("groups that the model saw", f"{found.groups_seen} of {found.groups}", "all"),
        ("turns", str(len(found.turns)), "-"),
        ("definitions of the tools, tokens", str(found.definitions // BYTES_PER_TOKEN), "-"),
        ("the last turn (decisions), tokens", str(found.turns[-1] // BYTES_PER_TOKEN), "-"),
        ("tokens per failure, each counted once", f"{found.once / options.jobs:.2f}", "3"),
        ("tokens per failure, all sent again each turn", f"{found.resent / options.jobs:.2f}", "8"),
    ]
    title = f"A conversation about {options.jobs} failures of {options.causes} causes ({machine()})"
    print_table(title, ("what", "measured", "target"), rows)


if __name__ == "__main__":
    main()
