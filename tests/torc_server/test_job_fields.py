"""A plain job field stands in one place of each layer, and everything between the layers is derived from it."""

from pathlib import Path
from typing import Any, Final

import pytest
from services_bench import Bench

from torc_client.export.document import PortableWorkflow, as_draft
from torc_core.api.jobs import JOB_FIELD_DEFAULTS, PLAIN_JOB_FIELDS, SHARED_JOB_FIELDS, JobDraft, JobModel
from torc_core.api.workflows import WorkflowModel
from torc_core.spec.build import read_workflow
from torc_core.spec.model import JobSpec
from torc_server.db.tables.jobs import Job
from torc_server.services.jobs.job_records import create_jobs, get_job
from torc_server.services.jobs.update_job import update_job
from torc_server.services.runs.create import create_workflow_from_draft

SPECIFICATION: Final = Path(__file__).parents[2] / "docs" / "reference" / "workflow-keys.md"


def other_value(field: str) -> Any:
    """A value that is not the default, of the default's type."""
    default = JOB_FIELD_DEFAULTS[field]
    return not default if isinstance(default, bool) else default + 7 if isinstance(default, int) else "other"


OTHERS: Final = {field: other_value(field) for field in PLAIN_JOB_FIELDS}


def test_the_plain_fields_are_found() -> None:
    assert {"cancel_on_blocking_job_failure", "supports_termination", "priority"} <= set(PLAIN_JOB_FIELDS)


@pytest.mark.parametrize("field", SHARED_JOB_FIELDS)
def test_a_shared_field_has_a_column_of_its_name(field: str) -> None:
    assert field in Job.model_fields


@pytest.mark.parametrize("field", PLAIN_JOB_FIELDS)
def test_a_plain_field_has_a_key_of_its_name_in_the_workflow_file(field: str) -> None:
    assert field in JobSpec.model_fields


@pytest.mark.parametrize("field", sorted(JobSpec.model_fields))
def test_every_key_of_a_job_is_documented(field: str) -> None:
    assert f"`{field}`" in SPECIFICATION.read_text(encoding="utf-8")


def test_plain_fields_go_from_the_file_to_the_row_and_back(tmp_path: Path) -> None:
    lines = "".join(f", {field}: {str(value).lower()}" for field, value in OTHERS.items())
    draft, _ = read_workflow(
        f"name: w\njobs:\n  - {{name: a, command: 'true'{lines}}}\n  - {{name: b, command: 'true'}}\n",
        file_name="w.yaml",
        user="somebody",
    )
    bench = Bench.at(tmp_path / "torc.db")
    first_id = bench.write(create_workflow_from_draft, draft).first_job_id
    assert first_id is not None
    stored = [bench.read(get_job, job_id) for job_id in (first_id, first_id + 1)]
    assert [plain(job) for job in stored] == [OTHERS, {field: JOB_FIELD_DEFAULTS[field] for field in PLAIN_JOB_FIELDS}]
    exported = PortableWorkflow(workflow=WorkflowModel(name="w", user="somebody"), jobs=stored)
    again = as_draft(exported.model_copy(update={"jobs": [no_relations(job) for job in stored]}), user="somebody")
    assert [plain(job) for job in again.jobs] == [plain(job) for job in draft.jobs]


def test_plain_fields_are_written_by_creations_and_updates(tmp_path: Path) -> None:
    bench = Bench.at(tmp_path / "torc.db")
    workflow_id = bench.workflow([JobDraft(name="a", command="true")], initialize=False).workflow_id
    record = JobModel(workflow_id=workflow_id, name="b", command="true", **OTHERS)
    [created] = bench.write(create_jobs, [record]).jobs
    assert plain(created) == OTHERS
    [unset] = bench.write(create_jobs, [JobModel(workflow_id=workflow_id, name="c", command="true")]).jobs
    assert plain(unset) == {field: JOB_FIELD_DEFAULTS[field] for field in PLAIN_JOB_FIELDS}
    assert unset.id is not None
    assert plain(bench.write(update_job, unset.id, record.model_copy(update={"name": "c"}))) == OTHERS


def plain(job: JobModel | JobDraft) -> dict[str, Any]:
    return {field: getattr(job, field) for field in PLAIN_JOB_FIELDS}


def no_relations(job: JobModel) -> JobModel:
    return job.model_copy(update={"resource_requirements_id": None})
