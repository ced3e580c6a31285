"""A hint that names a command of torc names the tool that does the same, where the agent has it."""

from torc_core.errors import NotFoundError
from torc_core.hints import Hint, torc
from torc_mcp.answers import error_text

ERROR = NotFoundError(
    "workflow 9 does not exist",
    hint=Hint("`{}` shows the workflows; a person can: {}", torc("workflows list"), torc("failures approve", 1)),
)


def test_a_command_becomes_the_tool_that_the_agent_has() -> None:
    text = error_text(ERROR, frozenset({"list_workflows"}))
    assert (
        text
        == "workflow 9 does not exist (`list_workflows` shows the workflows; a person can: torc failures approve 1)"
    )


def test_without_the_tool_the_command_stays() -> None:
    assert "`torc workflows list` shows the workflows" in error_text(ERROR, frozenset({"list_results"}))
