"""Answers of Slurm's programs: what two releases printed is read, and any other text is survived."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_core.slurm.accounting import parse_accounting
from torc_core.slurm.allocation import AllocationRequest, Phase
from torc_core.slurm.partitions import (
    parse_cluster_limits,
    parse_node_classes,
    parse_partitions,
    parse_submit_limit,
    with_nodes,
)
from torc_core.slurm.quantities import known_slurm_time, parse_slurm_count, parse_slurm_usage, parse_slurm_walltime
from torc_core.slurm.queue import QUEUE_FIELDS, parse_queue
from torc_core.slurm.states import PHASES, phase_of, why_never
from torc_core.slurm.submission import (
    all_have_ended,
    complaint,
    is_away,
    is_unknown_job,
    parse_submitted,
    submit_words,
)

CAPTURES = Path(__file__).parent / "captures"
RELEASES = ("22.05", "24.11")
CAPTURED_QUEUE = ("%i", "%F", "%K", "%T", "%r", "%S", "%e", "%L", "%N", "%j")
CAPTURED_NODES = ("%P", "%a", "%l", "%L", "%D", "%c", "%m", "%G", "%f", "%h", "%s", "%T", "%z")
MIB = 1 << 20


def captured(release: str, name: str) -> str:
    return (CAPTURES / release / name).read_text()


@pytest.mark.parametrize("release", RELEASES)
def test_every_allocation_of_a_queue_has_a_phase(release: str) -> None:
    text = captured(release, "squeue_mid_custom.txt")
    found = parse_queue(text, CAPTURED_QUEUE)
    assert len(found) == len(text.splitlines())
    phases = {each.name: each.phase for each in found if each.name != "array"}
    assert phases["overlimit"] is phases["begin"] is phases["held"] is Phase.QUEUED
    assert phases["steps"] is phases["SUSPENDED"] is Phase.RUNNING


@pytest.mark.parametrize("release", RELEASES)
def test_what_will_not_start_is_distinguished_from_what_waits(release: str) -> None:
    found = parse_queue(captured(release, "squeue_mid_custom.txt"), CAPTURED_QUEUE)
    assert {each.name for each in found if each.will_not_start} == {"overlimit", "depnever", "held", "DEADLINE"}
    assert {each.name for each in found if each.phase is Phase.QUEUED and not each.will_not_start} == {"begin", "array"}


@pytest.mark.parametrize("release", RELEASES)
def test_a_requeued_allocation_is_queued_although_accounting_calls_it_ended(release: str) -> None:
    queued = {each.name: each for each in parse_queue(captured(release, "squeue_after_custom.txt"), CAPTURED_QUEUE)}
    accounted = {each.name: each for each in parse_accounting(captured(release, "sacct_P.txt"))}
    requeued = queued["NODE_FAIL_requeued"]
    assert (requeued.phase, requeued.reason, requeued.will_not_start) == (Phase.QUEUED, "BeginTime", False)
    assert accounted["NODE_FAIL"].state == "NODE_FAIL"


@pytest.mark.parametrize("release", RELEASES)
def test_ends_are_read_from_accounting_with_their_steps(release: str) -> None:
    accounted = {each.name: each for each in parse_accounting(captured(release, "sacct_P.txt"))}
    for state in ("TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "FAILED"):
        assert accounted[state].state == state
        assert phase_of(accounted[state].state) is Phase.ENDED
    out_of_memory = accounted["OUT_OF_MEMORY"]
    assert out_of_memory.exit_code == "0:125"
    assert [step.name for step in out_of_memory.steps] == ["batch"]
    peak = out_of_memory.steps[0].max_rss_bytes
    assert peak is not None
    assert 0 < peak < 200 * MIB, "the sampled peak is below the limit that ended it"
    assert accounted["FAILED"].exit_code == "3:0"


@pytest.mark.parametrize(("release", "node_fail"), [("22.05", "0:0"), ("24.11", "1:0")])
def test_what_releases_print_differently_is_read_all_the_same(release: str, node_fail: str) -> None:
    accounted = {each.name: each for each in parse_accounting(captured(release, "sacct_P.txt"))}
    assert (accounted["NODE_FAIL"].state, accounted["NODE_FAIL"].exit_code) == ("NODE_FAIL", node_fail)
    assert (accounted["SEGV"].state, accounted["SEGV"].exit_code) == ("FAILED", "0:11")


@pytest.mark.parametrize("release", RELEASES)
def test_the_rows_of_an_array_are_its_tasks(release: str) -> None:
    found = [
        one for one in parse_queue(captured(release, "squeue_mid_custom.txt"), CAPTURED_QUEUE) if one.array_task_id
    ]
    assert {each.array_task_id for each in found} == {str(number) for number in range(2, 10)}
    assert len({each.array_job_id for each in found}) == 1


@pytest.mark.parametrize("release", RELEASES)
def test_partitions_have_limits_and_the_amounts_of_their_nodes(release: str) -> None:
    bare = parse_partitions(captured(release, "scontrol_partition.txt"))
    classes = parse_node_classes(captured(release, "sinfo_for_profile.txt"), CAPTURED_NODES)
    short, long, debug = with_nodes(bare, classes)
    assert (short.name, short.is_default, short.max_time_s, short.max_nodes) == ("short", True, 3600.0, None)
    assert (long.name, long.is_default, long.max_time_s) == ("long", False, 2 * 86400.0)
    assert (debug.name, debug.max_nodes, debug.max_time_s, debug.node_count) == ("debug", 1, 600.0, 1)
    assert (short.cpus_per_node, short.memory_bytes_per_node, short.gpus_per_node) == (4, 4000 * MIB, 0)
    assert short.accounts == ()


def test_one_line_for_each_partition_reads_like_several() -> None:
    text = captured("24.11", "scontrol_partition.txt")
    one_line = "\n".join(" ".join(record.split()) for record in text.split("\n\n"))
    assert parse_partitions(one_line) == parse_partitions(text)


def test_the_smallest_node_of_a_partition_is_what_every_node_can_give() -> None:
    classes = parse_node_classes(
        "gpu|2|64|515000|gpu:a100:4(S:0-1)\ngpu|8|104|240000+|gpu:8,shard:2\ncpu|1|104|1|(null)\n"
    )
    [partition] = with_nodes(parse_partitions("PartitionName=gpu MaxMemPerNode=200000 AllowAccounts=a,b"), classes)
    assert (partition.cpus_per_node, partition.gpus_per_node) == (64, 4)
    assert partition.memory_bytes_per_node == 200000 * MIB
    assert partition.accounts == ("a", "b")


def test_kinds_of_nodes_are_kept_apart_and_counted_over_their_states() -> None:
    classes = parse_node_classes("mix|2|64|1000|gpu:a100:4(S:0-1)\nmix|1|64|1000|gpu:a100:4\nmix|8|32|900|(null)\n")
    [partition] = with_nodes(parse_partitions("PartitionName=mix MinNodes=2 OverSubscribe=FORCE:4"), classes)
    assert [(each.count, each.cpus, each.gpus, each.gpu_type) for each in partition.node_classes] == [
        (3, 64, 4, "a100"),
        (8, 32, 0, None),
    ]
    assert (partition.min_nodes, partition.is_shared) == (2, True)


def test_the_largest_array_is_read_from_the_configuration() -> None:
    assert parse_cluster_limits("MaxArraySize            = 10001\nMaxJobCount = 1\n").max_array_tasks == 10001
    assert parse_cluster_limits("nothing of the kind").max_array_tasks == 1000


def test_the_tightest_limit_of_an_account_and_the_widest_of_all_accounts_count() -> None:
    text = "proj||20|5\nproj|gpu|1|\nother||9|\nno row\n"
    assert parse_submit_limit(text, "proj") == 5
    assert parse_submit_limit(text, None) == 9
    assert parse_submit_limit(text + "free|||\n", None) is None
    assert parse_submit_limit(text, "unknown") is None


@given(st.text())
def test_any_answer_about_limits_is_survived(text: str) -> None:
    assert parse_cluster_limits(text).max_array_tasks >= 1
    assert (parse_submit_limit(text, None) or 1) >= 1


def test_only_lost_answers_are_tried_again() -> None:
    refusals = [line for line in captured("22.05", "sbatch_errors.txt").splitlines() if "sbatch: " in line]
    refusals += [line for line in captured("24.11", "enforce_part_limits.txt").splitlines() if "error: " in line]
    assert len(refusals) > 20
    assert [line for line in refusals if is_away(line)] == []
    away = [line for line in captured("22.05", "controller_away.txt").splitlines() if "rror" in line or "ocket" in line]
    away = [line for line in away if not line.startswith("==")]
    assert len(away) > 8
    assert [line for line in away if not is_away(line)] == []


@pytest.mark.parametrize("release", RELEASES)
def test_an_unknown_allocation_is_no_row(release: str) -> None:
    text = captured(release, "squeue_one_unknown.txt")
    assert is_unknown_job(text)
    assert not is_away(text)
    assert parse_queue(text) == []
    assert parse_accounting(captured(release, "sacct_unknown.txt")) == []


def test_the_id_is_read_with_and_without_a_cluster() -> None:
    assert parse_submitted(captured("22.05", "sbatch_parsable.txt")) == 56
    assert parse_submitted(captured("24.11", "sbatch_parsable.txt")) is not None
    assert parse_submitted("sbatch: a note of the site\n57;cluster\n") == 57
    assert parse_submitted("Submitted batch job 55\n") is None
    assert parse_submitted("") is None


def test_a_request_travels_under_its_key() -> None:
    request = AllocationRequest(key="torc-7", script=Path("a.sh"), options=("--time=5",), folder=Path("/x"))
    words = submit_words(request)
    assert words[0] == "sbatch"
    assert words[-1] == "a.sh"
    assert {"--parsable", "--job-name=torc-7", "--comment=torc-7", "--chdir=/x", "--time=5"} <= set(words)


def test_a_name_may_hold_the_separator() -> None:
    [row] = parse_queue("5|5|5|N/A|RUNNING|None|N/A|N/A|n1|short|a|b\n")
    assert row.name == "a|b"
    header = "JobID|State|JobName\n"
    [record] = parse_accounting(f"{header}5|COMPLETED|a|b\n")
    assert record.name == "a|b"


def test_of_a_requeued_allocation_the_last_record_counts() -> None:
    text = "JobID|State|JobName\n5|NODE_FAIL|a\n5.batch|CANCELLED|batch\n5|COMPLETED|a\n5.batch|COMPLETED|batch\n"
    [record] = parse_accounting(text)
    assert (record.state, [step.state for step in record.steps]) == ("COMPLETED", ["COMPLETED"])


def test_states_are_known_by_their_first_word_and_unknown_ones_have_not_ended() -> None:
    assert phase_of("CANCELLED by 0") is phase_of("CANCELLED+") is Phase.ENDED
    assert phase_of("A_STATE_OF_THE_FUTURE") is Phase.RUNNING
    assert phase_of("COMPLETING") is Phase.RUNNING
    assert set(PHASES.values()) == set(Phase)


def test_limits_of_single_jobs_are_never_met_and_those_of_all_jobs_may_be() -> None:
    assert why_never("QOSMaxWallDurationPerJobLimit") is not None
    assert why_never("AssocMaxNodePerJobLimit") is not None
    assert why_never("AssocGrpCpuLimit") is None
    assert why_never("QOSMaxJobsPerUserLimit") is None
    assert why_never("Resources") is why_never("Priority") is None


def test_what_scancel_says_of_ended_allocations_is_no_error() -> None:
    ended = "scancel: error: Kill job error on job id 7: Invalid job id specified\n"
    assert all_have_ended(ended)
    assert not all_have_ended(ended + "scancel: error: Kill job error on job id 8: Access/permission denied\n")
    assert not all_have_ended("")
    assert complaint(ended) == "Kill job error on job id 7: Invalid job id specified"


ROWS = st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["RUNNING", "5", "5.0"]))
TEXTS = st.text() | st.lists(ROWS.map("|".join)).map("\n".join)
HEADED = TEXTS.map(lambda text: "JobID|JobIDRaw|State|MaxRSS|JobName\n" + text)
RECORDS = TEXTS.map(lambda text: "PartitionName=a " + text.replace("|", "="))


@given(TEXTS)
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse_queue(text)
    parse_queue(text, CAPTURED_QUEUE)
    parse_accounting(text)
    parse_partitions(text)
    parse_node_classes(text)
    parse_submitted(text)
    complaint(text)
    is_away(text)
    all_have_ended(text)


@given(HEADED)
def test_accounting_reads_any_rows_and_each_allocation_once(text: str) -> None:
    found = parse_accounting(text)
    assert len({each.scheduler_id for each in found}) == len(found)


@given(RECORDS)
def test_partitions_read_any_values(text: str) -> None:
    assert parse_partitions(text)[0].name


@given(st.text(max_size=30) | st.from_regex(r"[0-9\-:.KMG+]{1,40}", fullmatch=True))
def test_any_quantity_is_read_or_none(text: str) -> None:
    for read in (parse_slurm_count, parse_slurm_usage, parse_slurm_walltime):
        value = read(text)
        assert value is None or value >= 0
    known_slurm_time(text)


@given(st.integers(1, 10**9), st.sampled_from(sorted(PHASES)), st.text(alphabet="abc|-_ ", max_size=9))
def test_a_row_is_read_back(number: int, state: str, name: str) -> None:
    cells = [str(number), str(number), str(number), "N/A", state, "None", "N/A", "N/A", "n1", "short", name]
    assert len(cells) == len(QUEUE_FIELDS)
    [row] = parse_queue("|".join(cells))
    assert (row.scheduler_id, row.state, row.phase, row.name) == (number, state, PHASES[state], name.strip())
