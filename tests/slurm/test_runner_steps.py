"""Jobs that a runner starts as steps on a real Slurm: limits, ends and signals are the job's own."""

import pytest
from allocation_site import AllocationSite
from running import create, job

from torc_core.api.drafts import ResourceRequirementsDraft

SMALL = ResourceRequirementsDraft(name="small", num_cpus=1, memory="100m", runtime="PT5M")
WIDE = ResourceRequirementsDraft(name="wide", num_cpus=2, num_nodes=2, memory="100m", runtime="PT5M")
STEPS = {"execution_config": {"mode": "slurm", "sigkill_headroom_seconds": 5, "sigterm_lead_seconds": 3}}
TWO_NODES = ("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=4", "--mem=1000")
ONE_NODE = ("--cpus-per-task=4", "--mem=600")


def log(site: AllocationSite, workflow_id: int, name: str, ending: str = "o") -> str:
    [path] = site.output.glob(f"job_stdio/job_wf{workflow_id}_j{site.jobs(workflow_id)[name].id}_r*_a1.{ending}")
    return path.read_text()


def test_jobs_run_as_steps_on_all_nodes_of_the_allocation(site: AllocationSite) -> None:
    where = 'echo "$(hostname) $SLURM_STEP_NUM_NODES $SLURM_PROCID $SLURM_NTASKS ${SLURM_EXIT_ERROR:-none}"'
    names = [f"small{number}" for number in range(8)]
    workflow_id = create(
        site.client,
        *(job(name, f"{where}; sleep 2", resource_requirements=0) for name in names),
        job("mpi", f"{where}; echo $TORC_JOB_NAME", resource_requirements=1, priority=1),
        job("fails", "echo because >&2; exit 7", resource_requirements=0),
        job("crashes", "kill -SEGV $$", resource_requirements=0),
        needs=[SMALL, WIDE],
        **STEPS,
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *TWO_NODES, workflow_id=workflow_id)
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    codes = {result.job_name: result.return_code for result in site.results(workflow_id)}
    assert codes == dict.fromkeys([*names, "mpi"], 0) | {"fails": 7, "crashes": 139}
    assert len(site.results(workflow_id)) == len(codes)
    assert {log(site, workflow_id, name).split()[0] for name in names} == set(site.cluster.nodes[:2])
    assert {log(site, workflow_id, name).split()[1] for name in names} == {"1"}
    lines = sorted(line.split() for line in log(site, workflow_id, "mpi").splitlines() if line != "mpi")
    first, second = site.cluster.nodes[:2]
    assert lines == [[first, "2", "0", "2", "none"], [second, "2", "1", "2", "none"]]
    assert log(site, workflow_id, "fails", "e") == "because\n"
    assert not list(site.output.glob("job_stdio/*.srun"))
    [runner] = site.runners(workflow_id)
    assert (runner.num_nodes, runner.num_cpus) == (2, 4)
    steps = site.cluster.call("sacct", "-P", "-n", f"--jobs={allocation}", "--format=JobName")
    assert {f"wf{workflow_id}_j{site.jobs(workflow_id)['mpi'].id}_r1_a1"} <= set(steps.split())


def test_without_steps_a_job_of_two_nodes_runs_once_and_may_use_both(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("wide", "srun --nodes=2 --ntasks=2 --exact --cpus-per-task=1 --mem=100M hostname", resource_requirements=1),
        job("small", "hostname", resource_requirements=0),
        needs=[SMALL, WIDE],
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *TWO_NODES, workflow_id=workflow_id)
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    assert {result.return_code for result in site.results(workflow_id)} == {0}
    assert sorted(log(site, workflow_id, "wide").split()) == site.cluster.nodes[:2]
    assert log(site, workflow_id, "small").split() == site.cluster.nodes[:1]


def test_a_step_over_its_memory_has_run_out_of_memory_and_others_go_on(site: AllocationSite) -> None:
    if not site.cluster.limits_memory:
        pytest.skip("memory cannot be limited by control groups here")
    workflow_id = create(
        site.client,
        job("hungry", "python3 -c 'print(len(bytearray(300 << 20)))'; exit 5", resource_requirements=0),
        job("modest", "exec python3 -c 'b = b\"x\" * (60 << 20); import time; time.sleep(4)'", resource_requirements=0),
        job("unstated", "sleep 1"),
        needs=[SMALL],
        **STEPS,
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *ONE_NODE, workflow_id=workflow_id)
    assert site.await_end(allocation) == "COMPLETED", site.printed(allocation)
    codes = {result.job_name: result.return_code for result in site.results(workflow_id)}
    assert codes == {"hungry": 137, "modest": 0, "unstated": 0}
    [group] = site.client.failures.groups(workflow_id).items
    assert group.suggestion is not None
    peaks = {result.job_name: result.peak_memory_bytes or 0 for result in site.results(workflow_id)}
    # measured on the runner's node: that of the job, and not of srun
    assert 60 << 20 < peaks["modest"] < 100 << 20
    assert group.suggestion.class_ == "oom"


def test_a_step_gets_the_signal_and_its_lead_when_it_runs_too_long(site: AllocationSite) -> None:
    short = ResourceRequirementsDraft(name="short", num_cpus=1, memory="100m", runtime="PT3S")
    catch = "trap 'touch {0}/asked' TERM; while :; do sleep 0.1; done"
    workflow_id = create(
        site.client,
        job("asked", catch.format(site.folder), resource_requirements=0),
        needs=[short],
        **STEPS,
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *ONE_NODE, workflow_id=workflow_id)
    assert site.await_end(allocation, timeout_s=150) == "COMPLETED", site.printed(allocation)
    assert (site.folder / "asked").exists()
    [result] = site.results(workflow_id)
    assert result.return_code == 152
    assert "sleep" not in site.cluster.call("squeue", "--steps", "-h", "-o", "%j")


def test_a_step_waits_for_a_controller_that_is_away(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("before", f"touch {site.folder}/began; until [ -e {site.folder}/go ]; do sleep 0.1; done", priority=1),
        job("during", "true"),
        **STEPS,
    )
    line = f"exec {site.runner(workflow_id, '--max-parallel-jobs', '1')}"
    allocation = site.submit(line, *ONE_NODE, workflow_id=workflow_id)
    site.await_file("began")
    controller = site.cluster.daemon("slurmctld")
    controller.pause()
    try:
        (site.folder / "go").touch()
        site.await_job(workflow_id, "during")
    finally:
        controller.resume()
    assert site.await_end(allocation, timeout_s=150) == "COMPLETED", site.printed(allocation)
    assert site.statuses(workflow_id) == {"before": "completed", "during": "completed"}
    assert len(site.results(workflow_id)) == 2


def test_scancel_ends_steps_and_all_is_reported(site: AllocationSite) -> None:
    workflow_id = create(
        site.client,
        job("stopped", f"touch {site.folder}/began; exec sleep 600", resource_requirements=0),
        needs=[SMALL],
        **STEPS,
    )
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *ONE_NODE, workflow_id=workflow_id)
    site.await_file("began")
    site.cluster.call("scancel", str(allocation))
    assert site.await_end(allocation) == "CANCELLED"
    assert site.statuses(workflow_id) == {"stopped": "terminated"}, site.printed(allocation)
    assert len(site.results(workflow_id)) == 1


def test_a_node_that_fails_under_a_step_is_not_the_job_s_fault(site: AllocationSite) -> None:
    first, second = site.cluster.nodes[:2]
    command = f'touch {site.folder}/began_$(hostname); [ "$(hostname)" != {second} ] || exec sleep 600'
    workflow_id = create(
        site.client,
        job("stays", f"touch {site.folder}/stays; until [ -e {site.folder}/go ]; do sleep 0.1; done", priority=1),
        job("moved", command, resource_requirements=0),
        needs=[ResourceRequirementsDraft(name="all", num_cpus=4, memory="100m", runtime="PT5M")],
        **STEPS,
    )
    nodes = ("--no-kill", f"--nodelist={first},{second}")
    allocation = site.submit(f"exec {site.runner(workflow_id)}", *TWO_NODES, *nodes, workflow_id=workflow_id)
    site.await_file(f"began_{second}")
    site.cluster.crash(second)
    try:
        # the controller notices the silence of a node by a timeout of its own, later on a busy machine
        site.await_that(
            lambda: (site.jobs(workflow_id)["moved"].infrastructure_faults or 0) > 0, "the step is lost", timeout_s=300
        )
        (site.folder / "go").touch()
        assert site.await_end(allocation, timeout_s=150) in ("COMPLETED", "NODE_FAIL"), site.printed(allocation)
    finally:
        site.cluster.boot(second)
    assert site.statuses(workflow_id) == {"stays": "completed", "moved": "completed"}
    # nothing was started on the failed node again
    assert site.jobs(workflow_id)["moved"].infrastructure_faults == 1


def test_a_runner_that_is_itself_a_step_refuses_to_make_some(site: AllocationSite) -> None:
    workflow_id = create(site.client, "true", **STEPS)
    allocation = site.submit(f"exec srun {site.runner(workflow_id)}", *ONE_NODE)
    assert site.await_end(allocation) == "FAILED"
    assert "this runner is itself a step" in site.printed(allocation)
    assert site.statuses(workflow_id) == {"job1": "ready"}
