"""Plans on a real Slurm: the cluster describes itself, and takes what is planned."""

import pytest
from slurm_cluster import NODE_CPUS, NODE_MEMORY_MB, TestCluster

from torc_client.hpc_sites import HpcSites
from torc_core.errors import SchedulerError
from torc_core.slurm.plan import PlannedJob, PlanOptions, Requirement
from torc_core.slurm.planner import plan_allocations


def test_a_cluster_describes_itself_and_takes_what_is_planned_for_it(cluster: TestCluster) -> None:
    sites = HpcSites({**cluster.environment, "HOME": str(cluster.folder)}, hostname="login")
    site = sites.choose(None)
    rows = {each.name: each for each in site.profile.partitions}
    assert (site.source, next(iter(rows)), set(rows)) == ("cluster", "short", {"short", "long", "debug"})
    assert (rows["short"].cpus, rows["short"].memory, rows["short"].nodes) == (
        NODE_CPUS,
        f"{NODE_MEMORY_MB}m",
        len(cluster.nodes),
    )
    limits = sites.limits(site, user="root", account="proj")
    assert (limits.max_array_tasks, limits.max_submitted) == (10001, None)

    small = Requirement(name="small", memory_bytes=900 << 20, runtime_s=300)
    wide = Requirement(name="wide", cpus=4, nodes=2, memory_bytes=100 << 20, runtime_s=2 * 3600)
    jobs = [
        *(PlannedJob(name=f"small{number}", requirement=small) for number in range(10)),
        PlannedJob(name="wide", requirement=wide, stage=1),
    ]
    plan = plan_allocations(jobs, site.partitions, PlanOptions(account="proj"), limits)
    assert [(each.name, each.partition, each.allocations, each.nodes) for each in plan.groups] == [
        ("small", "short", 3, 1),
        ("wide_stage2", "long", 1, 2),
    ]
    for group in plan.groups:
        assert sites.estimate_start(plan.sbatch_options(group)) is not None


def test_the_limit_of_an_account_is_known(cluster: TestCluster) -> None:
    sites = HpcSites(cluster.environment, hostname="login")
    site = sites.find("slurm")
    chosen = ("modify", "user", "where", "name=root", "account=proj", "set")
    cluster.call("sacctmgr", "-i", *chosen, "MaxSubmitJobs=7")
    try:
        assert sites.limits(site, user="root", account="proj").max_submitted == 7
        assert sites.limits(site, user="root", account="root").max_submitted is None
    finally:
        cluster.call("sacctmgr", "-i", *chosen, "MaxSubmitJobs=-1")


def test_what_the_cluster_would_refuse_is_an_error_of_the_estimate(cluster: TestCluster) -> None:
    sites = HpcSites(cluster.environment, hostname="login")
    with pytest.raises(SchedulerError, match="would refuse"):
        sites.estimate_start(["--partition=nosuch"])
