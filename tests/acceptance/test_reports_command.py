"""`torc reports` and `torc workflows correct-resources`."""

import pytest
from recovery_scenes import BROKEN, MIB, OOM, TIMEOUT, claim_all, end, fail_all, job, leave, make_scene, requirement_of
from torc_process import SpecWriter, Torc

from torc_client.http import TorcClient
from torc_core.api.drafts import ResourceRequirementsDraft

GIB = 1024 * MIB


def test_a_workflow_without_results_has_a_valid_report(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("new"))
    report = torc("reports", "check-resource-utilization", workflow_id, "--include-failed", "-f", "json").json
    assert report == {
        "workflow_id": workflow_id,
        "total_results": 0,
        "over_utilization_count": 0,
        "violations": [],
        "resource_violations_count": 0,
        "resource_violations": [],
    }
    assert torc("reports", "check-resource-utilization", workflow_id).out == "No results yet.\n"
    (torc.folder / "output").mkdir()
    assert torc("reports", "results", workflow_id, "-f", "json").json["results"] == []


def test_failed_jobs_say_what_ended_them(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry, late, broken, fine) = make_scene(shared_client, *(job(name) for name in "abcd"))
    fail_all(shared_client, workflow_id, {hungry: OOM, late: TIMEOUT, broken: BROKEN, fine: None})
    report = torc("reports", "check-resource-utilization", workflow_id, "--include-failed", "-f", "json").json
    assert report["total_results"] == 4
    found = {each["job_id"]: each for each in report["resource_violations"]}
    assert found[hungry]["likely_oom"] is True
    assert (found[hungry]["configured_memory"], found[hungry]["peak_memory_bytes"]) == ("8g", 8200 * MIB)
    assert found[late]["likely_timeout"] is True
    assert "likely_oom" not in found[broken]
    assert report["violations"] == []
    text = torc("workflows", "check-resources", workflow_id, "--include-failed").out
    assert f"  Job {late} (b): return code 152, timeout: " in text
    without = torc("reports", "check-resource-utilization", workflow_id, "-f", "json").json
    assert (without["total_results"], without["resource_violations"]) == (1, [])


def test_an_earlier_run_can_be_asked_for(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, (hungry,) = make_scene(shared_client, job("hungry"))
    fail_all(shared_client, workflow_id, {hungry: OOM})
    torc("recover", workflow_id)
    fail_all(shared_client, workflow_id, {hungry: None})
    command = ("reports", "check-resource-utilization", workflow_id, "--include-failed", "-f", "json")
    assert torc(*command).json["resource_violations"] == []
    earlier = torc(*command, "--run-id", 1).json
    assert (earlier["run_id"], earlier["resource_violations"][0]["job_id"]) == (1, hungry)


def test_all_jobs_are_listed_on_demand_and_small_excess_is_not(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, (slightly, well) = make_scene(client, job("slightly"), job("well"))
    runner_id = claim_all(client, workflow_id)
    end(client, slightly, peak_memory_bytes=int(8.4 * GIB))
    end(client, well, peak_memory_bytes=GIB)
    leave(client, runner_id)
    command = ("reports", "check-resource-utilization", workflow_id)
    assert [each["over_utilization"] for each in torc(*command, "-f", "json").json["violations"]] == ["+5.0%"]
    assert torc(*command, "--min-over-utilization", 10, "-f", "json").json["violations"] == []
    assert "stayed within their specified resource requirements" in torc(*command, "--min-over-utilization", 10).out
    assert len(torc(*command, "--all", "-f", "json").json["violations"]) == 4


def test_siblings_that_use_a_fraction_are_named_with_what_would_do(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, ids = make_scene(client, *(job(f"train_{n}") for n in range(6)), job("train_9", depends_on=[5]))
    runner_id = claim_all(client, workflow_id)
    for job_id in ids[:5]:
        end(client, job_id, peak_memory_bytes=GIB, minutes=50.0)
    leave(client, runner_id)
    command = ("reports", "check-resource-utilization", workflow_id)
    (less,) = torc(*command, "-f", "json").json["less_would_do"]
    assert (less["template"], less["memory"], less.get("runtime"), less["waiting"]) == ("train_#", "2g", None, 1)
    printed = torc(*command).out
    assert "train_#: 2g of memory would do (5 completed siblings used at most 1g of memory; 1 not started)" in printed


def test_results_name_the_log_files(torc: Torc, spec: SpecWriter) -> None:
    printed = torc("run", spec(jobs={"good": "echo fine", "bad": "echo no >&2; exit 3"}), "-f", "json", code=1).json
    workflow_id = printed["workflow_id"]
    report = torc("reports", "results", workflow_id, "-f", "json").json
    assert (report["total_results"], report["all_runs"], report["workflow_name"]) == (2, False, "test")
    rows = {row["job_name"]: row for row in report["results"]}
    assert (torc.folder / rows["good"]["job_stdout"]).read_text() == "fine\n"
    assert (torc.folder / rows["bad"]["job_stderr"]).read_text() == "no\n"
    assert (torc.folder / rows["bad"]["job_runner_log"]).exists()
    only = torc("reports", "results", workflow_id, "-j", rows["bad"]["job_id"], "-f", "json").json
    assert [row["job_name"] for row in only["results"]] == ["bad"]
    (torc.folder / rows["good"]["job_stdout"]).unlink()
    (torc.folder / rows["good"]["job_stderr"]).unlink()
    again = torc("reports", "results", workflow_id, "-f", "json")
    assert "Warning: " in again.err
    assert "job_stdout" not in {row["job_name"]: row for row in again.json["results"]}["good"]
    assert "bad" in torc("reports", "results", workflow_id).out
    torc("reports", "results", workflow_id, "-o", "nowhere", code=2)


def test_the_summary_is_that_of_status(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = make_scene(shared_client, job("new"))
    assert torc("reports", "summary", workflow_id, "-f", "json").json == torc("status", workflow_id, "-f", "json").json


def test_requirements_are_fitted_to_what_was_used(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    names = ("tight", "wide", "late")
    workflow_id, ids = make_scene(
        client,
        *(job(name, requirement=place) for place, name in enumerate(names)),
        job("unspecified", requirement=None),
        requirements=[ResourceRequirementsDraft(name=name, memory="1g", runtime="PT1H") for name in names],
    )
    runner_id = claim_all(client, workflow_id)
    end(client, ids[0], minutes=50, peak_memory_bytes=2 * GIB)
    end(client, ids[1], minutes=50, peak_memory_bytes=GIB // 8)
    end(client, ids[2], TIMEOUT, minutes=60)
    end(client, ids[3], minutes=50, peak_memory_bytes=GIB)
    leave(client, runner_id)
    command = ("workflows", "correct-resources", workflow_id)
    proposed = torc(*command, "--dry-run", "-f", "json").json
    assert (proposed["jobs_analyzed"], proposed["resource_requirements_updated"]) == (4, 0)
    assert [requirement_of(client, job_id) for job_id in ids[:2]] == ["tight 1g PT1H", "wide 1g PT1H"]
    assert [each["direction"] for each in proposed["adjustments"]] == ["upscale", "downscale", "upscale"]
    printed = torc(*command, "--no-downsize", "--job-ids", f"{ids[0]},{ids[1]}").out
    assert "  tight (1 job(s)): memory 1g -> 3g" in printed
    assert [requirement_of(client, job_id) for job_id in ids[:2]] == ["tight 3g PT1H", "wide 1g PT1H"]
    torc(*command)
    assert [requirement_of(client, job_id) for job_id in ids] == [
        "tight 3g PT1H",
        "wide 154m PT1H",
        "late 1g PT1H12M",
        "default 1m PT1M",
    ]
    assert "Nothing to correct" in torc(*command).out


@pytest.mark.parametrize("options", [["--memory-multiplier", "1"], ["--job-ids", "a,b"]])
def test_senseless_corrections_are_refused(torc: Torc, shared_client: TorcClient, options: list[str]) -> None:
    workflow_id, _ = make_scene(shared_client, job("new"))
    torc("workflows", "correct-resources", workflow_id, *options, code=2)
