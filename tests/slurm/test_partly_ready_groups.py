"""Allocations on a real Slurm for a group of jobs, some of which wait behind a failure of another chain."""

from submission_site import SubmissionSite, requirement


def test_ready_jobs_run_while_a_job_of_their_group_waits_behind_a_failure(login: SubmissionSite) -> None:
    small, big = {"resource_requirements": "small"}, {"resource_requirements": "big"}
    file = login.file(
        jobs=[
            {"name": "prep", "command": "true", **small},
            {"name": "bad", "command": "test -e mended || exit 3", **small},
            *({"name": f"work_{n}", "command": "true", "depends_on": ["prep"], **big} for n in (1, 2, 3)),
            {"name": "after", "command": "true", "depends_on": ["bad"], **big},
        ],
        resource_requirements=[requirement("small", cpus=1), requirement("big")],
    )
    workflow_id = int(login.torc("-f", "json", "submit-slurm", "-a", "proj", "-p", "1", file).json["workflow_id"])

    def have_run() -> bool:
        statuses = login.site.statuses(workflow_id)
        return all(statuses[f"work_{n}"] == "completed" for n in (1, 2, 3))

    login.await_that(have_run, workflow_id, "the jobs that can run have run")
    statuses = login.site.statuses(workflow_id)
    assert (statuses["bad"], statuses["after"]) == ("pending_failed", "blocked")
    first, partly, rest = login.site.client.actions(workflow_id)
    assert [each.state for each in (first, partly, rest)] == ["executed", "executed", "waiting"]
    assert (partly.required_triggers, len(partly.job_ids or ())) == (3, 4)
    assert rest.job_ids == [login.site.jobs(workflow_id)["after"].id]

    (login.site.folder / "mended").touch()
    watched = login.torc("watch", workflow_id, "--recover", "--retry-unknown", "--max-retries", "1", "-p", "1")
    assert "completed successfully" in watched.out
    assert "no schedulers" not in watched.out


def test_what_an_allocation_left_behind_is_submitted_although_its_group_is_not_ready(login: SubmissionSite) -> None:
    small, big = {"resource_requirements": "small"}, {"resource_requirements": "big"}
    file = login.file(
        jobs=[
            {"name": "prep", "command": "true", **small},
            {"name": "slow", "command": "test -e quick || sleep 600", **small},
            {"name": "early", "command": "true", "depends_on": ["prep"], **big},
            {"name": "late", "command": "true", "depends_on": ["slow"], **big},
        ],
        # the small allocations have no room for big jobs
        resource_requirements=[requirement("small", cpus=1, runtime="PT20M"), requirement("big", runtime="PT20M")],
    )
    workflow_id = int(login.torc("-f", "json", "submit-slurm", "-a", "proj", "-p", "1", file).json["workflow_id"])
    wanted = {"prep": "completed", "slow": "running", "early": "ready", "late": "blocked"}
    login.await_that(lambda: login.site.statuses(workflow_id) == wanted, workflow_id, "only slow is left to run")
    again = login.torc("submit", workflow_id).out
    assert f"Nothing was submitted: no schedule_nodes action of workflow {workflow_id} is due" in again

    (login.site.folder / "quick").touch()
    login.site.kill_runners()
    for record in login.records(workflow_id):
        login.site.await_end(record.scheduler_id)
    printed = login.torc("submit", workflow_id)
    assert "Submitted to Slurm with 1 allocation" in printed.out
    assert "Cleaned up" in printed.err
    login.await_success(workflow_id)
