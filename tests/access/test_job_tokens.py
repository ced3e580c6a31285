"""The token of a run's jobs: what it opens, how long it is good, and who gets none."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import recovery_scenes as scenes
from helpers import ServerProcess, make_runner, make_workflow, wait_until
from running import Ran, StartRunner, create, job, run, start_runner, until_running

from runner.base.progress import Notice
from torc_client.credentials import Credentials
from torc_client.event_stream import stream_events
from torc_client.http import TorcClient
from torc_client.transport import Transport
from torc_core.api.access import AccessGroupModel
from torc_core.api.events import EventModel
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.api.files import FileModel, UserDataModel
from torc_core.api.jobs import JobModel, ReclaimRequest
from torc_core.api.spawning import SpawnedJob, SpawnJobsRequest
from torc_core.api.tokens import TokenRequest
from torc_core.api.workflows import WorkflowModel
from torc_core.credentials import TOKEN_VARIABLE
from torc_core.errors import ForbiddenError, StateConflictError, UnauthorizedError
from torc_server.db.engine import Database
from torc_server.db.unit_of_work import read_unit
from torc_server.services.access.tokens import find_principal, hash_token
from torc_server.settings import ServiceSettings, utc_now

__all__ = ["start_runner"]

PERSON = Actor(kind="person", name="x")


def holder_of(client: TorcClient, token: str | None) -> TorcClient:
    return TorcClient(Transport(client.url, credentials=Credentials(token=token)))


def printed_token(ran: Ran, name: str = "job1", ending: str = "o") -> str | None:
    """The token that the job printed with its environment, None where it had none."""
    return token_in(ran.log(name, ending))


def token_in(text: str) -> str | None:
    lines = [line for line in text.splitlines() if line.startswith(f"{TOKEN_VARIABLE}=")]
    return lines[0].partition("=")[2] if lines else None


def test_what_a_job_prints_opens_nothing_once_its_run_is_over(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, "env"), tmp_path / "out")
    token = printed_token(ran)
    assert token
    own = client.transport.credentials
    assert own is not None
    assert token != own.token
    assert str(own.token) not in ran.log("job1")
    with holder_of(client, token) as holder, pytest.raises(UnauthorizedError):
        holder.jobs.list_all(workflow_id=ran.workflow_id)


def test_scripts_and_commands_of_actions_get_the_token_of_the_run_too(client: TorcClient, tmp_path: Path) -> None:
    handler = [{"exit_codes": [9], "recovery_script": "env > script.env"}]
    flaky = job("flaky", "[ $TORC_ATTEMPT_ID -gt 1 ] || exit 9", failure_handler=0)
    action = {"trigger_type": "on_workflow_start", "action_type": "run_commands"}
    draft = {"actions": [{**action, "action_config": {"commands": ["env > action.env"]}}]}
    ran = run(client, create(client, flaky, rules=handler, draft=draft), tmp_path / "out")
    texts = [Path("script.env").read_text(), (ran.output_dir / "action.env").read_text()]
    Path("script.env").unlink()
    tokens = {token_in(text) for text in texts}
    assert len(tokens) == 1
    assert None not in tokens
    own = client.transport.credentials
    assert own is not None
    assert all(str(own.token) not in text for text in texts)


def test_with_the_token_of_its_run_a_job_contributes_to_its_workflow_and_does_nothing_else(client: TorcClient) -> None:
    workflow_id, [job_id, _] = scenes.make_scene(client, scenes.job("a"), scenes.job("b"), use_pending_failed=True)
    other_id, [other_job] = scenes.make_scene(client, scenes.job("a"))
    scenes.fail_all(client, workflow_id, {job_id: scenes.BROKEN})
    node_id = make_runner(client, workflow_id)
    token = client.access.create_job_token(node_id)
    assert (token.workflow_id, token.compute_node_id, token.scope) == (workflow_id, node_id, "operator")
    vote = Classification(job_id=job_id, action="retry", reason="please")
    with holder_of(client, token.token) as holder:
        assert [found.name for found in holder.jobs.list_all(workflow_id=workflow_id)] == ["a", "b"]
        assert [found.id for found in holder.workflows.list_all()] == [workflow_id]
        assert holder.results.list_all(workflow_id=workflow_id)
        datum = holder.user_data.create(UserDataModel(workflow_id=workflow_id, name="d", data={"x": 1}))
        holder.user_data.update(datum.id or 0, datum.model_copy(update={"data": {"x": 2}}))
        assert holder.user_data.get(datum.id or 0).data == {"x": 2}
        holder.files.create(FileModel(workflow_id=workflow_id, name="f", path="f"))
        holder.events.create(EventModel(workflow_id=workflow_id, timestamp=1, data={"category": "x"}))
        for refused in (
            lambda: holder.failures.classify(workflow_id, ClassifyRequest(classifications=[vote], actor=PERSON)),
            lambda: holder.failures.propose(workflow_id, ClassifyRequest(classifications=[vote], actor=PERSON)),
            lambda: holder.workflows.create(WorkflowModel(name="more", user="x")),
            lambda: holder.workflows.delete(workflow_id),
            lambda: holder.jobs.create(JobModel(workflow_id=workflow_id, name="x", command="true")),
            lambda: holder.jobs.delete(job_id),
            lambda: holder.claim_next_jobs(workflow_id, limit=1),
            lambda: holder.cancel_workflow(workflow_id),
            lambda: list(stream_events(holder.transport, workflow_id, recovers=True, duration_s=1)),
            lambda: holder.access.create_token(TokenRequest(name="more", scope="viewer")),
            lambda: holder.access.create_job_token(node_id),
            lambda: holder.access.tokens(),
            lambda: holder.access.create_group(AccessGroupModel(name="g").name),
            lambda: holder.workflow_status(other_id),
            lambda: holder.jobs.get(other_job),
            lambda: holder.user_data.create(UserDataModel(workflow_id=other_id, name="d")),
            lambda: holder.files.list_all(workflow_id=other_id),
        ):
            with pytest.raises(ForbiddenError):
                refused()


def test_a_running_job_spawns_jobs_with_the_token_of_its_run(client: TorcClient, tmp_path: Path) -> None:
    spawn = SpawnJobsRequest(jobs=[SpawnedJob(name="more", command="true")]).model_dump_json(exclude_none=True)
    command = (
        f"curl -fsS -X POST $TORC_API_URL/jobs/$TORC_JOB_ID/spawn_jobs -H 'Content-Type: application/json' "
        f"-H \"Authorization: Bearer $TORC_API_TOKEN\" -d '{spawn}'"
    )
    ran = run(client, create(client, command), tmp_path / "out")
    assert ran.statuses() == {"job1": "completed", "more": "completed"}


def test_a_token_ends_with_its_runner_whether_it_signs_off_or_is_reclaimed(client: TorcClient) -> None:
    workflow_id, _ = make_workflow(client)
    for reclaims in (True, False):
        node_id = make_runner(client, workflow_id)
        with holder_of(client, client.access.create_job_token(node_id).token) as holder:
            assert holder.workflow_status(workflow_id)
            if reclaims:
                request = ReclaimRequest(compute_node_ids=[node_id], requeue=False, reason="gone")
                client.reclaim_jobs(workflow_id, request)
            else:
                ended = client.compute_nodes.get(node_id).model_copy(update={"is_active": False})
                client.compute_nodes.update(node_id, ended)
            with pytest.raises(UnauthorizedError):
                holder.workflow_status(workflow_id)
            again = client.compute_nodes.get(node_id).model_copy(update={"is_active": True})
            if not reclaims:
                client.compute_nodes.update(node_id, again)
            with pytest.raises(UnauthorizedError):
                holder.workflow_status(workflow_id)
        if reclaims:
            with pytest.raises(StateConflictError):
                client.access.create_job_token(node_id)
    assert client.access.tokens() == []


def test_a_token_stays_good_while_its_runner_is_heard_and_no_longer(server: ServerProcess, client: TorcClient) -> None:
    workflow_id, _ = make_workflow(client)
    node_id = make_runner(client, workflow_id)
    token = str(client.access.create_job_token(node_id).token)
    client.heartbeat(node_id)
    database = Database(server.database)
    try:
        for minutes, is_good in ((50, True), (70, False)):
            moment = utc_now() + timedelta(minutes=minutes)
            with read_unit(database, ServiceSettings(clock=partial(_same, moment))) as uow:
                assert (find_principal(uow, hash_token(token)) is not None) == is_good
    finally:
        database.close()
    # two days asleep, and back: what its jobs hold is good again with the next heartbeat
    with closing(sqlite3.connect(server.database)) as connection, connection:
        connection.execute("UPDATE compute_node SET last_heartbeat = '2020-01-01T00:00:00.000Z'")
    client.access.create_token(TokenRequest(name="another", scope="viewer"))
    client.heartbeat(node_id)
    with holder_of(client, token) as holder:
        assert holder.workflow_status(workflow_id)


def test_an_orphans_token_is_worthless_once_the_next_run_begins(
    server: ServerProcess, client: TorcClient, start_runner: StartRunner, tmp_path: Path
) -> None:
    workflow_id = create(client, "[ $TORC_ATTEMPT_ID -gt 1 ] || { env; sleep 600; }")
    dying = start_runner(workflow_id, tmp_path / "out")
    log = tmp_path / "out" / "job_stdio" / f"job_wf{workflow_id}_j1_r1_a1.o"
    until_running(client, workflow_id, 1)
    token = wait_until(lambda: log.exists() and token_in(log.read_text()), "the job printed its environment")
    with holder_of(client, str(token)) as holder:
        assert holder.workflow_status(workflow_id)
        dying.kill()
        ran = run(client, workflow_id, tmp_path / "out")
        assert ran.statuses() == {"job1": "completed"}
        with pytest.raises(UnauthorizedError):
            holder.workflow_status(workflow_id)


@pytest.mark.parametrize("by_workflow", [True, False])
def test_a_workflow_or_a_run_may_want_no_token_for_its_jobs(
    client: TorcClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_workflow: bool
) -> None:
    # those of whoever starts the runner must not come along
    monkeypatch.setenv("TORC_API_TOKEN", "of the user")
    monkeypatch.setenv("TORC_PASSWORD", "of the user")
    config = {"execution_config": {"job_token": "none"}} if by_workflow else {}
    options = {} if by_workflow else {"job_token": "none"}
    ran = run(client, create(client, "env", **config), tmp_path / "out", **options)
    assert printed_token(ran) is None
    assert "of the user" not in ran.log("job1")


def test_jobs_get_the_users_own_token_only_where_the_user_says_so(client: TorcClient, tmp_path: Path) -> None:
    ran = run(client, create(client, "env"), tmp_path / "out", job_token="full")  # noqa: S106
    own = client.transport.credentials
    assert own is not None
    assert printed_token(ran) == own.token


def test_no_evidence_holds_a_token(client: TorcClient, tmp_path: Path) -> None:
    own = client.transport.credentials
    assert own is not None
    for choice in ("run", "full"):
        workflow_id = create(client, "env >&2; exit 3", use_pending_failed=True)
        ran = run(client, workflow_id, tmp_path / "out", job_token=choice)
        token = printed_token(ran, ending="e")
        assert token
        text = client.job_evidence(ran.jobs()["job1"].id or 0).model_dump_json()
        assert "TORC_API_TOKEN=[redacted]" in text
        assert token not in text


def test_jobs_get_no_token_of_a_server_that_makes_none_and_the_run_warns(client: TorcClient, tmp_path: Path) -> None:
    with TorcClient(ToOlderServer(client.url, credentials=client.transport.credentials)) as older:
        ran = run(older, create(client, "env"), tmp_path / "out")
        assert printed_token(ran) is None
        own = client.transport.credentials
        assert own is not None
        assert str(own.token) not in ran.log("job1")
        [warning] = [
            str(event.text) for event in ran.events if isinstance(event, Notice) and "token" in str(event.text)
        ]
        assert "--job-token full" in warning


class ToOlderServer(Transport):
    """Leads to a server without the route that makes tokens for jobs."""

    def request(self, method: str, path: str, **options: Any) -> bytes:
        return super().request(method, path.replace("/job_token", "/no_such_route"), **options)


def _same(moment: datetime) -> datetime:
    return moment
