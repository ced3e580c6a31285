"""Profiles of HPC sites: those of Torc, files of users, and one made from what a cluster answers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_core.errors import InvalidInputError
from torc_core.hpc.profile import HpcProfile
from torc_core.hpc.profile_file import (
    builtin_profiles,
    detect_profile,
    format_profile,
    parse_profile,
    profile_of_partitions,
)
from torc_core.slurm.allocation import NodeClass, Partition
from torc_core.slurm.partitions import parse_node_classes, parse_partitions, with_nodes
from torc_core.slurm.plan import PlannedJob, PlanOptions, Requirement
from torc_core.slurm.planner import plan_allocations

CAPTURES = Path(__file__).parents[1] / "slurm" / "captures"
CAPTURED_NODES = ("%P", "%a", "%l", "%L", "%D", "%c", "%m", "%G", "%f", "%h", "%s", "%T", "%z")
MIB, GIB = 1 << 20, 1 << 30
DAY = 86_400.0

MINIMAL = "name: mine\ndisplay_name: Mine\npartitions:\n  - {name: only}\n"


def placed(profile: HpcProfile, **needs: object) -> str:
    """The partition of one job."""
    values: dict[str, object] = {"memory_bytes": GIB, "runtime_s": 600.0}
    job = PlannedJob(name="job", requirement=Requirement(name="needs", **(values | needs)))
    [group] = plan_allocations([job], profile.for_planner(), PlanOptions()).groups
    return group.partition


@pytest.mark.parametrize(
    ("needs", "partition"),
    [
        ({}, "short"),
        ({"runtime_s": 0.9 * DAY}, "standard"),
        ({"runtime_s": 5 * DAY}, "long"),
        ({"memory_bytes": 500 * GIB}, "medmem"),
        ({"memory_bytes": 1500 * GIB}, "bigmem"),
        ({"memory_bytes": 1500 * GIB, "runtime_s": 5 * DAY}, "bigmeml"),
        ({"gpus": 1}, "gpu-h100s"),
        ({"gpus": 4, "runtime_s": DAY}, "gpu-h100"),
        ({"gpus": 4, "runtime_s": 5 * DAY}, "gpu-h100l"),
    ],
)
def test_kestrel_s_partitions_are_chosen_by_need(needs: dict[str, object], partition: str) -> None:
    assert placed(builtin_profiles()["kestrel"], **needs) == partition


def test_dane_has_one_partition_that_need_not_be_named() -> None:
    dane = builtin_profiles()["dane"]
    assert placed(dane) == "pbatch"
    assert [each.name for each in dane.partitions if not each.explicit] == ["pbatch"]
    assert {(each.cpus, each.memory) for each in dane.partitions} == {(112, "257054m")}


@pytest.mark.parametrize("name", ["kestrel", "dane"])
def test_a_printed_profile_reads_as_the_same(name: str) -> None:
    profile = builtin_profiles()[name]
    assert parse_profile(format_profile(profile), source="printed") == profile


def test_a_site_is_detected_by_any_of_its_signs() -> None:
    text = MINIMAL + "detection:\n  - {environment: SITE=mine}\n  - {hostname: 'mine-\\d+'}\n  - {file: /etc/mine}\n"
    profile = parse_profile(text, source="mine.yaml")

    def sign(*, environment: dict[str, str] | None = None, hostname: str = "x", files: tuple[str, ...] = ()) -> str:
        found = detect_profile(
            [profile], environment=environment or {}, hostname=hostname, file_exists=lambda path: path in files
        )
        return "" if found is None else str(found[1])

    assert sign() == sign(environment={"SITE": "other"}) == sign(hostname="mine-x1") == ""
    assert sign(environment={"SITE": "mine"}) == "environment variable SITE=mine"
    assert sign(hostname="mine-12") == r"host name mine-\d+"
    assert sign(files=("/etc/mine",)) == "file /etc/mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml: "),
        ("name: [", "mine.yaml: "),
        (MINIMAL + "colour: red\n", "mine.yaml: colour: Extra inputs are not permitted"),
        (MINIMAL.replace("only", "only, memory: 4gb"), "mine.yaml: partitions: 1: memory: .*'4gb' is not an amount"),
        (MINIMAL.replace("only", "only, max_walltime: soon"), "max_walltime: .*'soon' is no time"),
        (MINIMAL + "  - {name: only}\n", "the partition only is there twice"),
        (MINIMAL + "detection: [{}]\n", "give one of environment, hostname and file"),
        (MINIMAL + "detection: [{hostname: '('}]\n", "'\\(' is no regular expression"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_file_and_key(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_profile(text, source="mine.yaml")


@pytest.mark.parametrize("release", ["22.05", "24.11"])
def test_a_cluster_that_was_asked_is_a_profile(release: str) -> None:
    bare = parse_partitions((CAPTURES / release / "scontrol_partition.txt").read_text())
    classes = parse_node_classes((CAPTURES / release / "sinfo_for_profile.txt").read_text(), CAPTURED_NODES)
    asked = with_nodes(bare, classes)
    profile = profile_of_partitions(asked, name="captured")
    rows = [(each.name, each.default, each.max_walltime, each.cpus, each.memory) for each in profile.partitions]
    assert rows == [
        ("short", True, "01:00:00", 4, "4000m"),
        ("long", False, "2-00:00:00", 4, "4000m"),
        ("debug", False, "00:10:00", 4, "4000m"),
    ]
    assert parse_profile(format_profile(profile), source="printed") == profile
    assert placed(profile) == "short"
    assert placed(profile, runtime_s=2 * 3600.0) == "long"
    with pytest.raises(InvalidInputError, match=r"nearest, short, has 4 CPUs a node \(5 needed\)"):
        placed(profile, cpus=5)


def test_kinds_of_nodes_survive_in_a_profile() -> None:
    classes = (
        NodeClass(partition="mixed", count=3, cpus=64, memory_bytes=512 * GIB, gpus=4, gpu_type="a100"),
        NodeClass(partition="mixed", count=9, cpus=32, memory_bytes=128 * GIB),
    )
    mixed = Partition(name="mixed", cpus_per_node=32, memory_bytes_per_node=128 * GIB, node_classes=classes)
    profile = parse_profile(format_profile(profile_of_partitions([mixed])), source="printed")
    assert profile.partitions[0].for_planner().node_classes == classes


amounts = st.integers(0, 1 << 40)
asked_partitions = st.builds(
    Partition,
    name=st.text("abc-_0", min_size=1, max_size=5),
    max_time_s=st.none() | st.floats(0, 1e9),
    max_nodes=st.none() | st.integers(0, 100),
    node_count=st.integers(0, 100),
    cpus_per_node=st.none() | st.integers(0, 100),
    memory_bytes_per_node=st.none() | amounts,
    gpus_per_node=st.integers(0, 8),
    node_classes=st.lists(
        st.builds(
            NodeClass,
            partition=st.just("p"),
            count=st.integers(0, 9),
            cpus=st.integers(0, 9),
            memory_bytes=amounts,
            gpus=st.integers(0, 8),
            gpu_type=st.none() | st.just("a100"),
        ),
        max_size=3,
    ).map(tuple),
)


@given(st.lists(asked_partitions, min_size=1, max_size=4, unique_by=lambda one: one.name))
def test_whatever_a_cluster_answers_is_a_profile_that_can_be_read_again(asked: list[Partition]) -> None:
    profile = profile_of_partitions(asked)
    assert parse_profile(format_profile(profile), source="printed") == profile
