"""Builds, from the text of a workflow file, the draft that the server creates a workflow from."""

from typing import Any

from torc_core.api.configs import ExecutionConfig
from torc_core.api.drafts import (
    FailureHandlerDraft,
    ResourceRequirementsDraft,
    SlurmSchedulerDraft,
    WorkflowDraft,
)
from torc_core.api.failure_handlers import FailureRule
from torc_core.api.workflows import WorkflowModel
from torc_core.notifications import NOTIFICATIONS_KEY
from torc_core.spec.check import Checked, examine
from torc_core.spec.check_records import parse_metadata
from torc_core.spec.problems import Problems
from torc_core.spec.report import SpecReport
from torc_core.spec.spec import Spec, read_spec
from torc_core.spec.tables import ReadTable


def read_workflow(
    text: str, *, file_name: str, user: str, read_table: ReadTable | None = None
) -> tuple[WorkflowDraft, SpecReport]:
    """Read, expand and check a workflow file. Raises SpecError listing everything that is wrong with it."""
    spec, problems = read_spec(text, file_name=file_name, read_table=read_table)
    checked = _examine_or_raise(spec, problems)
    return _assemble(spec, checked, user), checked.report


def check_workflow(text: str, *, file_name: str, read_table: ReadTable | None = None) -> SpecReport:
    """Check a workflow file without making anything. Raises SpecError only for a text that cannot be read."""
    return check_draft(text, file_name=file_name, read_table=read_table)[1]


def check_draft(
    text: str, *, file_name: str, user: str = "", read_table: ReadTable | None = None
) -> tuple[WorkflowDraft | None, SpecReport]:
    """Return what a workflow file makes, None where it is not valid, and the report of its check.

    Raises SpecError only for a text that cannot be read.
    """
    spec, problems = read_spec(text, file_name=file_name, read_table=read_table)
    checked = examine(spec, problems)
    return (_assemble(spec, checked, user) if checked.report.valid else None), checked.report


def _examine_or_raise(spec: Spec, problems: Problems) -> Checked:
    checked = examine(spec, problems)
    if len(problems):
        raise problems.error()
    return checked


def _assemble(spec: Spec, checked: Checked, user: str) -> WorkflowDraft:
    body = spec.body
    # Jobs and files were made from checked values; only the small records are validated again.
    return WorkflowDraft.model_construct(
        workflow=_workflow(spec, checked, user),
        files=checked.files,
        user_data=checked.user_data,
        resource_requirements=[
            ResourceRequirementsDraft(**record.model_dump(exclude_none=True))
            for record in body.resource_requirements or []
        ],
        failure_handlers=[
            FailureHandlerDraft(
                name=handler.name, rules=[FailureRule(**rule.model_dump(exclude_none=True)) for rule in handler.rules]
            )
            for handler in body.failure_handlers or []
        ],
        slurm_schedulers=[
            SlurmSchedulerDraft(**record.model_dump(exclude_none=True)) for record in body.slurm_schedulers or []
        ],
        jobs=checked.jobs,
        actions=checked.actions,
    )


def _workflow(spec: Spec, checked: Checked, user: str) -> WorkflowModel:
    body = spec.body
    defaults = {
        key: value for key, value in (body.slurm_defaults or {}).items() if isinstance(value, str | int | float)
    }
    return WorkflowModel(
        name=spec.name,
        user=user,
        description=body.description,
        project=body.project,
        metadata=_metadata(spec),
        use_pending_failed=body.use_pending_failed,
        max_raise=body.max_raise,
        enable_ro_crate=body.enable_ro_crate,
        env=body.env,
        access_groups=body.access_groups,
        compute_node_expiration_buffer_seconds=body.compute_node_expiration_buffer_seconds,
        compute_node_ignore_workflow_completion=body.compute_node_ignore_workflow_completion,
        compute_node_min_time_for_new_jobs_seconds=body.compute_node_min_time_for_new_jobs_seconds,
        compute_node_wait_for_healthy_database_minutes=body.compute_node_wait_for_healthy_database_minutes,
        compute_node_wait_for_new_jobs_seconds=body.compute_node_wait_for_new_jobs_seconds,
        resource_monitor_config=body.resource_monitor,
        execution_config=_execution_config(spec, checked),
        slurm_defaults=defaults or None,
        dynamic_jobs=body.dynamic_jobs,
    )


def _metadata(spec: Spec) -> dict[str, Any] | None:
    """Return the metadata of the file, with its notifications under a key of their own."""
    metadata = parse_metadata(spec.body.metadata, spec.collect())
    if spec.body.notifications is None:
        return metadata
    rules = [rule.model_dump(exclude_none=True) for rule in spec.body.notifications]
    return {**(metadata or {}), NOTIFICATIONS_KEY: rules}


def _execution_config(spec: Spec, checked: Checked) -> ExecutionConfig | None:
    """Return the file's settings, with the `stdio` of single jobs as overrides by job name."""
    config = spec.body.execution_config
    overrides = dict(config.job_stdio_overrides or {}) if config else {}
    for group in checked.expansion.jobs:
        stdio = spec.body.jobs[group.entry].stdio
        if stdio is not None:
            overrides |= dict.fromkeys(group.names, stdio)
    if not overrides:
        return config
    return (config or ExecutionConfig()).model_copy(update={"job_stdio_overrides": overrides})
