"""Plans on a real Slurm: the cluster describes itself, and takes what is planned."""

from pathlib import Path

import pytest
from slurm_cluster import NODE_CPUS, NODE_MEMORY_MB, TestCluster
from torc_process import Torc

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


def test_a_terminal_on_the_cluster_needs_no_profile(cluster: TestCluster, tmp_path: Path) -> None:
    own = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    torc = Torc(tmp_path, environment={**cluster.environment, **own})
    assert "(slurm)\n  Detection: Slurm's programs are on PATH" in torc("hpc", "detect").out
    file = tmp_path / "file.yaml"
    file.write_text(
        "name: w\nresource_requirements: [{name: all, num_cpus: 4, memory: 1g, runtime: PT5M}]\n"
        "jobs: [{name: 'j{i}', command: 'true', parameters: {i: '1:5'}, resource_requirements: all}]\n"
    )
    printed = torc("slurm", "plan", file, "-a", "proj", "--estimate").out
    assert "5 jobs in 5 allocations on The Slurm cluster of this machine of the account proj" in printed
    assert "all: an allocation submitted now would start at 20" in printed
    refused = torc("-f", "json", "slurm", "plan", file, "-a", "nosuch", "--estimate").json
    assert "would refuse" in refused["groups"][0]["estimate_error"]

    (tmp_path / "config" / "torc" / "hpc").mkdir(parents=True)
    kept = tmp_path / "config" / "torc" / "hpc" / "mine.yaml"
    torc("hpc", "generate", "--name", "mine", "-o", kept)
    assert [row["name"] for row in torc("-f", "json", "hpc", "partitions", "mine").json] == ["short", "long", "debug"]
    assert "exists" in torc("hpc", "generate", "-o", kept, code=None).err


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
