"""The data files that say how agents are started, and the user's own ones."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from agent_scenes import STRANGE, InstallStandIn, IsolatedTorc, failed_scene

from torc_client.agents.files import agent_names, builtin_folder, find_agent, read_agent_file
from torc_client.agents.output import AgentOutput
from torc_client.http import TorcClient
from torc_core.agents.description import AgentEnvironment, choose_environment, fill
from torc_core.errors import InvalidInputError
from torc_mcp.registry import TOOLS

NOBODY = {"HOME": "/nonexistent"}


@pytest.mark.parametrize("name", agent_names(NOBODY))
def test_every_file_that_comes_with_torc_is_valid_and_names_tools_that_exist(name: str) -> None:
    spec = find_agent(name, NOBODY).spec
    known = {entry.name for entry in TOOLS}
    words = " ".join(spec.arguments).replace("mcp__torc__", " ").replace("torc-", " ").replace("torc(", " ")
    named = {word for word in words.replace(",", " ").replace(")", " ").split() if "_" in word and word.islower()}
    tools = {word for word in named if not word.startswith(("{", "@{"))}
    assert tools <= known
    assert {"list_pending_failed_jobs", "classify_and_resolve_failures"} <= tools


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arguments": ["{promt}"]}, "arguments: {promt} is unknown"),
        ({"arguments": ["{prompt}"]}, "{mcp_config_file} is used nowhere"),
        ({"comands": [["x"]]}, "comands: Extra inputs are not permitted"),
        ({"commands": []}, "commands: "),
        ({"limits": {"grace_s": -1}}, "limits.grace_s: "),
        ({"environment": {"pass_through": ["TORC_PASSWORD"]}}, "environment.pass_through: Torc's own credentials"),
        ({"environment": {"pass_through": ["A*B"]}}, "'A*B' is no name of a variable"),
        ({"prompt": "../x"}, "prompt: '../x' is not the name of a file"),
        ({"name": "other"}, "name: 'other' is not the name of the file"),
        ({"version_arguments": ["{prompt}"]}, "only arguments may name"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    data = yaml.safe_load((builtin_folder() / "claude.yaml").read_text()) | {"name": "mine"} | change
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(InvalidInputError) as caught:
        read_agent_file(path)
    assert words in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize("text", ["a: [", "- a\n- b", "", "\x00"])
def test_what_is_no_mapping_is_an_error_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=r"mine\.yaml"):
        read_agent_file(path)


def test_a_prompt_with_an_unknown_placeholder_is_an_error_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "claude.yaml").write_text((builtin_folder() / "claude.yaml").read_text())
    (tmp_path / "prompt.md").write_text("Workflow {workflow_id}: {everything}")
    with pytest.raises(InvalidInputError, match=r"prompt\.md: \{everything\} is unknown"):
        read_agent_file(tmp_path / "claude.yaml")


def test_what_is_filled_in_is_never_filled_again() -> None:
    assert (
        fill("{prompt} {other}", {"prompt": "{mcp_config_file}", "mcp_config_file": "x"}) == "{mcp_config_file} {other}"
    )


@pytest.mark.parametrize("pattern", ["TORC_*", "T*", "TORC_PASSWORD*", "TORC_MCP_*"])
def test_no_pattern_lets_a_secret_of_torc_through(pattern: str) -> None:
    present = {"TORC_PASSWORD": "x", "TORC_MCP_TOKEN": "y", "TORC_API_URL": "http://here"}
    passed = choose_environment(present, AgentEnvironment(pass_through=(pattern,)), ("TORC_PASSWORD",))
    assert not {"TORC_PASSWORD", "TORC_MCP_TOKEN"} & passed.keys()


def test_a_file_for_the_rules_is_not_ignored_silently(torc: IsolatedTorc) -> None:
    folder = torc.folder / ".config" / "torc" / "agents"
    folder.mkdir(parents=True)
    (folder / "rules.yaml").write_text((builtin_folder() / "claude.yaml").read_text())
    assert "the name rules is built in" in torc("agents", "list").out
    checked = torc("-f", "json", "agents", "check", "rules", code=1).json
    assert [row["state"] for row in checked] == ["ready", "broken"]


def test_a_broken_file_fails_the_check_of_all(torc: IsolatedTorc) -> None:
    assert torc("agents", "check").code == 0
    folder = torc.folder / ".config" / "torc" / "agents"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("name: [")
    assert "mine.yaml" in torc("agents", "check", code=1).out


@pytest.mark.parametrize("command", ["recover", "watch", "run"])
def test_an_agent_without_the_recovery_it_belongs_to_is_refused(
    torc: IsolatedTorc, shared_client: TorcClient, command: str
) -> None:
    scene = failed_scene(shared_client, {"fetch": STRANGE})
    printed = torc(command, scene.workflow_id, "--ai-agent", "rules", code=2)
    assert "add --ai-recovery" in printed.err
    assert scene.statuses() == {"fetch": "pending_failed"}


def test_only_named_variables_are_passed_on() -> None:
    present = {"PATH": "/bin", "AWS_REGION": "x", "AWSOME": "y", "SECRET": "z", "A": "old"}
    wanted = AgentEnvironment(set={"A": "new"}, pass_through=("AWS_*",))
    assert choose_environment(present, wanted, ("PATH",)) == {"PATH": "/bin", "AWS_REGION": "x", "A": "new"}


def test_output_in_odd_pieces_is_reported_in_whole_lines() -> None:
    printed: list[str] = []
    output = AgentOutput(printed.append, max_lines=10, line_chars=80)
    for chunk in (b"one\ntw", b"o\n\n", b"thr\xc3", b"\xa9e"):
        output.feed(chunk)
    output.end()
    assert printed == ["one", "two", "thrée"]


def test_a_users_file_adds_an_agent_and_its_prompt(
    torc: IsolatedTorc, install: InstallStandIn, shared_client: TorcClient
) -> None:
    install("honest", name="my-agent")
    folder = torc.folder / ".config" / "torc" / "agents"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "name: mine\ntitle: Mine\ncommands: [[my-agent]]\ninstall_hint: none\nprompt: mine.md\noutput_prefix: me\n"
        'arguments: [-p, "{prompt}", --config, "{mcp_config_file}"]\n'
    )
    (folder / "mine.md").write_text("Look at workflow {workflow_id} .")
    listed = torc("-f", "json", "agents", "list").json
    assert str(folder / "mine.yaml") in {row["file"] for row in listed}
    checked = torc("-f", "json", "agents", "check", "mine").json
    assert (checked[0]["state"], checked[0]["version"]) == ("ready", "1.2.3 (Stand-in)")
    scene = failed_scene(shared_client, {"odd": STRANGE})
    printed = torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "mine")
    assert "[me] I decided about 1 groups." in printed.out
    assert scene.statuses() == {"odd": "ready"}


def test_a_users_file_with_a_mistake_is_listed_with_it_and_refused_when_used(torc: IsolatedTorc) -> None:
    folder = torc.folder / ".config" / "torc" / "agents"
    folder.mkdir(parents=True)
    (folder / "claude.yaml").write_text("name: claude\n")
    listed = {row["name"]: row for row in torc("-f", "json", "agents", "list").json}
    assert "claude.yaml: title: Field required" in listed["claude"]["title"]
    assert torc("agents", "check", "claude", code=2).err.startswith(f"Error: {folder}/claude.yaml")


def test_copilot_is_looked_for_by_itself_and_then_within_gh(torc: IsolatedTorc) -> None:
    torc.put_program("gh", "import sys\nsys.stdout.write(' '.join(sys.argv[1:]) + '\\n')\n")
    checked = torc("-f", "json", "agents", "check", "copilot").json
    assert checked[0]["version"] == "copilot -- --version"
    assert "missing" in torc("agents", "check", "claude", code=1).out


def test_an_installed_package_without_a_checkout_finds_its_files() -> None:
    """The wheel carries the whole folder, and the code looks for it there."""
    project = tomllib.loads((builtin_folder().parent / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried["agents"] == "torc_client/project_data/agents"
    assert carried[".claude-plugin"] == "torc_client/project_data/.claude-plugin"
