"""Recovery on a real Slurm: what is lost is known at once, and what is left gets its allocations."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from allocation_site import AllocationSite
from running import processes_with
from torc_process import Torc

from torc_core.api.jobs import EvidenceModel
from torc_core.jobs.status import JobStatus

RUNNER_PROGRAM = "torc-slurm-job-runner"
GREEDY = """python3 -c 'import time; held = b"x" * (350 << 20); time.sleep(8)'"""


@pytest.fixture
def torc(site: AllocationSite) -> Torc:
    """`torc` on a login node of the cluster."""
    known = site.cluster.environment
    environment = {"PATH": known["PATH"], "SLURM_CONF": known["SLURM_CONF"], "TORC_OUTPUT_DIR": str(site.output)}
    return Torc(site.folder, site.server.url, environment)


def create(site: AllocationSite, torc: Torc, jobs: dict[str, Any], **keys: Any) -> int:
    """A workflow whose jobs are ready; its scheduler makes it one that gets nodes from Slurm."""
    requirement = {"num_cpus": 1, "num_gpus": 0, "num_nodes": 1, "memory": "256m", "runtime": "PT5M", "name": "small"}
    entries = [
        {"name": name, "resource_requirements": "small"} | (body if isinstance(body, dict) else {"command": body})
        for name, body in jobs.items()
    ]
    body = {
        "name": "recovered",
        "use_pending_failed": False,
        "slurm_defaults": {"account": "proj"},
        "resource_requirements": [requirement],
        "jobs": entries,
        **keys,
    }
    path = site.folder / "workflow.json"
    path.write_text(json.dumps(body))
    workflow_id = int(torc("-f", "json", "create", path).json["workflow_id"])
    torc("init", workflow_id)
    return workflow_id


def evidence_of(site: AllocationSite, workflow_id: int) -> list[EvidenceModel]:
    failures = site.client.failures
    return list(failures.workflow_evidence(workflow_id, statuses=tuple(JobStatus), only_latest=False, with_texts=False))


def kill_runners(site: AllocationSite) -> None:
    """Kill -9 of all runners: nothing is reported, and their allocations end."""
    for pid in processes_with(site.server.url):
        if RUNNER_PROGRAM in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGKILL)


def scheduler_ids(site: AllocationSite, workflow_id: int) -> list[int]:
    return [each.scheduler_id for each in site.client.scheduled_compute_nodes.list_all(workflow_id=workflow_id)]


def test_a_runner_that_was_killed_with_its_allocation_is_known_at_once_and_recovered(
    site: AllocationSite, torc: Torc
) -> None:
    workflow_id = create(site, torc, {"long": "sleep 600", "after": {"command": "true", "depends_on": ["long"]}})
    planned = torc("-f", "json", "slurm", "regenerate", workflow_id).json
    assert (planned["pending_jobs"], planned["total_allocations"], planned["submitted"]) == (2, 2, False)
    assert scheduler_ids(site, workflow_id) == []
    submitted = torc("-f", "json", "slurm", "regenerate", workflow_id, "--submit").json
    assert (submitted["allocations_submitted"], submitted["allocations_deferred"]) == (1, 1)
    site.await_job(workflow_id, "long")
    [allocation] = scheduler_ids(site, workflow_id)
    assert torc("-f", "json", "workflows", "sync-status", workflow_id).json["requeued_job_details"] == []

    kill_runners(site)
    state = site.await_end(allocation)

    before = torc("-f", "json", "recover", workflow_id, "--dry-run").json
    assert before["result"]["jobs_to_retry"] == [site.jobs(workflow_id)["long"].id]
    assert before["result"]["slurm_dry_run"]["total_allocations"] == 2
    assert scheduler_ids(site, workflow_id) == [allocation], "a dry run submits nothing"
    assert site.statuses(workflow_id)["long"] == "running"

    done = torc("recover", workflow_id).out
    assert f"its allocation {allocation} has ended: {state}" in done
    assert "Submitted Slurm allocation with 1 job" in done
    [lost] = [each.evidence for each in evidence_of(site, workflow_id)]
    assert (lost.return_code, lost.verdict) == (-128, "lost")
    assert lost.scheduler is not None
    assert (lost.scheduler.job_id, lost.scheduler.state) == (str(allocation), state)
    again = scheduler_ids(site, workflow_id)
    assert len(again) == 2
    site.await_job(workflow_id, "long")
    assert site.record_status(workflow_id, allocation) == "complete"


def test_the_complete_example_from_submission_to_its_last_line(site: AllocationSite, torc: Torc) -> None:
    jobs = {f"train_model_{number}": GREEDY if number in (3, 8) else "true" for number in range(12)}
    workflow_id = create(site, torc, jobs)
    submitted = torc("slurm", "regenerate", workflow_id, "--submit").out
    assert "Submitted 3 allocation(s)" in submitted
    watched = torc(
        "watch", workflow_id, "--recover", "--max-retries", 3, "--show-job-counts", "-p", 2, "-o", site.output
    ).out
    header = f"Watching workflow {workflow_id} (poll interval: 2s, recover enabled, max retries: 3, job counts enabled)"
    ids = {name: job.id for name, job in site.jobs(workflow_id).items()}
    for line in (
        header,
        f"Workflow {workflow_id} is complete",
        "Workflow completed with failures:",
        "  - Failed: 2",
        "  - Completed: 10",
        "Attempting automatic recovery (attempt 1/3)",
        "Diagnosing failures...",
        "Applying recovery heuristics...",
        "  Applied fixes: 2 OOM, 0 timeout",
        "Resetting failed jobs...",
        "Regenerating Slurm schedulers and submitting...",
        "Recovery initiated. Resuming monitoring...",
        "Workflow completed successfully (12 jobs)",
    ):
        assert line in watched.splitlines(), watched
    for name in ("train_model_3", "train_model_8"):
        assert f"  Job {ids[name]} ({name}): OOM detected, increasing memory 256m -> " in watched
    assert watched.splitlines().count(header) == 2
    log = Path(next(site.output.glob(f"watch_*_{workflow_id}.log")))
    assert "Workflow completed successfully (12 jobs)" in log.read_text()
    requirements = {each.id: each for each in site.client.resource_requirements.list_all(workflow_id=workflow_id)}
    raised = {
        name
        for name, job in site.jobs(workflow_id).items()
        if requirements[job.resource_requirements_id or 0].memory != "256m"
    }
    assert raised == {"train_model_3", "train_model_8"}
