"""Deleting is meant: nothing that works is deleted, nothing half, and nothing without a yes."""

from helpers import wait_until
from torc_process import SpecWriter, Torc


def create(torc: Torc, *arguments: object) -> int:
    return int(torc("create", *arguments, "-f", "json").json["workflow_id"])


def test_a_workflow_at_work_is_deleted_only_with_force(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "touch started; until test -e go; do sleep 0.05; done"}))
    with torc.start("run", workflow_id) as run:
        wait_until((torc.folder / "started").exists, "the job runs", timeout_s=30)
        for yes in (["--no-prompts"], ["-f", "json"]):
            refused = torc("delete", workflow_id, *yes, code=1).err
            assert "1 job is at work" in refused
            assert f"torc cancel {workflow_id}" in refused
            assert "--force" in refused
        (torc.folder / "go").touch()
        assert run.wait(60) == 0
    other = create(torc, spec(jobs={"a": "rm started; touch started; sleep 600"}))
    (torc.folder / "started").unlink()
    with torc.start("run", other) as run:
        wait_until((torc.folder / "started").exists, "the job runs", timeout_s=30)
        assert "Deleted workflow" in torc("delete", other, "--force").out
        run.terminate()


def test_where_nobody_can_be_asked_deleting_wants_a_yes(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true"}))
    for refused in (torc("delete", workflow_id, code=2), torc("jobs", "delete-all", workflow_id, code=2)):
        assert "--no-prompts" in refused.err
    assert torc("status", workflow_id, "-f", "json").json["total_jobs"] == 1
    assert "Deleted 1 jobs" in torc("jobs", "delete-all", workflow_id, "--no-prompts").out
    assert "Deleted workflow" in torc("delete", workflow_id, "--no-prompts").out


def test_all_values_are_deleted_only_with_a_yes(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true"}))
    torc("user-data", "create", workflow_id, "-n", "u", "-d", "1")
    assert "--no-prompts" in torc("user-data", "delete-all", workflow_id, code=2).err
    assert len(torc("user-data", "list", workflow_id, "-f", "json").json) == 1
    assert "Deleted 1 user data" in torc("user-data", "delete-all", workflow_id, "--no-prompts").out


def test_nothing_is_deleted_when_one_of_several_is_unknown(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = create(torc, spec(jobs={"a": "true", "b": "true"}))
    printed = torc("-f", "json", "delete", workflow_id, 987654, code=1)
    assert "987654" in printed.err
    jobs = [job["id"] for job in torc("jobs", "list", workflow_id, "-f", "json").json]
    assert "987654" in torc("jobs", "delete", jobs[0], 987654, code=1).err
    assert torc("status", workflow_id, "-f", "json").json["total_jobs"] == 2
    assert "Deleted 2 jobs" in torc("jobs", "delete", *jobs, jobs[0]).out
