"""Runners in allocations of a real Slurm: what they register, how they leave, and what they cancel."""

from allocation_site import AllocationSite
from running import create, job

from torc_core.api.drafts import ResourceRequirementsDraft
from torc_core.resources.duration import parse_duration

SMALL = ResourceRequirementsDraft(name="small", num_cpus=2, memory="100m", runtime="PT1M")
LONG = ResourceRequirementsDraft(name="long", num_cpus=1, memory="100m", runtime="PT11M")
MIB = 1 << 20


def test_one_runner_on_each_of_two_nodes_registers_its_share_and_runs_its_jobs(site: AllocationSite) -> None:
    jobs = [job(f"job{number}", "hostname; sleep 0.5", resource_requirements=0) for number in range(8)]
    workflow_id = create(site.client, *jobs, needs=[SMALL])
    nodes = ("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=4", "--mem=1000")
    # as submission writes it
    line = f"exec srun --ntasks-per-node=1 --wait=0 --kill-on-bad-exit=0 --export=ALL {site.runner(workflow_id)}"
    allocation = site.submit(line, *nodes, workflow_id=workflow_id)
    site.await_that(lambda: site.record_status(workflow_id, allocation) == "active", "the head node has reported")
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert set(site.statuses(workflow_id).values()) == {"completed"}
    assert len(site.results(workflow_id)) == len(jobs)
    runners = site.runners(workflow_id)
    assert len(runners) == 2
    for runner in runners:
        assert runner.scheduler["scheduler_id"] == allocation
        assert runner.scheduler["slurm_job_id"] == str(allocation)
        assert runner.scheduler["node"] == runner.hostname
        assert (runner.compute_node_type, runner.num_cpus, runner.is_active) == ("slurm", 4, False)
        assert runner.memory_gb == 1000 * MIB / (1 << 30)
        assert runner.scheduler_config_id == 987654
        assert runner.time_limit is not None
        assert 300 < parse_duration(runner.time_limit) <= 600
    assert {runner.hostname for runner in runners} <= set(site.cluster.nodes)
    assert runners[0].hostname != runners[1].hostname
    assert site.record_status(workflow_id, allocation) == "complete"


def test_torc_run_typed_in_an_allocation_is_a_runner_of_it(site: AllocationSite) -> None:
    workflow_id = create(site.client, "true")
    torc = str(site.runner(workflow_id)).split()[0].replace("torc-slurm-job-runner", "torc")
    line = f"exec {torc} --url {site.server.url} run {workflow_id} -o {site.output}"
    allocation = site.submit(line, "--cpus-per-task=3", "--mem=500")
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    [runner] = site.runners(workflow_id)
    assert (runner.compute_node_type, runner.num_cpus) == ("slurm", 3)


def test_jobs_that_do_not_end_in_time_are_left_to_others(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("short", "sleep 3", resource_requirements=0),
        job("long", "true", resource_requirements=1),
        needs=[SMALL, LONG],
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", "--cpus-per-task=2", "--mem=500")
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert site.statuses(workflow_id) == {"short": "completed", "long": "ready"}
    assert "1 job is ready but needs more than this runner has" in site.printed(allocation)


def test_the_last_runner_cancels_allocations_that_nobody_needs(site: AllocationSite) -> None:
    workflow_id = create(site.client, job("only", "sleep 1", resource_requirements=0), needs=[SMALL])
    other = create(site.client, "true")
    line, later = site.runner(workflow_id), "--begin=now+1hour"
    unneeded = site.submit(f"exec {line}", later, workflow_id=workflow_id)
    of_another = site.submit("true", later, workflow_id=other)
    by_hand = site.submit("true", later)
    allocation = site.submit(f"exec {line}", "--cpus-per-task=2", "--mem=500", workflow_id=workflow_id)
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert site.state(unneeded) == "CANCELLED"
    assert site.record_status(workflow_id, unneeded) == "canceled"
    assert site.state(of_another) == site.state(by_hand) == "PENDING"
    assert f"{unneeded}" in site.printed(allocation)


def test_several_allocations_share_a_workflow_and_each_job_runs_once(site: AllocationSite) -> None:
    jobs = [job(f"job{number}", "sleep 0.3", resource_requirements=0) for number in range(20)]
    workflow_id = create(site.client, *jobs, needs=[SMALL])
    small = ("--cpus-per-task=2", "--mem=500")
    allocations = [site.submit(f"exec {site.runner(workflow_id)}", *small, workflow_id=workflow_id) for _ in range(3)]
    assert {site.await_end(each) for each in allocations} <= {"COMPLETED", "CANCELLED"}
    results = site.results(workflow_id)
    assert sorted(result.job_name or "" for result in results) == sorted(each.name for each in jobs)
    assert {result.return_code for result in results} == {0}


def test_a_runner_that_starts_before_its_allocation_is_recorded_finds_the_intent(site: AllocationSite) -> None:
    from torc_client.recovery.allocations import SUBMITTING, allocation_key

    workflow_id = create(site.client, "sleep 1")
    intent = site.record(workflow_id, 0, status=SUBMITTING)
    key = allocation_key(site.client.workflows.get(workflow_id), intent)
    allocation = site.submit(f"exec {site.runner(workflow_id)}", f"--job-name={key}", "--mem=500")
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert site.record_status(workflow_id, allocation) == "complete"
