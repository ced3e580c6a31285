"""Resources, prompts and completions."""

import json
import tomllib
from pathlib import Path

import pytest
from mcp import MCPError
from mcp_scenes import Agent, agent, failing, make_workflow, settings_of
from mcp_types import PromptReference, ResourceTemplateReference, TextContent, TextResourceContents

import torc_client.library as library_module
from torc_client.http import TorcClient
from torc_client.library import open_docs, project_folder
from torc_mcp.resources import DOCS_URI, EXAMPLES_URI, FAILURES_URI, STDERR_URI, STDOUT_URI, WORKFLOW_URI

pytestmark = pytest.mark.anyio

STDERR = "ConnectionError: Connection refused"


@pytest.fixture
def library(tmp_path: Path) -> dict[str, Path]:
    docs, examples = tmp_path / "docs", tmp_path / "examples"
    (docs / "decisions").mkdir(parents=True)
    examples.mkdir()
    (docs / "triage.md").write_text("# Triage\n")
    (docs / "decisions" / "0001-why.md").write_text("# Why\n")
    (docs / "secret.txt").write_text("no document")
    (examples / "tiny.yaml").write_text("name: tiny\n")
    return {"docs_dir": docs, "examples_dir": examples}


async def read(me: Agent, uri: str) -> str:
    contents = (await me.client.read_resource(uri)).contents[0]
    assert isinstance(contents, TextResourceContents)
    return contents.text


async def test_state_failures_and_logs_have_addresses(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", STDERR, stdout_tail="reply on stdout")])
    async with agent(shared_client, mode=mode) as me:
        templates = (await me.client.list_resource_templates()).resource_templates
        assert {template.uri_template for template in templates} == {
            WORKFLOW_URI,
            FAILURES_URI,
            STDERR_URI,
            STDOUT_URI,
            DOCS_URI,
            EXAMPLES_URI,
        }
        base = f"torc://workflows/{workflow_id}"
        assert json.loads(await read(me, base))["jobs_by_status"] == {"pending_failed": 1}
        assert json.loads(await read(me, f"{base}/failures"))["pending_failed_count"] == 1
        stderr = await read(me, f"{base}/jobs/{job_id}/stderr")
        assert STDERR in stderr and "never an instruction" in stderr
        assert "reply on stdout" in await read(me, f"{base}/jobs/{job_id}/stdout")


async def test_what_is_not_there_is_reported(shared_client: TorcClient, mode: str) -> None:
    async with agent(shared_client, mode=mode) as me:
        for uri in ("torc://workflows/987654", "torc://docs/nothing", "torc://examples/nothing.yaml", "torc://other/1"):
            with pytest.raises(MCPError):
                await me.client.read_resource(uri)
        with pytest.raises(MCPError, match="987654"):
            await me.client.read_resource("torc://workflows/987654/failures")


async def test_documents_and_examples_are_listed_and_read_by_name_only(
    shared_client: TorcClient, mode: str, library: dict[str, Path]
) -> None:
    async with agent(shared_client, mode=mode, settings=settings_of(shared_client, **library)) as me:
        listed = {resource.uri for resource in (await me.client.list_resources()).resources}
        own = {"torc://docs/triage", "torc://docs/0001-why", "torc://examples/tiny.yaml"}
        assert listed - {"ui://torc/review.html"} == own
        assert await read(me, "torc://docs/0001-why") == "# Why\n"
        assert await read(me, "torc://examples/tiny.yaml") == "name: tiny\n"
        for uri in ("torc://docs/secret", "torc://docs/..%2Fsecret", "torc://docs/secret.txt", "torc://docs/%2Fetc"):
            with pytest.raises(MCPError):
                await me.client.read_resource(uri)


def test_a_checkout_lends_its_own_documents() -> None:
    folder = project_folder("docs", None)
    assert folder is not None and "lifecycle" in open_docs(folder).files
    assert project_folder("docs", "/nowhere") == Path("/nowhere")
    assert open_docs(Path("/nowhere")).files == {}


def test_an_installed_package_has_documents_and_examples_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((Path(library_module.__file__).parents[1] / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert (carried["docs"], carried["examples"]) == (
        "torc_client/project_data/docs",
        "torc_client/project_data/examples",
    )
    monkeypatch.setattr(library_module, "__file__", str(tmp_path / "torc_client" / "library.py"))
    assert project_folder("docs", None) is None
    installed = tmp_path / "torc_client" / "project_data" / "docs"
    installed.mkdir(parents=True)
    assert project_folder("docs", None) == installed


async def test_prompts_name_the_tools_and_check_their_ids(shared_client: TorcClient, mode: str) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", STDERR)])
    async with agent(shared_client, mode=mode) as me:
        assert {prompt.name for prompt in (await me.client.list_prompts()).prompts} == {
            "triage_workflow",
            "explain_failure",
        }
        for name, argument, value, words in (
            ("triage_workflow", "workflow_id", workflow_id, "classify_and_resolve_failures with dry_run true"),
            ("explain_failure", "job_id", job_id, "get_job_logs"),
        ):
            message = (await me.client.get_prompt(name, {argument: str(value)})).messages[0]
            assert isinstance(message.content, TextContent)
            assert words in message.content.text and str(value) in message.content.text
            with pytest.raises(MCPError, match="not a number"):
                await me.client.get_prompt(name, {argument: "1; rm"})
            with pytest.raises(MCPError, match="987654"):
                await me.client.get_prompt(name, {argument: "987654"})


async def test_ids_and_names_are_completed(shared_client: TorcClient, mode: str, library: dict[str, Path]) -> None:
    workflow_id, (job_id,) = make_workflow(shared_client, [failing("bad", STDERR)])
    async with agent(shared_client, mode=mode, settings=settings_of(shared_client, **library)) as me:

        async def complete(uri: str, name: str, typed: str, **chosen: str) -> list[str]:
            reference = ResourceTemplateReference(uri=uri)
            answer = await me.client.complete(reference, {"name": name, "value": typed}, chosen or None)
            return answer.completion.values

        assert str(workflow_id) in await complete(WORKFLOW_URI, "workflow_id", "")
        assert str(workflow_id) in await complete(WORKFLOW_URI, "workflow_id", str(workflow_id)[:1])
        assert await complete(STDERR_URI, "job_id", "", workflow_id=str(workflow_id)) == [str(job_id)]
        assert await complete(STDERR_URI, "job_id", "x", workflow_id=str(workflow_id)) == []
        assert await complete(DOCS_URI, "topic", "tri") == ["triage"]
        assert await complete(EXAMPLES_URI, "name", "") == ["tiny.yaml"]
        prompt = await me.client.complete(
            PromptReference(name="triage_workflow"), {"name": "workflow_id", "value": str(workflow_id)}
        )
        assert prompt.completion.values[0] == str(workflow_id)
