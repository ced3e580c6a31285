"""`torc failures`: a person looks, decides, and sees the outcome."""

import os
from pathlib import Path

import pytest
from helpers import make_workflow
from torc_process import SpecWriter, Torc
from triage import AGENT, BUG, REFUSED, fail_over_http

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.failures import Classification, ClassifyRequest


@pytest.fixture
def client(shared_client: TorcClient) -> TorcClient:
    """For looking on; what is tested goes through the command line."""
    return shared_client


@pytest.fixture
def workflow_id(shared_client: TorcClient) -> int:
    """Two jobs that failed alike, one that failed otherwise, and one that waits for it."""
    jobs = [JobDraft(name=name, command="true") for name in "abc"]
    made, [a, b, c, _] = make_workflow(shared_client, *jobs, JobDraft(name="d", command="true", depends_on=[2]))
    fail_over_http(shared_client, made, {a: REFUSED, b: REFUSED, c: BUG})
    return made


def _signature(client: TorcClient, workflow_id: int, place: int = 0) -> str:
    return client.failures.groups(workflow_id).items[place].signature


def _job(client: TorcClient, workflow_id: int, name: str) -> int:
    return next(job.id or 0 for job in client.jobs.list_all(workflow_id=workflow_id) if job.name == name)


def _statuses(client: TorcClient, workflow_id: int) -> dict[str, str]:
    return {job.name: str(job.status) for job in client.jobs.list_all(workflow_id=workflow_id)}


def _propose(client: TorcClient, workflow_id: int) -> int:
    """An agent proposes to retry a group."""
    signature = _signature(client, workflow_id)
    request = Classification(signature=signature, action="retry", reason="the storage was down")
    return client.failures.propose(workflow_id, ClassifyRequest(classifications=[request], actor=AGENT)).id


def test_failures_are_listed_by_group_with_what_to_do(torc: Torc, workflow_id: int) -> None:
    printed = torc("failures", "list", workflow_id)
    header, first, second = printed.out.splitlines()[:3]
    assert header.split()[:4] == ["Signature", "Jobs", "Class", "Action"]
    assert first.split()[1:4] == ["2", "transient", "retry"]
    assert "Connection refused to storage.example.com:443" in first
    assert second.split()[1:4] == ["1", "permanent", "fail"]
    assert f"torc failures show {workflow_id} --signature" in printed.err


def test_the_status_names_the_groups_of_failures(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    printed = torc("status", workflow_id).out
    lines = [line for line in printed.splitlines() if " x " in line]
    signatures = [_signature(client, workflow_id, place) for place in (0, 1)]
    assert [line.split()[:3] for line in lines] == [["2", "x", signatures[0]], ["1", "x", signatures[1]]]
    assert lines[0].endswith("[transient, retry]")
    assert "      ConnectionError: Connection refused to storage.example.com:443" in printed.splitlines()
    assert max(map(len, lines)) <= 80
    data = torc("status", workflow_id, "-f", "json").json
    assert data["failure_group_count"] == 2
    assert [(group["signature"], group["count"]) for group in data["failure_groups"]] == [
        (signatures[0], 2),
        (signatures[1], 1),
    ]
    assert data["failure_groups"][0]["suggestion"]["action"] == "retry"
    assert "evidence" not in data["failure_groups"][0]["sample"]


def test_the_status_shows_the_largest_groups_only(torc: Torc, shared_client: TorcClient) -> None:
    words = ["zebra", "yak", "wolf", "viper", "urchin", "tiger", "snake"]
    made, ids = make_workflow(shared_client, *[JobDraft(name=word, command="true") for word in words])
    printed = {job_id: f"the {word} misaligned itself" for job_id, word in zip(ids, words, strict=True)}
    fail_over_http(shared_client, made, printed)
    data = torc("status", made, "-f", "json").json
    assert (len(data["failure_groups"]), data["failure_group_count"]) == (5, 7)
    assert "and 2 more groups" in torc("status", made).out


def test_without_failures_the_status_names_no_groups(torc: Torc, shared_client: TorcClient) -> None:
    made, _ = make_workflow(shared_client, JobDraft(name="a", command="true"))
    data = torc("status", made, "-f", "json").json
    assert (data["failure_groups"], data["failure_group_count"]) == ([], 0)
    assert "Failures" not in torc("status", made).out


def test_the_json_list_is_a_bare_array(torc: Torc, workflow_id: int) -> None:
    printed = torc("failures", "list", workflow_id, "-f", "json")
    groups = printed.json
    assert [(group["count"], len(group["job_ids"])) for group in groups] == [(2, 2), (1, 1)]
    assert groups[0]["suggestion"].keys() >= {"class", "action", "category", "confidence", "reason", "rule"}
    assert "storage.example.com" in groups[0]["suggestion"]["evidence_line"]
    assert groups[0]["sample"]["evidence"]["return_code"] == 1
    assert printed.err == ""
    assert len(torc("failures", "list", workflow_id, "--limit", 1, "-f", "json").json) == 1
    assert torc("failures", "list", workflow_id, "--status", "failed", "-f", "json").json == []


def test_a_group_is_shown_with_its_evidence_and_attempts(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    signature = _signature(client, workflow_id)
    printed = torc("failures", "show", workflow_id, "--signature", signature[:6]).out
    assert f"Signature {signature}: 2 jobs" in printed
    assert "| ConnectionError: Connection refused" in printed
    assert "run 1, attempt 1: failed, return code 1" in printed
    assert "Earlier decisions: none" in printed or "Earlier decisions: retried" in printed


def test_one_job_is_shown(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    job_id = _job(client, workflow_id, "b")
    shown = torc("failures", "show", workflow_id, "--job", job_id, "-f", "json").json
    assert shown["sample"]["job_id"] == job_id
    assert "Connection refused" in shown["sample"]["evidence"]["stderr_tail"]
    assert [attempt["job_id"] for attempt in shown["attempts"]] == [job_id]


def test_decided_jobs_run_again_or_are_given_up_and_the_outcome_is_kept(
    torc: Torc, client: TorcClient, workflow_id: int
) -> None:
    first, second = (_signature(client, workflow_id, place) for place in (0, 1))
    retried = torc("failures", "classify", workflow_id, "--signature", first, "--retry", "--reason", "storage is back")
    assert retried.out.startswith("2 jobs sent back, 0 failed, 0 skipped.")
    assert f"torc run {workflow_id}" in retried.err
    torc("failures", "classify", workflow_id, "--signature", second, "--fail", "--reason", "a bug")
    assert _statuses(client, workflow_id) == {"a": "ready", "b": "ready", "c": "failed", "d": "canceled"}
    torc("run", workflow_id, code=1)
    decisions = torc("failures", "decisions", workflow_id, "-f", "json").json
    assert [(one["job_name"], one["action"], one["outcome"]) for one in decisions] == [
        ("a", "retry", "succeeded"),
        ("b", "retry", "succeeded"),
        ("c", "fail", "not_run"),
    ]
    assert {(one["actor"]["kind"], one["actor"]["name"]) for one in decisions} == {("person", "tester")}
    table = torc("failures", "decisions", workflow_id, "--job", decisions[0]["job_id"]).out
    assert "storage is back" in table
    assert "Total: 1 decision" in table
    grouped = torc("failures", "decisions", workflow_id, "--by-group", "-f", "json").json
    assert [(group["count"], group["action"], group["outcome"]) for group in grouped] == [
        (2, "retry", "succeeded"),
        (1, "fail", "not_run"),
    ]
    assert "Total: 2 decision groups" in torc("failures", "decisions", workflow_id, "--by-group").out
    only = torc("failures", "decisions", workflow_id, "--outcome", "not_run", "-f", "json").json
    assert [one["job_name"] for one in only] == ["c"]


def test_amounts_change_for_the_decided_job_only(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    job_id = _job(client, workflow_id, "a")
    amounts = ["--memory", "6g", "--runtime", "PT4H"]
    printed = torc("failures", "classify", workflow_id, "--job", job_id, "--retry", "--reason", "more", *amounts)
    assert f"Job {job_id} (a): retry, memory 1m -> 6g, runtime PT1M -> PT4H" in printed.out
    records = torc("resource-requirements", "list", workflow_id, "-f", "json").json
    assert [(record["memory"], record["runtime"]) for record in records] == [("1m", "PT1M"), ("6g", "PT4H")]


def test_a_dry_run_says_what_would_happen_and_stores_nothing(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    before = _statuses(client, workflow_id)
    words = ["--signature", _signature(client, workflow_id), "--fail", "--reason", "x", "--dry-run"]
    assert "0 jobs would be sent back, 2 would be failed" in torc("failures", "classify", workflow_id, *words).out
    assert _statuses(client, workflow_id) == before
    assert torc("failures", "decisions", workflow_id, "-f", "json").json == []
    assert torc("failures", "proposals", workflow_id, "-f", "json").json == []


def test_an_agents_proposal_is_seen_and_approved_in_part(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    proposal_id = _propose(client, workflow_id)
    assert "agent helper 1.0 for ann" in torc("failures", "proposals", workflow_id, "--status", "open").out
    shown = torc("failures", "proposal", proposal_id).out
    assert "Reason: the storage was down" in shown
    assert "2 jobs would be sent back" in shown
    chosen = _job(client, workflow_id, "b")
    approved = torc("failures", "approve", proposal_id, "--yes", "--only-job", chosen)
    assert approved.out.startswith("1 job sent back, 0 failed, 1 skipped.")
    statuses = _statuses(client, workflow_id)
    assert (statuses["a"], statuses["b"]) == ("pending_failed", "ready")
    again = torc("failures", "approve", proposal_id, "--yes", code=1)
    assert "was approved already by tester" in again.err
    [decision] = torc("failures", "decisions", workflow_id, "-f", "json").json
    assert (decision["actor"]["name"], decision["approved_by"]["name"]) == ("helper", "tester")


@pytest.mark.parametrize("output", [(), ("-f", "json")])
def test_a_program_cannot_approve_unasked(
    torc: Torc, client: TorcClient, workflow_id: int, output: tuple[str, ...]
) -> None:
    proposal_id = _propose(client, workflow_id)
    refused = torc("failures", "approve", proposal_id, *output, code=2)
    assert "--yes" in refused.err
    assert "ready" not in _statuses(client, workflow_id).values()


def test_a_group_of_a_proposal_is_left_out(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    proposal_id = _propose(client, workflow_id)
    shown = torc("failures", "proposal", proposal_id, "-f", "json").json
    assert sum(entry["count"] for entry in shown["entries"]) == shown["job_count"]
    signature = shown["entries"][0]["signature"]
    assert "names no group" in torc("failures", "approve", proposal_id, "--yes", "--leave-out", "nosuch", code=2).err
    printed = torc("failures", "approve", proposal_id, "--yes", "--leave-out", signature[:8], code=2)
    assert "no job of the proposal is left" in printed.err
    torc("failures", "approve", proposal_id, "--yes", "--only-group", signature[:8])
    assert "ready" in _statuses(client, workflow_id).values()


def test_a_decision_is_undone_while_nothing_ran(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    job_id = _job(client, workflow_id, "a")
    torc("failures", "classify", workflow_id, "--job", job_id, "--retry", "--reason", "more", "--memory", "2m")
    assert "say which decisions" in torc("failures", "undo", workflow_id, code=2).err
    assert "--yes" in torc("failures", "undo", workflow_id, "--job", job_id, code=2).err
    printed = torc("failures", "undo", workflow_id, "--job", job_id, "--yes", "--reason", "too early")
    assert printed.out.startswith("1 decision undone, 0 left as they are.")
    assert _statuses(client, workflow_id)["a"] == "pending_failed"
    [decision] = torc("failures", "decisions", workflow_id, "-f", "json").json
    assert (decision["outcome"], decision["undone_by"]["name"]) == ("undone", "tester")
    assert "no decision to undo" in torc("failures", "undo", workflow_id, "--all", "--yes", code=1).err


def test_a_proposal_is_rejected_with_a_reason(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    proposal_id = _propose(client, workflow_id)
    torc("failures", "reject", proposal_id, "--reason", "the storage is fine")
    [listed] = torc("failures", "proposals", workflow_id, "-f", "json").json
    assert (listed["status"], listed["decision_reason"]) == ("rejected", "the storage is fine")
    assert "pending_failed" in _statuses(client, workflow_id).values()


def test_a_person_can_propose_too(torc: Torc, client: TorcClient, workflow_id: int) -> None:
    words = ["--signature", _signature(client, workflow_id), "--retry", "--reason", "perhaps", "--propose"]
    proposal = torc("failures", "classify", workflow_id, *words, "-f", "json").json
    assert (proposal["status"], proposal["jobs_to_retry"]) == ("open", 2)
    assert "ready" not in _statuses(client, workflow_id).values()


@pytest.mark.parametrize(
    ("words", "printed", "code"),
    [
        (["--retry"], "name what to decide about", 2),
        (["--signature", "SIG"], "--retry or --fail", 2),
        (["--signature", "SIG", "--retry", "--memory", "much"], "'much' is not an amount of memory", 2),
        (["--signature", "SIG", "--fail", "--memory", "1g"], "go with --retry", 2),
        (["--signature", "SIG", "--retry", "--dry-run", "--propose"], "leave one of them out", 2),
        (["--signature", "zzz", "--retry"], "no pending_failed with the signature zzz", 1),
        (["--job", "999999", "--retry"], "no job 999999", 1),
    ],
)
def test_mistakes_are_reported_and_change_nothing(
    torc: Torc, client: TorcClient, workflow_id: int, words: list[str], printed: str, code: int
) -> None:
    named = [_signature(client, workflow_id) if word == "SIG" else word for word in words]
    answer = torc("failures", "classify", workflow_id, *named, "--reason", "x", code=code)
    assert printed in answer.err
    assert set(_statuses(client, workflow_id).values()) == {"pending_failed", "blocked"}


def test_what_a_job_wrote_cannot_reach_into_the_terminal(
    torc: Torc, client: TorcClient, spec: SpecWriter, tmp_path: Path
) -> None:
    hostile = tmp_path / "hostile"
    hostile.write_bytes(b"\x1b]0;owned\x07\x1b[2Jfatal: \x9b31mbroken\n")
    found = torc("run", spec(jobs={"a": f"cat {os.fspath(hostile)} >&2; exit 1"}), "-f", "json", code=1).json
    listed = torc("failures", "list", found["workflow_id"]).out
    shown = torc("failures", "show", found["workflow_id"], "--signature", _signature(client, found["workflow_id"])).out
    assert "broken" in listed
    assert not {"\x1b", "\x07", "\x9b"} & set(listed + shown)


def test_lessons_are_shown_and_exported_without_credentials(torc: Torc, shared_client: TorcClient) -> None:
    jobs = [JobDraft(name=name, command="true") for name in ("one", "other")]
    made, [one, other] = make_workflow(shared_client, *jobs)
    text = "password=hunter2secret99\nthe quantum flange came loose"
    fail_over_http(shared_client, made, {one: text, other: text})
    torc("failures", "classify", made, "--job", one, "--fail", "--reason", "flange")
    assert "fail. A person decided fail before." in torc("failures", "list", made).err
    (lesson,) = torc("failures", "learn", made, "-f", "json").json
    assert (lesson["class"], lesson["action"], lesson["decided"]) == ("permanent", "fail", 1)
    exported = torc.folder / "lessons.yaml"
    assert "Wrote 1 lesson" in torc("failures", "learn", made, "--export", str(exported)).err
    assert "the quantum flange came loose" in exported.read_text()
    assert "hunter2secret99" not in exported.read_text()
    again = torc("failures", "learn", made, "--export", str(exported), code=2)
    assert "exists already" in again.err
