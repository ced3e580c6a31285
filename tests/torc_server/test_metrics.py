"""Numbers for monitoring: counts over all workflows, for callers who may look."""

import httpx
from helpers import ServerProcess
from recovery_scenes import fail_all, job, make_scene
from triage import REFUSED

from torc_client.http import TorcClient
from torc_core.evidence.record import Evidence


def test_metrics_count_jobs_workflows_runners_and_name_nobody(server: ServerProcess, client: TorcClient) -> None:
    workflow_id, job_ids = make_scene(client, job("secret_job"), job("other"), use_pending_failed=True)
    fail_all(client, workflow_id, {job_ids[0]: Evidence(return_code=1, stderr_tail=REFUSED), job_ids[1]: None})
    answer = httpx.get(f"{server.root_url}/metrics", headers=server.headers, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        'torc_jobs{status="pending_failed"} 1.0',
        'torc_jobs{status="completed"} 1.0',
        'torc_jobs{status="running"} 0.0',
        'torc_workflows{state="open"} 1.0',
        "torc_active_runners 0.0",
        "torc_open_proposals 0.0",
    ):
        assert line in answer.text.splitlines()
    for name in ("secret_job", "scene", "tester"):
        assert name not in answer.text


def test_unknown_callers_get_no_metrics(server: ServerProcess) -> None:
    assert httpx.get(f"{server.root_url}/metrics", trust_env=False).status_code == 401
