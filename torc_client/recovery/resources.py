"""Resource use of a workflow's jobs: the report, and requirements corrected by it."""

from collections.abc import Set as AbstractSet

from torc_client.http import TorcClient
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.attempt_facts import completed_attempts, failed_attempts, failed_attempts_of_run
from torc_client.recovery.foresight import read_siblings
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc
from torc_core.jobs.status import JobStatus
from torc_core.recovery.corrections import Correction, CorrectionOptions, plan_corrections
from torc_core.recovery.diagnosis import diagnose
from torc_core.recovery.resource_groups import RequirementsReport, report_requirements
from torc_core.recovery.resource_report import UtilizationReport, report_utilization


def utilization(
    client: TorcClient,
    workflow_id: int,
    *,
    run_id: int | None,
    include_failed: bool,
    show_all: bool,
    min_over_utilization_percent: float,
) -> UtilizationReport:
    """Return the report over every job's newest attempt, or over one run. Raises NotFoundError."""
    client.workflows.get(workflow_id)
    failures = []
    if include_failed and run_id is None:
        failures = failed_attempts(client, workflow_id, Allocations())
    elif include_failed and run_id is not None:
        failures = failed_attempts_of_run(client, workflow_id, run_id=run_id)
    return report_utilization(
        workflow_id,
        completed=completed_attempts(client, workflow_id, run_id=run_id),
        failures=[diagnose(facts) for facts in failures],
        # an earlier run says nothing about what its jobs ask for now
        siblings=read_siblings(client, workflow_id) if run_id is None else (),
        run_id=run_id,
        show_all=show_all,
        min_over_utilization_percent=min_over_utilization_percent,
    )


def requirements_use(client: TorcClient, workflow_id: int, *, completed_only: bool = False) -> RequirementsReport:
    """Return what the newest attempts used, by resource requirement; of completed jobs alone with `completed_only`."""
    client.workflows.get(workflow_id)
    results = client.results.list_all(workflow_id=workflow_id)
    return report_requirements(
        workflow_id,
        client.jobs.list_all(workflow_id=workflow_id),
        client.resource_requirements.list_all(workflow_id=workflow_id),
        [result for result in results if not completed_only or result.status is JobStatus.COMPLETED],
    )


def find_corrections(
    client: TorcClient, workflow_id: int, options: CorrectionOptions
) -> tuple[int, tuple[Correction, ...]]:
    """Return the number of jobs looked at and the corrections. Changes nothing.

    Raises InvalidInputError for chosen jobs that the workflow does not have.
    """
    client.workflows.get(workflow_id)
    facts = [*completed_attempts(client, workflow_id), *failed_attempts(client, workflow_id, Allocations())]
    _refuse_unknown(client, workflow_id, set(options.job_ids) - {each.job_id for each in facts})
    return len(facts), plan_corrections([diagnose(each) for each in facts], options)


def _refuse_unknown(client: TorcClient, workflow_id: int, job_ids: AbstractSet[int]) -> None:
    """Raise InvalidInputError for ids that are no jobs of the workflow; jobs that have not ended are left out."""
    if not job_ids:
        return
    unknown = sorted(job_ids - {job.id for job in client.jobs.list_all(workflow_id=workflow_id)})
    if unknown:
        raise InvalidInputError(
            f"workflow {workflow_id} has no job {', '.join(map(str, unknown[:20]))}",
            hint=Hint("`{}` shows its jobs", torc("jobs list", workflow_id)),
            ids={"workflow_id": workflow_id},
        )


def apply_corrections(client: TorcClient, corrections: tuple[Correction, ...]) -> None:
    """Write the new amounts; they apply to all jobs with these requirements."""
    for correction in corrections:
        record = client.resource_requirements.get(correction.resource_requirements_id)
        new = {
            "memory": correction.new_memory,
            "runtime": correction.new_runtime,
            "num_cpus": correction.new_cpus,
        }
        changed = {field: value for field, value in new.items() if value is not None}
        client.resource_requirements.update(correction.resource_requirements_id, record.model_copy(update=changed))
