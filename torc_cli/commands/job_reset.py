"""Single jobs back to their beginning."""

from collections.abc import Sequence

from torc_cli.session import Session
from torc_core.jobs.status import JobStatus


def reset_jobs(session: Session, job_ids: Sequence[int], *, reinit: bool) -> None:
    """Within the current run; what depends on them is sent back when the workflow is reinitialized."""
    client = session.client
    jobs = [client.jobs.get(job_id) for job_id in job_ids]
    workflows = {job.workflow_id: client.workflows.get(job.workflow_id) for job in jobs}
    for job_id, job in zip(job_ids, jobs, strict=True):
        client.change_status(job_id, JobStatus.UNINITIALIZED, run_id=workflows[job.workflow_id].run_id or 0)
    if reinit:
        for workflow_id in workflows:
            client.initialize_jobs(workflow_id, only_uninitialized=True)
    steps = ", ".join(session.literal(f"torc reinit {workflow_id}") for workflow_id in workflows)
    after = "decided anew" if reinit else f"uninitialized; next: {steps}"
    session.out.done(
        f"Reset {len(job_ids)} job(s): {after}",
        {"job_ids": list(job_ids), "workflow_ids": list(workflows), "reinitialized": reinit},
    )
