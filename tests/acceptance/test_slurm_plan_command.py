"""`torc slurm plan` and `torc hpc` in a terminal."""

from dataclasses import replace

import pytest
from torc_process import SpecWriter, Torc

REQUIREMENTS = [
    {"name": "small", "num_cpus": 2, "memory": "4g", "runtime": "PT30M"},
    {"name": "a_requirement_with_a_long_name", "num_cpus": 104, "memory": "200g", "runtime": "P1D"},
]


@pytest.fixture
def file(spec: SpecWriter) -> str:
    """A hundred small jobs, and three thousand large ones behind them."""
    small = {"command": "true", "resource_requirements": "small", "parameters": {"i": "1:100"}}
    large = {
        "command": "true",
        "resource_requirements": "a_requirement_with_a_long_name",
        "parameters": {"i": "1:3000"},
        "depends_on_regexes": ["^small_"],
    }
    return str(spec(jobs={"small_{i}": small, "large_{i}": large}, resource_requirements=REQUIREMENTS))


def test_a_plan_is_a_table_that_a_terminal_of_80_columns_holds(torc: Torc, file: str) -> None:
    answer = torc("slurm", "plan", file, "--profile", "kestrel")
    table, _, sums = answer.out.partition("\nTotal: 2 groups\n")
    header, small, large = table.splitlines()
    assert header.split() == ["Group", "Stage", "Jobs", "Partition", "Allocs", "Each", "Walltime", "Node-h"]
    assert small.split() == ["small", "1", "100", "short", "2", "50x1", "48m", "1.6"]
    assert large.split() == ["a_requirement…", "2", "3000", "standard", "3000%1050", "1x1", "1d", "12h", "3m", "108150"]
    assert max(map(len, table.splitlines())) <= 80
    assert "3100 jobs in 3002 allocations on Kestrel\n" in sums
    assert "at most 108152 node-hours (charged: 1081516)\n" in sums


def test_programs_get_the_plan_with_the_options_of_sbatch(torc: Torc, file: str) -> None:
    answer = torc("-f", "json", "slurm", "plan", file, "--profile", "kestrel", "-a", "proj", "--max-allocations", "1")
    plan = answer.json
    small = plan["groups"][0]
    assert (plan["workflow_id"], plan["profile"], plan["account"], plan["job_count"]) == (None, "kestrel", "proj", 3100)
    assert (small["allocations"], small["concurrency"], small["slots"], small["arrays"]) == (1, 50, 2, ["0-0"])
    assert len(small["job_names"]) == 100
    assert small["sbatch_options"] == [
        "--account=proj",
        "--partition=short",
        "--nodes=1",
        "--ntasks-per-node=1",
        "--cpus-per-task=100",
        "--mem=205056M",
        "--time=93",
        "--time-min=63",
    ]


def test_a_workflow_on_the_server_is_planned_by_its_id(torc: Torc, file: str) -> None:
    workflow_id = torc("-f", "json", "create", file).json["workflow_id"]
    plan = torc("-f", "json", "slurm", "plan", str(workflow_id), "--profile", "kestrel").json
    assert (plan["workflow_id"], plan["job_count"], len(plan["groups"])) == (workflow_id, 3100, 2)


def test_a_job_that_fits_no_partition_ends_the_plan(torc: Torc, file: str) -> None:
    answer = torc("slurm", "plan", file, "--profile", "dane", code=2)
    assert answer.out == ""
    assert "fits no partition; the nearest, pbatch, has at most 1d (1d 3m needed)" in answer.err
    assert "nothing was submitted" in answer.err


def test_a_walltime_that_is_no_time_is_refused(torc: Torc, file: str) -> None:
    assert "--walltime 'soon' is no time" in torc("slurm", "plan", file, "--walltime", "soon", code=2).err


def test_sites_and_their_partitions_are_shown(torc: Torc) -> None:
    assert {"kestrel", "dane"} <= {row["name"] for row in torc("-f", "json", "hpc", "list").json}
    gpus = torc("-f", "json", "hpc", "partitions", "kestrel", "--gpu", "--shared").json
    assert [row["name"] for row in gpus] == ["debug", "gpu-h100s", "gpu-h100", "gpu-h100l"]
    match = torc("hpc", "match", "kestrel", "--cpus", "8", "--memory", "300g", "--gpus", "2").out
    assert "Recommended: gpu-h100s partition" in match
    assert max(map(len, match.splitlines())) <= 80


def test_the_site_of_a_machine_is_detected_by_its_sign(torc: Torc) -> None:
    here = replace(torc, environment={"NLR_CLUSTER": "kestrel"})
    assert here("hpc", "detect").out.splitlines() == [
        "Detected HPC system: Kestrel (kestrel)",
        "  Detection: environment variable NLR_CLUSTER=kestrel",
    ]
    assert here("-f", "json", "hpc", "detect").json["detected"] is True
    assert [row["name"] for row in here("-f", "json", "hpc", "list").json if row["detected"]] == ["kestrel"]


def test_a_printed_profile_can_be_kept_as_one_of_the_user(torc: Torc) -> None:
    text = torc("hpc", "show", "dane").out.replace("name: dane", "name: mine", 1)
    folder = torc.folder / "config" / "torc" / "hpc"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(text)
    own = replace(torc, environment={"XDG_CONFIG_HOME": str(torc.folder / "config")})
    shown = own("-f", "json", "hpc", "show", "mine")
    assert shown.json["name"] == "mine"
