"""`torc workflows sync-status` and runners on other machines."""

from helpers import make_workflow, wait_until
from torc_process import Torc

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.jobs import ComputeNodesResources, StartJobsRequest
from torc_core.api.nodes import ComputeNodeModel


def test_a_runner_elsewhere_is_lost_after_the_time_that_is_given(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, job_ids = make_workflow(shared_client, JobDraft(name="far", command="true"))
    node = ComputeNodeModel(
        workflow_id=workflow_id,
        hostname="n017",
        pid=1,
        start_time="2026-01-01T00:00:00Z",
        num_cpus=4,
        num_gpus=0,
        num_nodes=1,
        memory_gb=8,
        compute_node_type="local",
    )
    node_id = shared_client.compute_nodes.create(node).id or 0
    offer = ComputeNodesResources(id=node_id, num_cpus=4, num_gpus=0, num_nodes=1, memory_gb=8)
    shared_client.claim_jobs(workflow_id, offer, limit=1)
    shared_client.start_jobs(workflow_id, StartJobsRequest(run_id=1, compute_node_id=node_id, job_ids=job_ids))

    unheard = torc("workflows", "sync-status", workflow_id)
    assert "in sync" in unheard.out
    assert "1 active runner(s) on other machines cannot be checked from here" in unheard.err

    shared_client.heartbeat(node_id)
    wait_until(lambda: (shared_client.compute_nodes.get(node_id).heartbeat_age_s or 0) > 1.0, "it was silent")
    heard = torc("workflows", "sync-status", workflow_id)
    assert "in sync" in heard.out
    assert "cannot be checked" not in heard.err
    assert "s ago" in torc("compute-nodes", "list", workflow_id).out

    data = torc("workflows", "sync-status", workflow_id, "--heartbeat-timeout", "1", "-f", "json").json
    assert data["jobs_requeued"] == 1
    assert "n017 sent no heartbeat since" in data["requeued_job_details"][0]["reason"]
    assert torc("workflows", "sync-status", workflow_id, "--heartbeat-timeout", "0", code=2).err
