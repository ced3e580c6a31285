"""Single jobs back to their beginning."""

from collections.abc import Sequence

from torc_cli.session.session import Session
from torc_core.hints import Hint, torc


def reset_jobs(session: Session, job_ids: Sequence[int], *, reinit: bool) -> None:
    """Within the current run; what depends on them is sent back when the workflow is reinitialized."""
    client = session.client
    jobs = [client.jobs.get(job_id) for job_id in job_ids]
    workflows = {job.workflow_id: client.workflows.get(job.workflow_id) for job in jobs}
    for workflow_id, workflow in workflows.items():
        own = [job.id or 0 for job in jobs if job.workflow_id == workflow_id]
        client.reset_jobs(workflow_id, own, run_id=workflow.run_id or 0)
    if reinit:
        for workflow_id in workflows:
            client.initialize_jobs(workflow_id, only_uninitialized=True)
    steps = Hint.joined(", ", [Hint("{}", torc("reinit", workflow_id)) for workflow_id in workflows])
    after = "decided anew" if reinit else Hint("uninitialized; next: {}", steps)
    session.out.done(
        Hint("Reset {} job(s): {}", len(job_ids), after),
        {"job_ids": list(job_ids), "workflow_ids": list(workflows), "reinitialized": reinit},
    )
