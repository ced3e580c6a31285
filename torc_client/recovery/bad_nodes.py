"""Reads how attempts ended on the nodes of a cluster."""

from collections.abc import Iterator
from datetime import datetime

from torc_client.http import TorcClient
from torc_client.recovery.attempt_facts import attempts_with_evidence
from torc_core.jobs.status import FAILED_FOR_GOOD, JobStatus
from torc_core.recovery.bad_nodes import WINDOW, BadNode, NodeEnd, bad_nodes, was_ended_by_others
from torc_core.recovery.diagnosis import diagnose
from torc_core.slurm.environment import registered_cluster, registered_node


def find_bad_nodes(client: TorcClient, workflow_id: int, *, cluster: str, now: datetime) -> list[BadNode]:
    """Return the nodes of the cluster that failed jobs of this workflow, as `bad_nodes` decides."""
    runners = client.compute_nodes.list_all(workflow_id=workflow_id)
    nodes = {
        runner.id: node
        for runner in runners
        if registered_cluster(runner.scheduler) == cluster and (node := registered_node(runner.scheduler)) is not None
    }
    if len(set(nodes.values())) < 2:
        return []
    return bad_nodes(_ends(client, workflow_id, nodes, now), now=now)


def _ends(client: TorcClient, workflow_id: int, nodes: dict[int | None, str], now: datetime) -> Iterator[NodeEnd]:
    completed = client.results.list_all(workflow_id=workflow_id, all_runs=True, status=JobStatus.COMPLETED)
    for result in completed:
        if result.compute_node_id in nodes and (ended := _moment(result.completion_time)) is not None:
            yield NodeEnd(node=nodes[result.compute_node_id], job_name="", ended_at=ended)
    for result, facts in attempts_with_evidence(client, workflow_id, statuses=tuple(FAILED_FOR_GOOD)):
        ended = _moment(result.completion_time)
        if result.compute_node_id not in nodes or ended is None or now - ended > WINDOW:
            continue
        yield NodeEnd(
            node=nodes[result.compute_node_id],
            job_name=facts.job_name,
            ended_at=ended,
            cause=diagnose(facts).cause,
            was_ended_by_others=was_ended_by_others(facts.evidence),
        )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
