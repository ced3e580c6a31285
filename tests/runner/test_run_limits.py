"""Jobs keep their limits, the machine is never oversubscribed, and time ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import create, job, run

from runner.summary import ExitReason
from torc_client.http import TorcClient
from torc_core.api.drafts import ResourceRequirementsDraft

SPAN = "date +%s.%N; sleep 0.15; date +%s.%N"


def needs(name: str = "small", **fields: object) -> ResourceRequirementsDraft:
    return ResourceRequirementsDraft.model_validate({"name": name, "memory": "100m", "runtime": "PT1H"} | fields)


def busiest(spans: list[tuple[float, float, int]]) -> int:
    """The largest sum of weights at any moment."""
    return max(sum(w for a, b, w in spans if a <= moment < b) for moment, _, _ in spans)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 8)), min_size=3, max_size=10),
    st.sampled_from([None, 1, 3]),
)
def test_cpus_memory_and_slots_are_never_oversubscribed(
    client: TorcClient, tmp_path: Path, sizes: list[tuple[int, int]], slots: int | None
) -> None:
    requirements = [needs(f"n{n}", num_cpus=cpus, memory=f"{gib}g") for n, (cpus, gib) in enumerate(sizes)]
    jobs = [job(f"j{n}", SPAN, resource_requirements=n) for n in range(len(sizes))]
    ran = run(client, create(client, *jobs, needs=requirements), tmp_path / "out", max_parallel_jobs=slots)
    assert ran.summary.completed == len(sizes)
    spans = [tuple(float(line) for line in ran.log(f"j{n}").split()) for n in range(len(sizes))]
    assert busiest([(a, b, size[0]) for (a, b), size in zip(spans, sizes, strict=True)]) <= 4
    assert busiest([(a, b, size[1]) for (a, b), size in zip(spans, sizes, strict=True)]) <= 8
    assert busiest([(a, b, 1) for a, b in spans]) <= (slots or 99)


def test_jobs_that_fit_together_do_run_together(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, *[SPAN] * 4), tmp_path / "out")
    spans = [tuple(float(line) for line in ran.log(f"job{n}").split()) for n in range(1, 5)]
    assert busiest([(a, b, 1) for a, b in spans]) >= 3


def test_a_job_larger_than_the_machine_is_left_alone_and_named(client: TorcClient, tmp_path: Path) -> None:
    jobs = [job("huge", "true", resource_requirements=0), job("small", "true")]
    ran = run(client, create(client, *jobs, needs=[needs("huge", memory="900g")]), tmp_path / "out")
    assert ran.statuses() == {"huge": "ready", "small": "completed"}
    assert ran.summary.reason is ExitReason.NOTHING_LEFT
    has = "1 job is ready but needs more than this runner has (4 CPUs, 8 GB, no GPUs, 1 node)"
    assert f"{has}: it needs 1 CPU, 900 GB" in str(ran.summary.explanation)


def test_what_the_smallest_job_needs_is_named_with_gpus_nodes_and_time(client: TorcClient, tmp_path: Path) -> None:
    kinds = [needs("gpu", num_gpus=2, num_cpus=2), needs("wide", num_nodes=4), needs("long", num_nodes=1)]
    both = create(client, *[job(f"j{n}", "true", resource_requirements=n) for n in range(2)], needs=kinds)
    explanation = str(run(client, both, tmp_path / "a", num_gpus=1).summary.explanation)
    assert explanation.endswith("8 GB, 1 GPU, 1 node): the smallest needs 2 CPUs, 100 MB, 2 GPUs")
    wide = create(client, job("wide", "true", resource_requirements=1), needs=kinds)
    assert str(run(client, wide, tmp_path / "b").summary.explanation).endswith(
        "it needs 4 nodes, each with 1 CPU, 100 MB"
    )
    long = create(client, job("long", "true", resource_requirements=2), needs=kinds)
    explanation = str(run(client, long, tmp_path / "c", time_limit_s=600.0).summary.explanation)
    assert explanation.endswith("that are left: it needs 1 CPU, 100 MB for 1h")


def test_a_job_over_its_memory_is_killed_as_out_of_memory(client: TorcClient, tmp_path: Path) -> None:
    hog = f"python3 -c 'import time; x = b\"x\" * (300 << 20); time.sleep(60)' && touch {tmp_path}/ended-by-itself"
    workflow_id = create(client, job("hog", hog, resource_requirements=0), needs=[needs(memory="100m")])
    ran = run(client, workflow_id, tmp_path / "out")
    result = ran.results("hog")[0]
    evidence = client.job_evidence(ran.jobs()["hog"].id or 0).evidence
    assert (result.return_code, evidence.verdict, evidence.memory_limit_bytes) == (137, "oom", 100 << 20)
    assert (result.peak_memory_bytes or 0) > 300 << 20
    assert not (tmp_path / "ended-by-itself").exists()


def test_limits_are_not_enforced_where_the_workflow_says_so(client: TorcClient, tmp_path: Path) -> None:
    hog = "python3 -c 'import time; x = b\"x\" * (300 << 20); time.sleep(2)'"
    workflow_id = create(
        client,
        job("hog", hog, resource_requirements=0),
        needs=[needs(memory="100m", runtime="PT1S")],
        execution_config={"limit_resources": False},
    )
    assert run(client, workflow_id, tmp_path / "out").statuses() == {"hog": "completed"}


def test_a_job_without_a_requirement_has_no_limits(client: TorcClient, tmp_path: Path) -> None:
    hog = "python3 -c 'import time; x = b\"x\" * (100 << 20); time.sleep(2)'"
    assert run(client, create(client, hog), tmp_path / "out").statuses() == {"job1": "completed"}


def test_forked_workers_that_share_memory_are_not_accused(client: TorcClient, tmp_path: Path) -> None:
    code = "import os, time; x = b'x' * (120 << 20); [os.fork() for _ in range(2)]; time.sleep(2.5)"
    workflow_id = create(
        client, job("forks", f'python3 -c "{code}"', resource_requirements=0), needs=[needs(memory="250m")]
    )
    assert run(client, workflow_id, tmp_path / "out").statuses() == {"forks": "completed"}


def test_a_job_over_its_runtime_is_asked_to_end_and_counts_as_timeout(client: TorcClient, tmp_path: Path) -> None:
    slow = job("slow", "trap 'echo saved; exit 0' TERM; while :; do sleep 0.05; done", resource_requirements=0)
    ran = run(client, create(client, slow, needs=[needs(runtime="PT1S")]), tmp_path / "out")
    result = ran.results("slow")[0]
    evidence = client.job_evidence(ran.jobs()["slow"].id or 0).evidence
    assert (result.return_code, evidence.verdict, evidence.runtime_limit_s) == (152, "timeout", 1.0)
    assert ran.log("slow") == "saved\n"
    assert result.exec_time_minutes * 60 >= 1.0


def test_a_timeout_may_be_retried_by_a_rule(client: TorcClient, tmp_path: Path) -> None:
    slow = job("slow", '[ "$TORC_ATTEMPT_ID" = 2 ] || sleep 30', resource_requirements=0, failure_handler=0)
    workflow_id = create(client, slow, needs=[needs(runtime="PT1S")], rules=[{"exit_codes": [152]}])
    assert run(client, workflow_id, tmp_path / "out").statuses() == {"slow": "completed"}


def test_at_the_time_limit_running_jobs_are_terminated(client: TorcClient, tmp_path: Path) -> None:
    workflow_id = create(client, job("long", "echo begun; sleep 60"))
    ran = run(client, workflow_id, tmp_path / "out", time_limit_s=2.0)
    assert ran.summary.reason is ExitReason.TIME_UP
    assert ran.statuses() == {"long": "terminated"}
    assert ran.results("long")[0].return_code == 143
    assert client.job_evidence(ran.jobs()["long"].id or 0).evidence.verdict == "terminated"


def test_a_job_that_cannot_finish_in_time_is_not_begun(client: TorcClient, tmp_path: Path) -> None:
    jobs = [job("long", "true", resource_requirements=0), job("short", "true", resource_requirements=1)]
    workflow_id = create(client, *jobs, needs=[needs("long", runtime="PT4H"), needs("short", runtime="PT1M")])
    ran = run(client, workflow_id, tmp_path / "out", end_time=datetime.now(UTC) + timedelta(hours=1))
    assert ran.statuses() == {"long": "ready", "short": "completed"}
    assert ran.summary.reason is ExitReason.NOTHING_LEFT


@pytest.mark.parametrize("runtime", ["PT1H", "PT30M"])
def test_a_runtime_equal_to_the_time_limit_fits(client: TorcClient, tmp_path: Path, runtime: str) -> None:
    workflow_id = create(client, job("exact", "true", resource_requirements=0), needs=[needs(runtime=runtime)])
    ran = run(client, workflow_id, tmp_path / "out", time_limit_s=3600.0)
    assert ran.statuses() == {"exact": "completed"}


def test_a_job_that_can_no_longer_finish_when_its_turn_comes_is_given_back(client: TorcClient, tmp_path: Path) -> None:
    jobs = [
        job("first", "sleep 5", resource_requirements=0),
        job("second", "sleep 5", resource_requirements=0),
        job("after", "true", depends_on=[1]),
    ]
    workflow_id = create(client, *jobs, needs=[needs(runtime="PT9S")])
    ran = run(client, workflow_id, tmp_path / "out", time_limit_s=13.0, num_cpus=1)
    assert ran.statuses() == {"first": "completed", "second": "ready", "after": "blocked"}
    assert (ran.summary.reason, ran.summary.started) == (ExitReason.NOTHING_LEFT, 1)
    assert "that are left" in str(ran.summary.explanation)


def test_jobs_that_state_no_runtime_are_begun_until_the_end(client: TorcClient, tmp_path: Path) -> None:
    jobs = [job("stated", "true", resource_requirements=0), job("open", "true")]
    workflow_id = create(client, *jobs, needs=[needs(runtime="PT59S")])
    ran = run(client, workflow_id, tmp_path / "out", time_limit_s=20.0)
    assert ran.statuses() == {"stated": "ready", "open": "completed"}
