"""Drawings of workflows, and the schema of their files."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from torc_process import EXAMPLES

from torc_cli.commands.spec import workflow_schema
from torc_client.http import TorcClient
from torc_client.start_diagnosis import diagnose_start
from torc_core.api.drafts import ResourceRequirementsDraft, WorkflowDraft
from torc_core.api.jobs import JobDraft
from torc_core.api.nodes import ComputeNodeModel
from torc_core.api.workflows import WorkflowModel
from torc_core.jobs.graph_text import DrawnJob, as_dot, as_mermaid
from torc_core.jobs.status import STATUS_TRAITS, JobStatus
from torc_core.spec.load import read_source
from torc_core.spec.model import WorkflowSpec

CHECKER = jsonschema_rs.validator_for(workflow_schema())
JOBS = [
    DrawnJob('a "quoted" name', frozenset(), JobStatus.COMPLETED),
    DrawnJob("b\\c", frozenset({0}), JobStatus.FAILED),
]


def test_a_graph_is_text_for_graphviz_and_mermaid() -> None:
    dot = as_dot("study", JOBS).splitlines()
    assert dot[0] == 'digraph "study" {'
    assert '  j0 [label="a \\"quoted\\" name", fillcolor="#bce8bc", tooltip="completed"];' in dot
    assert "  j0 -> j1;" in dot
    mermaid = as_mermaid(JOBS).splitlines()
    assert mermaid[:2] == ["flowchart LR", '  j0["a #34;quoted#34; name"]:::completed']
    assert "  j0 --> j1" in mermaid


@pytest.mark.parametrize("status", list(JobStatus))
def test_every_status_has_a_colour_on_paper(status: JobStatus) -> None:
    assert STATUS_TRAITS[status].colour
    assert f":::{status}" in as_mermaid([DrawnJob("a", frozenset(), status)])


def test_the_schema_knows_every_key_with_what_it_means() -> None:
    schema = workflow_schema()
    assert set(schema["properties"]) == set(WorkflowSpec.model_fields)
    job = schema["$defs"]["JobSpec"]
    assert job["additionalProperties"] is False
    assert job["properties"]["command"]["description"] == "What bash runs."
    assert "unique within its list" in job["properties"]["name"]["description"]
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("path", sorted((EXAMPLES / "yaml").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_fits_the_schema(path: Path) -> None:
    value = read_source(path.read_text(), file_name=path.name).value
    assert [error.message for error in CHECKER.iter_errors(value)] == []


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({"jobs": [{"name": "a", "command": "x", "priority": "{p}"}]}, True),
        ({"jobs": [{"name": "a", "command": "x", "priority": "high"}]}, False),
        ({"jobs": [{"name": "a", "command": "x", "env": {"A": 1, "B": {"from_env": "B"}}}]}, True),
        ({"jobs": [{"name": "a", "comand": "x"}]}, False),
        ({"resource_requirements": [{"name": "r", "num_cpus": "{c}", "memory": 1024}]}, True),
        ({"execution_config": {"limit_resources": "{l}", "mode": "direct"}}, True),
    ],
)
def test_the_schema_takes_what_a_file_may_hold(changes: dict[str, Any], *, is_valid: bool) -> None:
    assert CHECKER.is_valid({"jobs": [{"name": "a", "command": "x"}], **changes}) is is_valid


def runner(client: TorcClient, workflow_id: int, **fields: object) -> None:
    record = {
        "workflow_id": workflow_id,
        "hostname": "n",
        "pid": 1,
        "start_time": "2026-01-01T00:00:00Z",
        "num_cpus": 4,
        "num_gpus": 0,
        "num_nodes": 1,
        "memory_gb": 8,
        "compute_node_type": "local",
    }
    client.compute_nodes.create(ComputeNodeModel.model_validate(record | fields))


def test_a_diagnosis_says_what_the_runners_lack_for_each_ready_job(shared_client: TorcClient) -> None:
    draft = WorkflowDraft(
        workflow=WorkflowModel(name="stuck", user="tester"),
        resource_requirements=[
            ResourceRequirementsDraft(name="long", memory="1g", runtime="PT5H"),
            ResourceRequirementsDraft(name="large", num_cpus=64, memory="1g", runtime="PT1M"),
        ],
        jobs=[
            JobDraft(name="plain", command="true"),
            JobDraft(name="long", command="true", resource_requirements=0),
            JobDraft(name="large", command="true", resource_requirements=1),
            JobDraft(name="labeled", command="true", labels=["gpu"]),
        ],
    )
    workflow_id = shared_client.create_from_draft(draft).workflow.id or 0
    shared_client.initialize_jobs(workflow_id)
    alone = diagnose_start(shared_client, workflow_id)
    assert [(each.reason, each.jobs) for each in alone.obstacles] == [("no runner is active", 4)]
    runner(shared_client, workflow_id, end_time="2000-01-01T00:00:00Z")
    found = diagnose_start(shared_client, workflow_id)
    reasons = {each.names[0]: each.reason for each in found.obstacles}
    assert "labels" in reasons["labeled"]
    assert "more CPUs" in reasons["large"]
    assert "runtime is longer" in reasons["long"]
    assert "could take them" in reasons["plain"]
    assert (found.runtime_blocked_jobs, found.runtime_blocked, found.has_unlimited_allocation) == (1, True, False)
    runner(shared_client, workflow_id)
    assert diagnose_start(shared_client, workflow_id).runtime_blocked is False
