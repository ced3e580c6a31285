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
