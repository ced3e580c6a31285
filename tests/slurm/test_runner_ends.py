"""Allocations that end while jobs run: each attempt is accounted for once, whatever ended it."""

import pytest
from allocation_site import AllocationSite
from helpers import ServerProcess
from running import create, job

from torc_client.processes import host_facts
from torc_client.recovery.allocations import Allocations
from torc_client.recovery.orphans import find_orphans, reclaim
from torc_client.slurm.cluster import SlurmCluster
from torc_client.slurm.programs import SlurmPrograms
from torc_core.api.drafts import ResourceRequirementsDraft

SMALL = ResourceRequirementsDraft(name="small", num_cpus=1, memory="100m", runtime="PT5M")
TIGHT = {"execution_config": {"sigterm_lead_seconds": 20, "sigkill_headroom_seconds": 1}}
STUBBORN = "trap '' TERM; touch {0}/began; while :; do sleep 0.1; done"
SMALL_NODE = ("--cpus-per-task=2", "--mem=400")


def reclaim_ended(site: AllocationSite, workflow_id: int) -> None:
    """What every recovery does first: ask the scheduler, and reclaim what ended allocations held."""
    port = SlurmCluster(SlurmPrograms(site.cluster.environment))
    ends = Allocations(scheduler=port).ended(site.client, workflow_id)
    plan = find_orphans(site.client, workflow_id, host=host_facts(), ended_allocations=ends)
    reclaim(site.client, plan, requeue=True)


@pytest.mark.parametrize("form", ["exec {0}", "exec srun --ntasks-per-node=1 --cpus-per-task=2 {0}"])
def test_scancel_stops_jobs_and_all_is_reported_before_the_kill(site: AllocationSite, form: str) -> None:
    workflow_id = create(
        site.client,
        job("stopped", STUBBORN.format(site.folder), resource_requirements=0),
        job("waits", "true", resource_requirements=0),
        needs=[SMALL],
        **TIGHT,
    )
    line = form.format(site.runner(workflow_id, "--max-parallel-jobs", "1"))
    allocation = site.submit(line, *SMALL_NODE, workflow_id=workflow_id)
    site.await_file("began")
    site.cluster.call("scancel", str(allocation))
    assert site.await_end(allocation) == "CANCELLED"
    # Slurm kills two seconds after its signal, long before the lead of 20 seconds is over
    assert site.statuses(workflow_id) == {"stopped": "terminated", "waits": "ready"}, site.printed(allocation)
    [result] = site.results(workflow_id)
    assert (result.job_name, result.return_code) == ("stopped", 137)
    assert site.record_status(workflow_id, allocation) == "complete"
    assert not any(runner.is_active for runner in site.runners(workflow_id))


def test_jobs_of_a_runner_in_the_foreground_are_reclaimed_after_scancel(site: AllocationSite) -> None:
    workflow_id = create(site.client, job("lost", STUBBORN.format(site.folder), resource_requirements=0), needs=[SMALL])
    # a shell that waits for the runner takes Slurm's signal itself: the runner is killed without one
    allocation = site.submit(f"{site.runner(workflow_id)}; true", *SMALL_NODE, workflow_id=workflow_id)
    site.await_file("began")
    site.await_job(workflow_id, "lost")
    site.cluster.call("scancel", str(allocation))
    assert site.await_end(allocation) == "CANCELLED"
    reclaim_ended(site, workflow_id)
    lost = site.jobs(workflow_id)["lost"]
    assert (lost.status, lost.attempt_id, lost.infrastructure_faults) == ("ready", 2, 1)
    [result] = site.results(workflow_id)
    assert (result.attempt_id, result.return_code) == (1, -128)


def test_usr2_lets_running_jobs_end_and_starts_no_more(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("ends", f"touch {site.folder}/began; until [ -e {site.folder}/go ]; do sleep 0.1; done", priority=2),
        job("waits", "true"),
    )
    line = f"exec {site.runner(workflow_id, '--max-parallel-jobs', '1')}"
    allocation = site.submit(line, *SMALL_NODE, workflow_id=workflow_id)
    site.await_file("began")
    site.cluster.call("scancel", "--batch", "--signal=USR2", str(allocation))
    site.await_that(lambda: "SIGUSR2" in site.printed(allocation), "the runner drains")
    (site.folder / "go").touch()
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert site.statuses(workflow_id) == {"ends": "completed", "waits": "ready"}


def test_a_runner_that_is_killed_leaves_no_process_and_its_jobs_are_reclaimed(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("lost", f"echo $$ >{site.folder}/began; exec sleep 600", resource_requirements=0),
        needs=[SMALL],
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *SMALL_NODE, workflow_id=workflow_id)
    site.await_file("began")
    site.await_job(workflow_id, "lost")
    site.cluster.call("scancel", "--batch", "--signal=KILL", str(allocation))
    site.await_end(allocation)
    reclaim_ended(site, workflow_id)
    assert site.jobs(workflow_id)["lost"].status == "ready"
    again = site.submit(f"exec {site.runner(workflow_id)}", *SMALL_NODE, workflow_id=workflow_id)
    site.await_job(workflow_id, "lost")
    site.cluster.call("scancel", str(again))
    site.await_end(again)
    assert sorted(result.attempt_id or 0 for result in site.results(workflow_id)) == [1, 2]


def test_memory_of_one_job_and_of_the_whole_allocation_is_distinguished(site: AllocationSite) -> None:
    if not site.cluster.limits_memory:
        pytest.skip("memory cannot be limited by control groups here")
    hungry = "python3 -c 'b = bytearray({0} << 20); import time; time.sleep({1})'"
    large = ResourceRequirementsDraft(name="large", num_cpus=1, memory="350m", runtime="PT5M")
    workflow_id = create(
        site.client,
        job("own limit", hungry.format(200, 60), resource_requirements=0),
        needs=[SMALL, large],
    )
    other = create(site.client, job("allocation", hungry.format(600, 1), resource_requirements=1), needs=[SMALL, large])
    allocations = [site.submit(f"exec {site.runner(each)}", *SMALL_NODE) for each in (workflow_id, other)]
    for each in allocations:
        site.await_end(each)
    results = [*site.results(workflow_id), *site.results(other)]
    assert [(result.job_name, result.return_code) for result in results] == [("own limit", 137), ("allocation", 137)]
    for result in results:
        evidence = site.client.jobs.get(result.job_id)
        assert evidence.status == "pending_failed"


def test_the_end_of_the_allocation_stops_jobs_before_slurm_does(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("saves", f"trap 'touch {site.folder}/saved; exit 3' TERM; while :; do sleep 0.1; done"),
        execution_config={"sigterm_lead_seconds": 5, "sigkill_headroom_seconds": 5},
    )
    line = f"exec {site.runner(workflow_id)}"
    allocation = site.submit(line, *SMALL_NODE, "--time=1", workflow_id=workflow_id)
    assert site.await_end(allocation, timeout_s=120) == "COMPLETED", site.printed(allocation)
    assert (site.folder / "saved").exists()
    assert site.statuses(workflow_id) == {"saves": "terminated"}
    assert len(site.results(workflow_id)) == 1


def test_a_server_that_is_restarted_loses_no_result(site: AllocationSite, server: ServerProcess) -> None:
    site.server, site.client = server, server.client(patience_s=60)
    wait = f"touch {site.folder}/began; until [ -e {site.folder}/go ]; do sleep 0.1; done"
    workflow_id = create(site.client, job("during", wait, priority=1), job("after", "true"))
    line = f"exec {site.runner(workflow_id, '--max-parallel-jobs', '1')}"
    allocation = site.submit(line, *SMALL_NODE, workflow_id=workflow_id)
    site.await_file("began")
    server.kill()
    (site.folder / "go").touch()
    site.await_that(lambda: "server" in site.printed(allocation), "the runner misses the server")
    server.start()
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert site.statuses(workflow_id) == {"during": "completed", "after": "completed"}
    assert len(site.results(workflow_id)) == 2


def test_jobs_of_a_node_without_power_run_again_elsewhere(site: AllocationSite) -> None:
    node = site.cluster.nodes[-1]
    command = f'touch {site.folder}/began_$(hostname); [ "$(hostname)" != {node} ] || exec sleep 600'
    workflow_id = create(site.client, job("moved", command, resource_requirements=0), needs=[SMALL])
    line = f"exec {site.runner(workflow_id)}"
    allocation = site.submit(line, *SMALL_NODE, "--no-requeue", f"--nodelist={node}", workflow_id=workflow_id)
    site.await_file(f"began_{node}")
    site.await_job(workflow_id, "moved")
    site.cluster.crash(node)
    try:
        assert site.await_end(allocation, timeout_s=120) == "NODE_FAIL"
        reclaim_ended(site, workflow_id)
        again = site.submit(line, *SMALL_NODE, f"--exclude={node}", workflow_id=workflow_id)
        assert site.await_end(again) == "COMPLETED", site.printed(again)
    finally:
        site.cluster.boot(node)
    assert site.statuses(workflow_id) == {"moved": "completed"}
    codes = {result.attempt_id: result.return_code for result in site.results(workflow_id)}
    assert codes == {1: -128, 2: 0}


def test_a_preempted_allocation_has_reported_its_jobs(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("stopped", f"touch {site.folder}/began; exec sleep 600", resource_requirements=0),
        needs=[SMALL],
    )
    whole_node = ("--exclusive", f"--nodelist={site.cluster.nodes[0]}")
    allocation = site.submit(f"exec {site.runner(workflow_id)}", "--qos=low", *whole_node, workflow_id=workflow_id)
    site.await_file("began")
    site.submit("sleep 1", "--qos=high", *whole_node)
    assert site.await_end(allocation) == "PREEMPTED", site.printed(allocation)
    assert site.statuses(workflow_id) == {"stopped": "terminated"}
    assert len(site.results(workflow_id)) == 1
