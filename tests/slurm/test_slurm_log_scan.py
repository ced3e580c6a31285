"""Logs of allocations: what two releases of Slurm wrote into them is found, with line, node and step."""

import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_client.logs.log_files import MOST_FINDINGS, LogFile, scan_allocations, scan_place, scan_stream
from torc_core.errors import InvalidInputError
from torc_core.triage.log_scan import LogFinding, scan_log
from torc_core.triage.pattern_library import load_library

CAPTURES = Path(__file__).parent / "captures"
RELEASES = ("22.05", "24.11")
FULL_DISK = "OSError: [Errno 28] No space left on device"


def scan(text: str) -> list[LogFinding]:
    return list(scan_log(text, load_library()))


def captured_findings(release: str, name: str) -> list[LogFinding]:
    return scan((CAPTURES / release / name).read_text())


@pytest.mark.parametrize("release", RELEASES)
def test_ends_that_slurm_writes_into_a_log_are_found(release: str) -> None:
    ends = {
        name: captured_findings(release, f"log_{name}.txt")[-1]
        for name in ("CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED")
    }
    assert {name: (each.pattern_id, each.severity) for name, each in ends.items()} == {
        "CANCELLED": ("slurm-cancelled-unknown", "warning"),
        "NODE_FAIL": ("slurm-node-failure", "error"),
        "OUT_OF_MEMORY": ("slurm-oom-kill", "error"),
        "PREEMPTED": ("slurm-preemption", "warning"),
    }
    assert {name: each.node for name, each in ends.items()} == {
        "CANCELLED": "n1",
        "NODE_FAIL": "n3",
        "OUT_OF_MEMORY": "n2",
        "PREEMPTED": "n4",
    }
    assert {name: each.line_number for name, each in ends.items()} == {
        "CANCELLED": 2,
        "NODE_FAIL": 2,
        "OUT_OF_MEMORY": 7,
        "PREEMPTED": 2,
    }


@pytest.mark.parametrize(("release", "step", "node"), [("22.05", "60.2", "n2"), ("24.11", "6.2", "n3")])
def test_the_step_that_ran_out_of_memory_is_named(release: str, step: str, node: str) -> None:
    found = captured_findings(release, "log_steps.txt")
    assert [(each.step, each.node) for each in found if each.pattern_id == "slurm-oom-kill"] == [(step, node)]
    assert not [each for each in found if "setting nnodes" in each.line], "a warning of srun is no failure"


def test_an_error_of_slurm_that_no_pattern_knows_is_found_all_the_same() -> None:
    [found] = scan("all well\nslurmstepd-n1: error: something that nobody has seen\n")
    assert (found.line_number, found.pattern_id, found.node) == (2, "slurm-error", "n1")


def test_words_of_failures_within_other_words_are_no_findings() -> None:
    assert scan("the room is large\nskilled workers\n0 errors, 0 failures\nerror_rate=0.2\nzoom in\n") == []


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    assert all(each.line_number <= text.count("\n") + 1 for each in scan(text))


def test_lines_are_counted_over_blocks_of_a_large_file() -> None:
    lines = ["x" * 99] * 25_000
    lines[20_000] = FULL_DISK
    found = scan_stream(LogFile("job_wf1_j1_r1_a1.o", 1), BytesIO("\n".join(lines).encode()))
    assert [each.line_number for each in found.findings] == [20_001]
    endless = scan_stream(LogFile("job_wf1_j1_r1_a1.o", 1), BytesIO(b"x" * (3 << 20) + f"\n{FULL_DISK}".encode()))
    assert [each.line_number for each in endless.findings] == [2]


def test_findings_beyond_the_first_ones_are_counted(tmp_path: Path) -> None:
    block = "\n".join([FULL_DISK] + ["x" * 99] * 11_000)
    (tmp_path / "slurm_output_wf1_sl7.o").write_text("\n".join([block] * (MOST_FINDINGS + 5)))
    [found] = scan_allocations(tmp_path, 1)
    assert (len(found.findings), found.more, found.errors) == (MOST_FINDINGS, 5, MOST_FINDINGS + 5)


def test_logs_of_another_workflow_whose_id_begins_alike_are_left_out(tmp_path: Path) -> None:
    for name in ("slurm_output_wf1_sl7.o", "slurm_output_wf12_sl8.o", "slurm_output_wf1_sl9.txt"):
        (tmp_path / name).write_text(FULL_DISK)
    assert [each.log.allocation_id for each in scan_allocations(tmp_path, 1)] == [7]
    with pytest.raises(InvalidInputError, match="logs of the workflows 1, 12"):
        list(scan_place(tmp_path))
    with pytest.raises(InvalidInputError, match="no logs of workflow 2; it has those of 1, 12"):
        list(scan_place(tmp_path, 2))
    assert [each.log.name for each in scan_place(tmp_path, 12)] == ["slurm_output_wf12_sl8.o"]


def test_a_bundle_is_read_like_a_folder(tmp_path: Path) -> None:
    (tmp_path / "job_stdio").mkdir()
    (tmp_path / "job_stdio" / "job_wf3_j1_r1_a1.e").write_text(FULL_DISK)
    with tarfile.open(tmp_path / "wf3.tar.gz", "w:gz") as bundle:
        bundle.add(tmp_path / "job_stdio", "job_stdio")
    [packed] = scan_place(tmp_path / "wf3.tar.gz")
    [unpacked] = scan_place(tmp_path)
    assert packed == unpacked
    assert packed.errors == 1


def test_what_is_no_place_of_logs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no bundle")
    with pytest.raises(InvalidInputError, match="holds no logs"):
        list(scan_place(tmp_path / "empty"))
    with pytest.raises(InvalidInputError, match="neither a folder nor a bundle"):
        list(scan_place(tmp_path / "text"))
    with pytest.raises(InvalidInputError, match="does not exist"):
        list(scan_place(tmp_path / "absent"))
