"""Recovery on a real Slurm: what is lost is known at once, and what is left gets its allocations."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from allocation_site import AllocationSite
from helpers import make_runner, wait_until
from mcp_scenes import agent
from pseudo_terminal import PseudoTerminal
from recovery_scenes import MIB, claim_all, end, fail_all, leave
from slurm_daemons import await_that
from torc_process import Torc

from torc_client.slurm.cluster import SlurmCluster
from torc_client.slurm.programs import SlurmPrograms
from torc_core.api.jobs import EvidenceModel, ReclaimRequest, StartJobsRequest
from torc_core.api.nodes import ScheduledComputeNodeModel
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.jobs.status import JobStatus
from torc_core.times import rfc3339

GREEDY = """python3 -c 'import time; held = b"x" * (350 << 20); time.sleep(8)'"""


@pytest.fixture
def torc(site: AllocationSite) -> Torc:
    """`torc` on a login node of the cluster."""
    known = site.cluster.environment
    environment = {"PATH": known["PATH"], "SLURM_CONF": known["SLURM_CONF"], "TORC_OUTPUT_DIR": str(site.output)}
    return Torc(site.folder, site.server.url, environment)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def create(site: AllocationSite, torc: Torc, jobs: dict[str, Any], **keys: Any) -> int:
    """A workflow whose jobs are ready."""
    workflow_id = int(torc("-f", "json", "create", write_file(site, jobs, **keys)).json["workflow_id"])
    torc("init", workflow_id)
    return workflow_id


def write_file(site: AllocationSite, jobs: dict[str, Any], **keys: Any) -> Path:
    """A workflow file whose jobs need little."""
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
    return path


def evidence_of(site: AllocationSite, workflow_id: int) -> list[EvidenceModel]:
    failures = site.client.failures
    return list(failures.workflow_evidence(workflow_id, statuses=tuple(JobStatus), only_latest=False, with_texts=False))


def recover_while_the_controller_is_slow(site: AllocationSite, torc: Torc, workflow_id: int) -> str:
    """Recover with a controller that stands still until one of Slurm's programs waits for it."""
    controller = site.cluster.daemon("slurmctld")
    controller.pause()
    try:
        recovering = torc.start("recover", workflow_id)
        children = Path(f"/proc/{recovering.pid}/task/{recovering.pid}/children")
        wait_until(children.read_text, "one of Slurm's programs waits")
    finally:
        controller.resume()
    out, err = recovering.communicate(timeout=120)
    assert recovering.returncode == 0, err
    return out


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

    site.kill_runners()
    state = site.await_end(allocation)

    before = torc("-f", "json", "recover", workflow_id, "--dry-run").json
    assert before["result"]["jobs_to_retry"] == [site.jobs(workflow_id)["long"].id]
    assert before["result"]["slurm_dry_run"]["total_allocations"] == 2
    assert scheduler_ids(site, workflow_id) == [allocation], "a dry run submits nothing"
    assert site.statuses(workflow_id)["long"] == "running"

    done = recover_while_the_controller_is_slow(site, torc, workflow_id)
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
    submitted = torc("submit-slurm", "--account", "proj", write_file(site, jobs)).out
    workflow_id = max(each.id or 0 for each in site.client.workflows.list_all())
    assert submitted.splitlines() == [
        f"Created workflow {workflow_id} with 12 jobs",
        "Submitted to Slurm with 3 allocations",
    ]
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


def test_retried_jobs_get_nodes_when_their_allocations_have_ended(site: AllocationSite, torc: Torc) -> None:
    flaky = 'sleep 12; [ "$TORC_ATTEMPT_ID" -ge 2 ] || exit 10'
    jobs: dict[str, Any] = {f"flaky_{number}": {"command": flaky, "failure_handler": "again"} for number in (1, 2)}
    requirement = {"name": "small", "num_cpus": 1, "num_gpus": 0, "num_nodes": 1, "memory": "64m", "runtime": "PT42S"}
    workflow_id = create(
        site,
        torc,
        jobs | {"fine": "true"},
        resource_requirements=[requirement],
        failure_handlers=[{"name": "again", "rules": [{"exit_codes": [10], "max_retries": 3}]}],
        slurm_schedulers=[{"name": "first", "account": "proj", "nodes": 1, "walltime": "00:01:00"}],
    )
    # One minute is enough for an attempt, and not for another one after it.
    first = site.submit(f"exec {site.runner(workflow_id)}", "--time=1", "--mem=1000", "-c4", workflow_id=workflow_id)
    site.await_end(first)
    assert site.statuses(workflow_id) == {"flaky_1": "ready", "flaky_2": "ready", "fine": "completed"}

    planned = torc("-f", "json", "recover", workflow_id, "--dry-run").json["result"]
    assert (planned["jobs_to_retry"], planned["slurm_dry_run"]["total_allocations"]) == ([], 1)

    watched = torc("watch", workflow_id, "--auto-schedule", "--auto-schedule-cooldown", 5, "-p", 1).out
    assert "Auto-schedule: No schedulers available but 2 ready jobs found (2 retries)" in watched
    assert "  Submitted Slurm allocation with 2 jobs" in watched
    assert "Workflow completed successfully (3 jobs)" in watched
    assert len(scheduler_ids(site, workflow_id)) == 2, "asked for once"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--auto-schedule-threshold", 2),
            "Auto-schedule: 2 retry jobs waiting (threshold: 2), scheduling more nodes...",
        ),
        (("--auto-schedule-stranded-timeout", 1), "(timeout: 1s), scheduling..."),
    ],
)
def test_retried_jobs_get_nodes_beside_allocations_that_have_no_room_for_them(
    site: AllocationSite, torc: Torc, options: tuple[object, ...], line: str
) -> None:
    scheduler = {"name": "first", "account": "proj", "nodes": 1, "walltime": "00:05:00"}
    workflow_id = create(site, torc, dict.fromkeys(("one", "two"), "true"), slurm_schedulers=[scheduler])
    [first] = site.client.slurm_schedulers.list_all(workflow_id=workflow_id)
    lost = claim_all(site.client, workflow_id)
    leave(site.client, lost)
    request = ReclaimRequest(compute_node_ids=[lost], requeue=True, reason="lost")
    site.client.reclaim_jobs(workflow_id, request)
    busy = site.submit("exec sleep 600")
    site.client.scheduled_compute_nodes.create(
        ScheduledComputeNodeModel(
            workflow_id=workflow_id,
            scheduler_id=busy,
            scheduler_config_id=first.id or 0,
            scheduler_type="slurm",
            status="active",
            cluster=SlurmCluster(SlurmPrograms(site.cluster.environment)).name(),
        )
    )
    watched = torc("watch", workflow_id, "--auto-schedule", "-p", 1, *options).out
    assert line in watched
    assert watched.count("Submitted Slurm allocation with 2 jobs") == 1
    assert "Workflow completed successfully (2 jobs)" in watched
    assert site.state(busy) == "RUNNING"


def test_an_allocation_that_slurm_queued_again_has_lost_its_jobs(site: AllocationSite, torc: Torc) -> None:
    workflow_id = create(site, torc, {"long": "sleep 600"})
    node = site.cluster.nodes[-1]
    allocation = site.submit(f"exec {site.runner(workflow_id)}", "--requeue", f"--nodelist={node}", "--mem=1000")
    site.await_job(workflow_id, "long")
    site.cluster.crash(node)
    try:
        await_that(lambda: site.state(allocation) == "PENDING", "the allocation is queued again")
        found = torc("-f", "json", "workflows", "sync-status", workflow_id).json
        [lost] = found["requeued_job_details"]
        assert (lost["job_name"], lost["slurm_job_id"]) == ("long", allocation)
        assert lost["reason"] == f"its allocation {allocation} was sent back to the queue"
        [evidence] = [each.evidence for each in evidence_of(site, workflow_id)]
        assert evidence.scheduler is not None
        assert (evidence.return_code, evidence.scheduler.state) == (-128, "REQUEUED")
        assert site.statuses(workflow_id) == {"long": "ready"}
    finally:
        site.cluster.boot(node)


def test_the_wizard_submits_what_a_person_chooses_of_a_scheduler_that_is_there(
    site: AllocationSite, torc: Torc
) -> None:
    scheduler = {"name": "first", "account": "proj", "nodes": 1, "walltime": "00:05:00", "extra": "--hold"}
    workflow_id = create(site, torc, {"hungry": "true"}, slurm_schedulers=[scheduler])
    out_of_memory = Evidence(return_code=137, verdict="oom", memory_limit_bytes=256 * MIB, peak_memory_bytes=260 * MIB)
    fail_all(site.client, workflow_id, {site.jobs(workflow_id)["hungry"].id or 0: out_of_memory})
    argv = torc.argv("recover", workflow_id)
    with PseudoTerminal(argv, folder=torc.folder, environment=torc.env()) as terminal:
        terminal.answer("Out of memory: retry, adjust or skip [retry]", "")
        terminal.expect("Allocations for these jobs:")
        terminal.answer("new (planned for them), existing scheduler, or none [new]", "existing")
        terminal.answer("Scheduler [", "")
        terminal.answer("Walltime [00:05:00]", "10")
        terminal.answer("Number of allocations [1]", "2")
        terminal.expect("2 allocations of 00:10:00 on 1 node for 1 job")
        terminal.answer("Go ahead? [Y/n]", "")
        terminal.expect("Slurm schedulers regenerated and submitted.")
        assert terminal.await_end() == 0
    [allocation] = scheduler_ids(site, workflow_id)
    rows = site.cluster.call("squeue", "-h", "-r", "-j", str(allocation), "-o", "%l %r").splitlines()
    assert rows == ["10:00 JobHeldUser"] * 2
    names = [each.name for each in site.client.slurm_schedulers.list_all(workflow_id=workflow_id)]
    assert names == ["first", "first_recovery"]


@pytest.mark.anyio
async def test_an_agent_plans_and_submits_what_is_left(
    site: AllocationSite, torc: Torc, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, site.cluster.environment[name])
    monkeypatch.chdir(site.folder)
    workflow_id = create(site, torc, {"one": "true", "two": {"command": "true", "depends_on": ["one"]}})
    async with agent(site.client) as me:
        planned = await me.ask("plan_allocations", workflow_id=workflow_id)
        assert (planned["dry_run"], planned["pending_jobs"], planned["total_allocations"]) == (True, 2, 2)
        assert [each["has_dependencies"] for each in planned["planned_schedulers"]] == [False, True]
        assert scheduler_ids(site, workflow_id) == []
        done = await me.ask("resubmit_workflow", workflow_id=workflow_id, dry_run=False)
        assert (done["allocations_submitted"], done["total_allocations"]) == (1, 2)
    site.await_job(workflow_id, "two", ("completed",))
    [action] = site.client.actions(workflow_id)
    second = site.jobs(workflow_id)["two"].id
    assert (action.is_recovery, action.trigger_type, action.job_ids) == (True, "on_jobs_ready", [second])


def test_jobs_of_a_canceled_and_of_a_preempted_allocation_are_retried_as_they_are(
    site: AllocationSite, torc: Torc
) -> None:
    workflow_id = create(site, torc, {"long": "sleep 600"})
    torc("slurm", "regenerate", workflow_id, "--submit", "--qos", "low")
    site.await_job(workflow_id, "long")
    [canceled] = scheduler_ids(site, workflow_id)
    site.cluster.call("scancel", str(canceled))
    site.await_end(canceled)
    shown = torc("recover", workflow_id, "--dry-run").out
    assert "would retry with the same resources" in shown
    assert "[DRY RUN] Total: 1 allocation(s) would be submitted" in shown
    assert scheduler_ids(site, workflow_id) == [canceled]

    torc("recover", workflow_id)
    site.await_job(workflow_id, "long")
    [_, preempted] = scheduler_ids(site, workflow_id)
    nodes = str(len(site.cluster.nodes))
    site.cluster.call("sbatch", "-q", "high", "--exclusive", "-N", nodes, "-o", "/dev/null", "--wrap", "sleep 1")
    assert site.await_end(preempted) == "PREEMPTED"
    done = torc("recover", workflow_id).out
    assert "retrying with the same resources" in done
    assert len(scheduler_ids(site, workflow_id)) == 3
    [job] = site.jobs(workflow_id).values()
    assert (job.status in ("ready", "pending", "running"), job.infrastructure_faults) == (True, 2)


def test_a_dry_run_plans_for_ready_jobs_whose_queued_allocation_was_canceled(site: AllocationSite, torc: Torc) -> None:
    later = {"name": "later", "account": "proj", "walltime": "00:15:00", "extra": "--begin=now+1hour"}
    start = {"trigger_type": "on_workflow_start", "action_type": "schedule_nodes", "scheduler": "later"}
    start["scheduler_type"] = "slurm"
    file = write_file(site, {"waiting": "true"}, slurm_schedulers=[later], actions=[start])
    workflow_id = int(torc("-f", "json", "submit", file).json["workflow_id"])
    [queued] = scheduler_ids(site, workflow_id)
    assert "run when their allocations begin" in torc("recover", workflow_id, "--dry-run").out
    site.cluster.call("scancel", str(queued))
    site.await_end(queued)
    shown = torc("recover", workflow_id, "--dry-run").out
    assert "[DRY RUN] Total: 1 allocation(s) would be submitted" in shown
    assert scheduler_ids(site, workflow_id) == [queued]


def test_a_node_that_failed_jobs_of_two_names_is_left_out_of_new_allocations(site: AllocationSite, torc: Torc) -> None:
    bad, good, *_ = site.cluster.nodes
    scheduler = {"name": "first", "account": "proj", "nodes": 1, "walltime": "00:05:00"}
    workflow_id = create(site, torc, dict.fromkeys("abc", "true"), slurm_schedulers=[scheduler])
    cluster = SlurmCluster(SlurmPrograms(site.cluster.environment)).name()
    ids = {name: job.id or 0 for name, job in site.jobs(workflow_id).items()}
    failed = Evidence(return_code=1, scheduler=SchedulerFacts(type="slurm", job_id="1", state="NODE_FAIL"))
    ends: list[tuple[str, dict[int, Evidence | None]]] = [
        (bad, {ids["a"]: failed}),
        (bad, {ids["b"]: failed}),
        (good, {ids["c"]: None}),
    ]
    runners = claim_each(site, workflow_id, cluster, [node for node, _ in ends])
    for (_, outcomes), runner in zip(ends, runners, strict=True):
        for job_id, evidence in outcomes.items():
            end(site.client, job_id, evidence, completion_time=rfc3339(datetime.now(UTC)))
        leave(site.client, runner)
    planned = torc("-f", "json", "recover", workflow_id, "--dry-run").json["result"]["slurm_dry_run"]
    note = f"Node {bad} is left out of new allocations: it failed 2 jobs within a day (a, b)."
    assert note in planned["warnings"]
    assert all(f"--exclude={bad}" in each["extra"] for each in planned["planned_schedulers"])
    assert f"  {note}" in torc("recover", workflow_id, "--dry-run").out


def claim_each(site: AllocationSite, workflow_id: int, cluster: str, nodes: list[str]) -> list[int]:
    """Runners on these nodes that stand for this test; each has started one job, in the order of ids."""
    run_id = site.client.workflow_status(workflow_id).run_id
    runners: list[int] = []
    for node in nodes:
        facts = {"slurm_job_id": "1", "cluster": cluster, "node": node}
        runner = make_runner(site.client, workflow_id, scheduler=facts)
        claimed = site.client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner).jobs
        started = [job.id or 0 for job in claimed]
        request = StartJobsRequest(run_id=run_id, compute_node_id=runner, job_ids=started)
        site.client.start_jobs(workflow_id, request)
        runners.append(runner)
    return runners
