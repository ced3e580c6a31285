"""Signatures: like failures share one, different causes do not."""

from collections import defaultdict

import pytest
from failure_cases import SETTINGS, load_cases
from hypothesis import given
from hypothesis import strategies as st

from torc_core.evidence.record import Evidence
from torc_core.triage.assess import assess

CASES = [case for case in load_cases() if case.class_ != "none"]


def _sign(text: str, *, return_code: int = 1) -> str:
    return assess(Evidence(return_code=return_code, stderr_tail=text)).signature


def test_no_group_mixes_causes_and_no_cause_falls_apart_by_job_host_path_line_rank_or_time() -> None:
    causes: defaultdict[str, set[str]] = defaultdict(set)
    signatures: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for case in CASES:
        for setting in range(len(SETTINGS)):
            name = assess(case.evidence(setting)).signature
            causes[name].add(case.cause)
            signatures[case.source, case.cause + str(hash(case.stderr))].add(name)
    assert not [mixed for mixed in causes.values() if len(mixed) > 1]
    assert not [key for key, names in signatures.items() if len(names) > 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ModuleNotFoundError: No module named 'pandas'", "ModuleNotFoundError: No module named 'torch'"),
        ("KeyError: 'temperature'", "KeyError: 'pressure'"),
        ("urllib.error.HTTPError: HTTP Error 404: Not Found", "urllib.error.HTTPError: HTTP Error 403: Forbidden"),
        ("OSError: [Errno 5] Input/output error", "OSError: [Errno 28] No space left on device"),
        ("./a: error while loading shared libraries: liba.so.1: cannot open shared object file",
         "./a: error while loading shared libraries: libb.so.1: cannot open shared object file"),
        ("job.sh: line 3: samtools: command not found", "job.sh: line 3: bwa: command not found"),
        ("version `GLIBC_2.28' not found", "version `GLIBC_2.34' not found"),
        ("Could not load library libcudnn8.so", "Could not load library libcublas12.so"),
        ("error: could not resolve com.a.b", "error: could not resolve com.a.c"),
        ("ORA-00942: it broke", "ORA-12541: it broke"),
        ("ORA-00942: table or view does not exist", "ORA-00904: table or view does not exist"),
        ("E1001: solver failed", "E2002: solver failed"),
        ("IGD-12: bad deck", "IGD-13: bad deck"),
        ("ERR42: refused by policy", "ERR43: refused by policy"),
        ("W123: failed", "W124: failed"),
        ("sim: error E1001: failed to run", "sim: error E1002: failed to run"),
        ("MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD\nwith errorcode 59.",
         "MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD\nwith errorcode 60."),
        ("MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD with errorcode 59.",
         "MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD with errorcode 60."),
        ("application called MPI_Abort(MPI_COMM_WORLD, 1) - process 12",
         "application called MPI_Abort(MPI_COMM_WORLD, 2) - process 12"),
    ],
)  # fmt: skip
def test_what_names_the_cause_stays_in_the_signature(one: str, other: str) -> None:
    assert _sign(one) != _sign(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: '/tmp/a/x_1.csv'",
         "FileNotFoundError: [Errno 2] No such file or directory: '/scratch/b/c/x_22.csv'"),
        ("connect to 10.0.0.1:5432 failed: Connection refused", "connect to 10.9.8.7:5433 failed: Connection refused"),
        ("/var/spool/job1/script: line 3: samtools: command not found",
         "/var/spool/job92/script: line 17: samtools: command not found"),
        ("ValueError: could not convert string to float: 'abc'", "ValueError: could not convert string to float: '-'"),
        ("[rank0]: RuntimeError: task 3f2b8c1e-1b2c-4d3e-8f9a-0b1c2d3e4f5a broke at 0x7f00",
         "[rank7]: RuntimeError: task 00000000-1b2c-4d3e-8f9a-0b1c2d3e4f5a broke at 0x1234abcd"),
        ("bash: line 1: 4411 Segmentation fault (core dumped) /opt/a/sim --in 1",
         "bash: line 9: 99 Segmentation fault (core dumped) /opt/b/sim --in 2"),
        ("ERROR: worker-ab12f stopped without an answer", "ERROR: worker-9zx0k stopped without an answer"),
        ("ERROR: cannot connect to a.b.host: refused", "ERROR: cannot connect to db7.c.host: refused"),
        ("ERROR: x.prod:5432 does not answer", "ERROR: y.prod:5433 does not answer"),
        ("FATAL: lost server x.prod", "FATAL: lost server long-name.prod"),
        ("ERROR: sample NA12878 failed the check", "ERROR: sample HG00096_b failed the check"),
        ("ERROR: sample S12 failed the check", "ERROR: sample TK-9 failed the check"),
        ("JOB-12: refused by policy", "JOB-13: refused by policy"),
        ("n12: ValueError: bad header", "c04: ValueError: bad header"),
        ("MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD\nwith errorcode 59.",
         "MPI_ABORT was invoked on rank 7 in communicator MPI_COMM_WORLD\nwith errorcode 59."),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 39.59 GiB total)",
         "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB (GPU 3; 79.10 GiB total)"),
    ],
)  # fmt: skip
def test_what_differs_between_like_jobs_is_not_in_the_signature(one: str, other: str) -> None:
    assert _sign(one) == _sign(other)


def test_a_bare_assertion_is_distinguished_by_the_function_that_raised_it() -> None:
    def text(function: str, line: int) -> str:
        return f'Traceback:\n  File "/tmp/j{line}/m.py", line {line}, in {function}\n    x\nAssertionError'

    assert _sign(text("load", 3)) == _sign(text("load", 99))
    assert _sign(text("load", 3)) != _sign(text("save", 3))


def test_facts_have_signatures_when_no_text_says_more() -> None:
    kinds = [
        Evidence(return_code=137, verdict="oom", stderr_tail="step 12"),
        Evidence(return_code=143, verdict="timeout", stderr_tail="step 12"),
        Evidence(return_code=139, signal=11),
        Evidence(return_code=134, signal=6),
        Evidence(return_code=3),
        Evidence(return_code=4),
    ]
    assert len({assess(evidence).signature for evidence in kinds}) == len(kinds)
    assert assess(kinds[0]).signature == assess(kinds[0].model_copy(update={"stderr_tail": "step 99 of 100"})).signature
    assert all(assess(evidence).cause_line for evidence in kinds)


def test_the_last_line_alone_does_not_make_the_signature() -> None:
    first = "ValueError: bad header\nsrun: error: n1: task 0: Exited with exit code 1"
    second = "KeyError: 'dt'\nsrun: error: n1: task 0: Exited with exit code 1"
    assert _sign(first) != _sign(second)
    assert assess(Evidence(return_code=1, stderr_tail=first)).cause_line == "ValueError: bad header"


@pytest.mark.parametrize(
    "line",
    ["ORA-00942: table or view does not exist", "E1001: solver failed", "IGD-12: bad deck", "ERR42: refused"],
)
def test_an_error_code_is_no_host_label_and_is_shown_in_the_cause(line: str) -> None:
    assert assess(Evidence(return_code=1, stderr_tail=line)).cause_line == line


def test_the_exit_code_below_mpi_abort_is_part_of_the_cause() -> None:
    text = "MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD\nwith errorcode 59.\n"
    assert assess(Evidence(return_code=1, stderr_tail=text)).cause_line.endswith("with errorcode 59")


def test_the_parts_of_an_assessment_do_not_depend_on_the_order_in_which_they_are_read() -> None:
    for case in CASES[:40]:
        evidence = case.evidence()
        together = assess(evidence)
        assert together.suggestion == assess(evidence).suggestion
        assert together.signature == assess(evidence).signature
        assert together.cause_line == assess(evidence).cause_line


@given(
    st.integers(1, 10**9),
    st.integers(1, 99999),
    st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), min_size=1, max_size=5),
    st.uuids(),
)
def test_numbers_paths_and_ids_never_change_a_signature(job: int, line: int, parts: list[str], uuid: object) -> None:
    template = (
        'Traceback (most recent call last):\n  File "{path}/load.py", line {line}, in load\n    read(p)\n'
        "OSError: [Errno 116] Stale file handle: '{path}/run_{job}/{uuid}.h5' (job {job}, request {uuid})"
    )
    path = "/" + "/".join(parts)
    assert _sign(template.format(path=path, line=line, job=job, uuid=uuid)) == _sign(
        template.format(path="/scratch/u1", line=12, job=7, uuid="3f2b8c1e-1b2c-4d3e-8f9a-0b1c2d3e4f5a")
    )


@given(st.text(max_size=2000))
def test_any_text_has_a_signature_and_a_cause_line(text: str) -> None:
    evidence = Evidence(return_code=1, stderr_tail=text)
    assert len(assess(evidence).signature) == 16
    assert "\n" not in assess(evidence).cause_line
