"""`torc mcp config`: the entry of an assistant's configuration, printed or put into its file."""

import json
from pathlib import Path

import pytest
from agent_scenes import IsolatedTorc


def entry_of(path: Path, key: str = "mcpServers") -> dict[str, object]:
    entry: dict[str, object] = json.loads(path.read_text())[key]["torc"]
    return entry


@pytest.mark.parametrize(
    ("agent", "scope", "file", "key"),
    [
        ("claude", "project", ".mcp.json", "mcpServers"),
        ("claude", "user", ".claude.json", "mcpServers"),
        ("copilot", "project", ".mcp.json", "mcpServers"),
        ("copilot", "user", ".copilot/mcp-config.json", "mcpServers"),
        ("vscode", "project", ".vscode/mcp.json", "servers"),
    ],
)
def test_each_assistant_gets_its_own_file_and_shape(
    torc: IsolatedTorc, agent: str, scope: str, file: str, key: str
) -> None:
    printed = torc("mcp", "config", "--agent", agent, "--scope", scope)
    path = torc.folder / file
    assert not path.exists()
    torc("mcp", "config", "--agent", agent, "--scope", scope, "--write")
    entry = entry_of(path, key)
    assert json.loads(printed.out)[key]["torc"] == entry
    assert entry["env"] == {"TORC_API_URL": torc.url}
    assert entry["type"] == ("local" if (agent, scope) == ("copilot", "user") else "stdio")


def test_other_servers_and_keys_stay_and_the_old_file_is_kept(torc: IsolatedTorc) -> None:
    path = torc.folder / ".mcp.json"
    before = {"mcpServers": {"site": {"command": "x"}, "torc": {"command": "old"}}, "more": [1]}
    path.write_text(json.dumps(before))
    path.chmod(0o640)
    printed = torc("mcp", "config", "--agent", "claude", "--write")
    after = json.loads(path.read_text())
    assert (after["mcpServers"]["site"], after["more"]) == ({"command": "x"}, [1])
    assert after["mcpServers"]["torc"]["command"] == "torc-mcp-server"
    assert path.stat().st_mode & 0o777 == 0o640
    assert json.loads((torc.folder / ".mcp.json.backup").read_text()) == before
    assert ".mcp.json.backup" in printed.out
    assert "already" in torc("mcp", "config", "--agent", "claude", "--write").out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,\n // comment\n}', ".mcp.json:2:2: "),
        ("[]", "it holds a list, not an object"),
        ('{"mcpServers": "x"}', "mcpServers: it is a text, not an object"),
    ],
)
def test_a_file_that_cannot_be_merged_is_left_and_named_with_the_place(
    torc: IsolatedTorc, text: str, words: str
) -> None:
    path = torc.folder / ".mcp.json"
    path.write_text(text)
    printed = torc("mcp", "config", "--agent", "claude", "--write", code=2)
    assert words in printed.err
    assert path.read_text() == text


def test_a_link_stays_a_link(torc: IsolatedTorc) -> None:
    real = torc.folder / "dotfiles.json"
    real.write_text("{}")
    (torc.folder / ".claude.json").symlink_to(real)
    torc("mcp", "config", "--agent", "claude", "--scope", "user", "--write")
    assert (torc.folder / ".claude.json").is_symlink()
    assert "torc" in real.read_text()


def test_a_password_is_never_written(torc: IsolatedTorc) -> None:
    torc.more["TORC_PASSWORD"] = "s3cret" + "-word"
    printed = torc("mcp", "config", "--agent", "claude", "--write")
    assert torc.more["TORC_PASSWORD"] not in (torc.folder / ".mcp.json").read_text() + printed.out
    assert "set TORC_PASSWORD where the assistant is started" in printed.err


def test_what_vscode_keeps_to_itself_is_pasted_by_the_user(torc: IsolatedTorc) -> None:
    printed = torc("mcp", "config", "--agent", "vscode", "--scope", "user", "--write", code=2)
    assert "MCP: Open User Configuration" in printed.err


def test_what_the_user_added_to_the_entry_stays_and_is_named(torc: IsolatedTorc) -> None:
    path = torc.folder / ".mcp.json"
    arguments = ["--proposals-only", "--max-memory", "64g", "--toolsets=recovery"]
    own = {"command": "old", "args": arguments, "env": {"TORC_API_URL": "http://old", "TORC_ACTOR_NAME": "me"}}
    path.write_text(json.dumps({"mcpServers": {"torc": {**own, "timeout": 5}}}))
    printed = torc("mcp", "config", "--agent", "claude", "--write")
    entry = entry_of(path)
    assert (entry["command"], entry["args"], entry["timeout"]) == ("torc-mcp-server", arguments, 5)
    assert entry["env"] == {"TORC_API_URL": torc.url, "TORC_ACTOR_NAME": "me"}
    assert "command, env, type" in printed.out
    assert "Kept of what it had: --proposals-only --max-memory 64g --toolsets=recovery TORC_ACTOR_NAME" in printed.out
    again = torc("mcp", "config", "--agent", "claude", "--write", "--max-memory", "32g", "--read-only")
    assert entry_of(path)["args"] == ["--proposals-only", "--toolsets=recovery", "--read-only", "--max-memory", "32g"]
    assert ": args." in again.out


def test_bounds_are_written_and_checked(torc: IsolatedTorc) -> None:
    torc("mcp", "config", "--agent", "claude", "--write", "--proposals-only", "--max-runtime", "PT2H")
    path = torc.folder / ".mcp.json"
    assert entry_of(path)["args"] == ["--proposals-only", "--max-runtime", "PT2H"]
    before = path.read_text()
    assert "already" in torc("mcp", "config", "--agent", "claude", "--write", "--proposals-only").out
    torc("mcp", "config", "--agent", "claude", "--write", "--max-memory", "much", code=2)
    assert path.read_text() == before


def test_an_entry_that_is_no_object_is_left(torc: IsolatedTorc) -> None:
    path = torc.folder / ".mcp.json"
    for entry, words in (("x", "mcpServers.torc: it is a text"), ({"args": "x"}, "mcpServers.torc.args")):
        path.write_text(json.dumps({"mcpServers": {"torc": entry}}))
        assert words in torc("mcp", "config", "--agent", "claude", "--write", code=2).err
