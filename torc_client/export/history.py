"""Gives a workflow that was imported the results and events of the exported one, under its own ids."""

from typing import Any

from torc_client.export.document import PortableWorkflow
from torc_client.http import TorcClient
from torc_core.api.nodes import ComputeNodeModel
from torc_core.errors import InvalidInputError
from torc_core.hints import Hint, torc

_JOB_KEYS = ("job_id", "job_ids")


def refuse_missing_history(portable: PortableWorkflow, *, results: bool, events: bool) -> None:
    """Raise InvalidInputError when the document lacks what is asked for, or names a job that it does not hold."""
    for wanted, records, option in (
        (results, portable.results, "--include-results"),
        (events, portable.events, "--include-events"),
    ):
        if wanted and records is None:
            raise InvalidInputError(
                f"{option}: the exported workflow holds none",
                hint=Hint("export it with `{}`", torc("workflows export", option)),
            )
    known = {job.id for job in portable.jobs}
    for result in portable.results or () if results else ():
        if result.job_id not in known:
            raise InvalidInputError(f"the exported workflow names job {result.job_id} and does not hold it")


def restore_history(
    client: TorcClient, portable: PortableWorkflow, workflow_id: int, first_job_id: int, *, results: bool, events: bool
) -> tuple[int, int]:
    """Store the results and events for the new workflow; return how many of each.

    Its next run has a number that no result has, so that those of the jobs that run again stand beside them.
    """
    jobs = {job.id: first_job_id + place for place, job in enumerate(portable.jobs)}
    if results:
        _restore_results(client, portable, workflow_id, jobs)
    if events:
        for event in portable.events or ():
            data = _with_new_ids(event.data, workflow_id, jobs)
            client.events.create(event.model_copy(update={"id": None, "workflow_id": workflow_id, "data": data}))
    return len(portable.results or ()) if results else 0, len(portable.events or ()) if events else 0


def _restore_results(
    client: TorcClient, portable: PortableWorkflow, workflow_id: int, jobs: dict[int | None, int]
) -> None:
    described = {node.id: node for node in portable.compute_nodes or ()}
    nodes: dict[int, int] = {}
    for result in portable.results or ():
        if result.compute_node_id not in nodes:
            node = described.get(result.compute_node_id) or _unknown_node(result.completion_time)
            record = node.model_copy(
                update={"id": None, "workflow_id": workflow_id, "is_active": False, "scheduler_config_id": None}
            )
            nodes[result.compute_node_id] = client.compute_nodes.create(record).id or 0
        client.results.create(
            result.model_copy(
                update={
                    "id": None,
                    "workflow_id": workflow_id,
                    "job_id": jobs[result.job_id],
                    "compute_node_id": nodes[result.compute_node_id],
                }
            )
        )
    last = max((result.run_id for result in portable.results or ()), default=0)
    run_id = client.workflows.get(workflow_id).run_id or 0
    for following in range(run_id + 1, last + 2):
        client.reset_workflow_status(workflow_id, run_id=following)


def _unknown_node(moment: str) -> ComputeNodeModel:
    """Return a runner for results whose own is not in the document: exports of other programs may lack them."""
    return ComputeNodeModel(
        workflow_id=0,
        hostname="unknown",
        pid=0,
        start_time=moment,
        num_cpus=1,
        num_gpus=0,
        num_nodes=1,
        memory_gb=0,
        compute_node_type="local",
    )


def _with_new_ids(data: Any, workflow_id: int, jobs: dict[int | None, int]) -> Any:
    """Return the data of an event with the new ids where it names the workflow and its jobs."""
    if not isinstance(data, dict):
        return data
    changed = dict(data)
    if "workflow_id" in changed:
        changed["workflow_id"] = workflow_id
    for key in _JOB_KEYS:
        match changed.get(key):
            case int(old):
                changed[key] = jobs.get(old, old)
            case list(olds):
                changed[key] = [jobs.get(old, old) if isinstance(old, int) else old for old in olds]
            case _:
                continue
    return changed
