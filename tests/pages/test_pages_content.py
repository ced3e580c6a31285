"""Pages as they are served: what a viewer sees, proposals by entry, the log of decisions as a file, sizes."""

import csv
import io
import re
from collections.abc import Iterator

import httpx
import pytest
from helpers import ServerProcess, make_workflow
from triage import AGENT, BUG, REFUSED, STRANGE, fail_over_http

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.failures import Classification, ClassifyRequest

HTML = {"Accept": "text/html"}
FORMULA = '=HYPERLINK("https://evil.example")'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(database=tmp_path_factory.mktemp("site") / "torc.db").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(site: ServerProcess) -> Iterator[TorcClient]:
    with site.client() as found:
        yield found


@pytest.fixture
def http(site: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=site.root_url, headers={**HTML, **site.headers}, trust_env=False, follow_redirects=True, timeout=60
    ) as found:
        yield found


def failing(client: TorcClient, *texts: str) -> tuple[int, list[int]]:
    workflow_id, ids = make_workflow(client, *(JobDraft(name=f"j{n}", command="false") for n in range(len(texts))))
    fail_over_http(client, workflow_id, dict(zip(ids, texts, strict=True)))
    return workflow_id, ids


def statuses(client: TorcClient, workflow_id: int) -> list[str]:
    return [str(job.status) for job in client.jobs.list_all(workflow_id=workflow_id)]


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the form that reviews."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


def entry_of(page: str, text: str) -> str:
    """The number of the entry whose cause holds the text."""
    [number] = re.findall(rf'id="cause-(\d+)">[^<]*{text}', page)
    return str(number)


def apply(http: httpx.Client, workflow_id: int, form: dict[str, str]) -> httpx.Response:
    summary = http.post(f"/workflows/{workflow_id}/failures/summary", data=form)
    assert summary.status_code == 200, summary.text
    [wanted] = re.findall(r'name="wanted" value="([^"]*)"', summary.text)
    kept = wanted.replace("&#34;", '"').replace("&amp;", "&").replace("&#39;", "'")
    return http.post(f"/workflows/{workflow_id}/failures/apply", data={"wanted": kept})


def test_choices_are_applied_with_amounts_and_reason(client: TorcClient, http: httpx.Client) -> None:
    workflow_id, ids = failing(client, REFUSED, BUG, STRANGE)
    page = http.get(f"/workflows/{workflow_id}/failures").text
    refused, strange = entry_of(page, "Connection refused"), entry_of(page, "flux capacitor")
    choices = {
        f"choice.{refused}": "retry",
        f"memory.{refused}": "2m",
        f"reason.{refused}": "the server is back",
        f"choice.{strange}": "fail",
        f"reason.{strange}": FORMULA,
    }
    shown = apply(http, workflow_id, fields(page) | choices)
    assert "Done: 2 jobs decided." in shown.text
    assert [str(client.jobs.get(job_id).status) for job_id in ids] == ["ready", "pending_failed", "failed"]
    retried, failed = sorted(client.failures.decisions(workflow_id), key=lambda each: each.job_id)
    assert (retried.memory, retried.reason) == ("2m", "the server is back")
    assert failed.reason == FORMULA


def test_wrong_amounts_are_refused_with_the_place_and_nothing_changes(client: TorcClient, http: httpx.Client) -> None:
    workflow_id, _ = failing(client, REFUSED)
    page = http.get(f"/workflows/{workflow_id}/failures").text
    choices = {"choice.0": "retry", "memory.0": "lots"}
    refused = http.post(f"/workflows/{workflow_id}/failures/summary", data=fields(page) | choices)
    assert refused.status_code == 422
    assert "lots" in refused.text
    assert statuses(client, workflow_id) == ["pending_failed"]


@pytest.mark.parametrize("wanted", ["", "[]", "{}", "x", '{"as_of": -1}', '{"as_of": 1, "actor": {"kind": "rules"}}'])
def test_what_is_no_summary_is_refused(client: TorcClient, http: httpx.Client, wanted: str) -> None:
    workflow_id, _ = failing(client, REFUSED)
    answer = http.post(f"/workflows/{workflow_id}/failures/apply", data={"wanted": wanted})
    assert answer.status_code in (200, 422)
    assert statuses(client, workflow_id) == ["pending_failed"]


def test_a_proposal_is_reviewed_by_entry(client: TorcClient, http: httpx.Client) -> None:
    workflow_id, ids = failing(client, REFUSED, REFUSED, BUG)
    wanted = [Classification(job_id=job_id, action="retry", reason="try again") for job_id in ids]
    proposal = client.failures.propose(workflow_id, ClassifyRequest(classifications=wanted, actor=AGENT))
    assert f"Proposal {proposal.id}" in http.get(f"/workflows/{workflow_id}/proposals").text
    page = http.get(f"/workflows/{workflow_id}/proposals/{proposal.id}").text
    refused, bug = entry_of(page, "Connection refused"), entry_of(page, "KeyError")
    apply(http, workflow_id, fields(page) | {f"choice.{refused}": "accept", f"choice.{bug}": "leave_out"})
    assert [str(client.jobs.get(job_id).status) for job_id in ids] == ["ready", "ready", "pending_failed"]
    assert {each.actor.kind for each in client.failures.decisions(workflow_id)} == {"agent"}


def test_a_proposal_is_rejected_with_a_reason(client: TorcClient, http: httpx.Client) -> None:
    workflow_id, ids = failing(client, REFUSED)
    wanted = [Classification(job_id=ids[0], action="retry", reason="try again")]
    proposal = client.failures.propose(workflow_id, ClassifyRequest(classifications=wanted, actor=AGENT))
    path = f"/workflows/{workflow_id}/proposals/{proposal.id}"
    assert http.post(f"{path}/reject", data={"note": " "}).status_code == 422
    shown = http.post(f"{path}/reject", data={"note": "the server is gone"})
    assert "the server is gone" in shown.text
    assert statuses(client, workflow_id) == ["pending_failed"]


def test_the_log_of_decisions_is_filtered_and_exported(client: TorcClient, http: httpx.Client) -> None:
    workflow_id, _ = failing(client, REFUSED, STRANGE)
    page = http.get(f"/workflows/{workflow_id}/failures").text
    strange = entry_of(page, "flux capacitor")
    apply(http, workflow_id, fields(page) | {f"choice.{strange}": "fail", f"reason.{strange}": FORMULA})
    own = f"/workflows/{workflow_id}/decisions"
    for query, count in (("", 1), ("?action=retry", 0), ("?outcome=not_run", 1), ("?text=hyper", 1), ("?text=zzz", 0)):
        assert len(http.get(f"{own}.json{query}").json()) == count, query
        assert f"<p>{count} decision" in http.get(f"{own}{query}").text, query
    assert http.get(f"{own}?action=&outcome=&text=&page=1").status_code == 200
    assert http.get(f"/workflows/{workflow_id}/jobs?status=&text=").status_code == 200
    exported = http.get(f"{own}.csv")
    assert exported.headers["Content-Disposition"].startswith("attachment")
    [row] = csv.DictReader(io.StringIO(exported.text))
    assert row["reason"] == f"'{FORMULA}"  # a spreadsheet must not carry it out
    assert row["outcome"] == "not_run"


def test_a_viewer_sees_everything_and_has_no_button(client: TorcClient, site: ServerProcess) -> None:
    workflow_id, ids = failing(client, REFUSED)
    made = httpx.post(f"{site.url}/tokens", json={"name": "v", "scope": "viewer"}, headers=site.headers).json()
    with httpx.Client(
        base_url=site.root_url, headers={**HTML, "Authorization": f"Bearer {made['token']}"}, trust_env=False
    ) as viewer:
        for path in ("", "/jobs", f"/jobs/{ids[0]}", "/failures", "/proposals", "/decisions", "/runners", "/graph"):
            page = viewer.get(f"/workflows/{workflow_id}{path}")
            assert page.status_code == 200
            assert 'method="post"' not in page.text
            buttons = set(re.findall(r"<button[^>]*>([^<]*)", page.text))
            assert buttons <= {"Show"}, path
        assert "Connection refused" in viewer.get(f"/workflows/{workflow_id}/failures").text
        for path in ("failures/summary", "failures/apply", "decisions/undo"):
            assert viewer.post(f"/workflows/{workflow_id}/{path}").status_code == 403
    assert statuses(client, workflow_id) == ["pending_failed"]


def test_a_page_of_many_failures_stays_small(client: TorcClient, http: httpx.Client) -> None:
    def words(number: int) -> str:
        return "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}") * 40

    workflow_id, _ = failing(client, *(f"ValueError: <{words(number)}> {'&' * 200}" for number in range(120)))
    for path in ("", "/failures", "/failures?page=2", "/failures?status=all", "/jobs"):
        assert len(http.get(f"/workflows/{workflow_id}{path}").content) < 200_000, path
