"""The story of a review in a real browser: keys, summary, undo, live news, hostile text, 10,000 failures."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import WAIT_MS, Visit, chromium, needs_chromium, visit
from helpers import ServerProcess, ended, make_runner, make_workflow
from playwright.sync_api import Browser, expect
from triage import fail_over_http

from torc_client.http import TorcClient
from torc_core.api.drafts import JobDraft
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.api.nodes import ComputeNodeModel

pytestmark = needs_chromium

REFUSED = "connect to db7.example port 5432 failed: Connection refused\n"
BUG = "Traceback (most recent call last):\n  File \"run.py\", line 3\nValueError: unknown model 'tiny'\n"
UNKNOWN = "the moon is in the seventh house\n"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>'\"`{{7*7}}${7*7} \u202e\u200b\x1b[31m" + "A" * 3000 + "\n"
)
PICTURES = os.environ.get("TORC_PICTURES")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    environment = {"LOGNAME": "ann"}  # whose name the pages show
    server = ServerProcess(database=tmp_path_factory.mktemp("site") / "torc.db", environment=environment).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(site: ServerProcess) -> Iterator[TorcClient]:
    with site.client() as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser, site: ServerProcess) -> Iterator[Visit]:
    """A window that is logged in, at the list of workflows."""
    with visit(browser, base_url=site.root_url) as found:
        log_in(found, site.token)
        yield found
        assert found.problems == []
        assert {url for url in found.foreign if not url.startswith(site.root_url)} == set()


def log_in(window: Visit, token: str) -> None:
    window.page.goto("/login")
    window.page.get_by_label("Token or password").fill(token)
    window.page.get_by_role("button", name="Log in").click()
    window.page.wait_for_url(lambda url: "/login" not in url)


def failing(client: TorcClient, texts: list[str], *, name: str = "job") -> tuple[int, list[int]]:
    """A workflow whose jobs ended so, and one that waits for the first."""
    jobs = [JobDraft(name=f"{name}{number}", command="false") for number in range(len(texts))]
    workflow_id, ids = make_workflow(client, *jobs, JobDraft(name="last", command="true", depends_on=[0]))
    fail_over_http(client, workflow_id, dict(zip(ids, texts, strict=False)))
    return workflow_id, ids


def picture(window: Visit, name: str) -> None:
    """Keeps a picture of the window for the documentation, where TORC_PICTURES names a folder."""
    if PICTURES is not None:
        window.page.screenshot(path=Path(PICTURES) / f"browser-{name}.png")


def test_from_a_failing_workflow_to_an_approved_retry_and_back_by_keys_alone(client: TorcClient, window: Visit) -> None:
    workflow_id, ids = failing(client, [REFUSED, REFUSED, BUG, UNKNOWN], name="simulate")
    page = window.page
    page.goto(f"/workflows/{workflow_id}")
    expect(page.locator("#graph")).to_contain_text("simulate*")
    picture(window, "workflow")
    page.get_by_role("link", name="Review failures").click()
    expect(page.locator(".entry")).to_have_count(3)
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("r")
    page.keyboard.press("x")
    page.keyboard.press("u")
    page.keyboard.press("f")
    page.keyboard.press("e")
    expect(page.locator(".entry:focus-within .edit")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    picture(window, "review")
    choices = page.locator(".entry").evaluate_all("all => all.map(one => one.dataset.choice)")
    assert sorted(choices) == ["", "fail", "retry"]
    page.keyboard.press("/")
    page.keyboard.type("moon")
    expect(page.locator("#shown")).to_have_text("1 of 3 shown")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Apply")).to_be_focused()
    picture(window, "summary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("decided")
    statuses = sorted(str(job.status) for job in client.jobs.list_all(workflow_id=workflow_id))
    assert statuses.count("pending_failed") < 4
    decisions = client.failures.decisions(workflow_id)
    assert {decision.actor.kind for decision in decisions} == {"person"}
    page.keyboard.press("u")
    expect(page.locator("#undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Undone")
    assert [str(client.jobs.get(job_id).status) for job_id in ids[:4]] == ["pending_failed"] * 4
    picture(window, "decisions")


def test_the_page_of_a_workflow_follows_it(client: TorcClient, window: Visit) -> None:
    workflow_id, ids = make_workflow(client, JobDraft(name="a", command="true"))
    runner_id = make_runner(client, workflow_id)
    window.page.goto(f"/workflows/{workflow_id}")
    expect(window.page.locator("html")).to_have_attribute("data-live", "on")
    client.claim_next_jobs(workflow_id, limit=1, compute_node_id=runner_id)
    client.complete_jobs(workflow_id, [ended(ids[0], workflow_id=workflow_id, runner_id=runner_id)])
    expect(window.page.locator(".legend")).to_contain_text("completed", timeout=WAIT_MS)
    expect(window.page.locator("#live")).to_contain_text("complete")


def test_hostile_text_in_every_field_runs_nothing_and_keeps_the_layout(client: TorcClient, window: Visit) -> None:
    workflow_id, ids = failing(client, [HOSTILE, REFUSED], name=HOSTILE.strip()[:120])
    hostile = HOSTILE.strip()
    workflow = client.workflows.get(workflow_id)
    client.workflows.update(workflow_id, workflow.model_copy(update={"name": hostile, "user": hostile[:200]}))
    client.compute_nodes.create(
        ComputeNodeModel(
            workflow_id=workflow_id, hostname=hostile[:200], pid=1, start_time=hostile[:100], num_cpus=1, num_gpus=0,
            num_nodes=1, memory_gb=1, compute_node_type=hostile[:50], labels=None,
        )
    )  # fmt: skip
    actor = Actor(kind="agent", name=hostile[:200], version=hostile[:100], user=hostile[:200])
    entries = [Classification(job_id=ids[0], action="retry", reason=hostile[:2000])]
    proposal = client.failures.propose(workflow_id, ClassifyRequest(classifications=entries, actor=actor))
    decided = [Classification(job_id=ids[1], action="fail", reason=hostile[:2000])]
    client.failures.classify(workflow_id, ClassifyRequest(classifications=decided, actor=actor))
    paths = ["", "/jobs", f"/jobs/{ids[0]}", f"/jobs/{ids[1]}", "/failures", "/failures?status=all", "/decisions"]
    for path in (*paths, "/graph", "/proposals", f"/proposals/{proposal.id}", "/runners"):
        window.page.goto(f"/workflows/{workflow_id}{path}")
        for details in window.page.locator("details.evidence summary").all():
            details.click()
            expect(window.page.locator("details.evidence[open] pre").first).to_be_visible()
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert window.page.locator("main img, main script").count() == 0
        assert "49" not in re.findall(r"\b49\b", window.page.locator("main").inner_text())
    window.page.goto("/")
    assert window.page.locator("main script").count() == 0
    window.page.goto(f"/workflows/{workflow_id}/failures")
    window.page.keyboard.press("j")
    window.page.keyboard.press("A")
    window.page.get_by_role("button", name="Summary").click()
    expect(window.page.get_by_role("button", name="Apply")).to_be_visible()
    assert window.page.locator("main img, main script").count() == 0


def test_pages_have_no_violation_that_axe_knows_in_light_and_dark_and_fit_a_phone(
    client: TorcClient, browser: Browser, site: ServerProcess
) -> None:
    workflow_id, ids = failing(client, [REFUSED, BUG, UNKNOWN])
    paths = ["/", "/settings", "/login"]
    paths += [
        f"/workflows/{workflow_id}{path}"
        for path in ("", "/jobs", f"/jobs/{ids[0]}", "/failures", "/decisions", "/proposals", "/runners", "/graph")
    ]
    for scheme, size in (("light", (1280, 900)), ("dark", (390, 800))):
        with visit(
            browser,
            base_url=site.root_url,
            color_scheme=scheme,
            viewport={"width": size[0], "height": size[1]},
        ) as window:
            log_in(window, site.token)
            for path in paths:
                window.page.goto(path)
                assert window.violations() == [], f"{scheme} {path}"
                assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{scheme} {path}"
            window.page.goto(f"/workflows/{workflow_id}/failures")
            picture(window, f"review-{scheme}")


def test_a_link_in_a_mail_opens_the_page_of_who_is_logged_in(site: ServerProcess, window: Visit) -> None:
    port = site.root_url.rpartition(":")[2]
    window.page.goto(f"http://localhost:{port}/login")  # another site for the browser: its links are foreign
    window.page.evaluate("url => { location.href = url; }", f"{site.root_url}/settings")
    expect(window.page.get_by_role("heading", name="Settings")).to_be_visible()
    window.foreign.clear()


def test_ten_thousand_failures_of_300_causes_are_reviewed_in_a_few_clicks(client: TorcClient, window: Visit) -> None:
    causes = [_word(number) for number in range(300)]
    texts = [
        REFUSED.replace("db7", causes[number % 300])
        if number % 300 < 150
        else BUG.replace("tiny", causes[number % 300])
        for number in range(10_000)
    ]
    workflow_id, _ = failing(client, texts)
    page, clicks = window.page, 0
    page.goto(f"/workflows/{workflow_id}/failures")
    page.get_by_role("button", name="Accept all").click()
    page.get_by_role("button", name="Apply").click()
    clicks += 2
    expect(page.get_by_role("status").first).to_contain_text("decided")
    waiting = client.workflow_status(workflow_id).jobs_by_status.root
    assert sum(waiting.values()) == 10_001
    assert waiting.get("pending_failed", 0) < 10_000
    page.get_by_role("button", name="Undo").click()
    clicks += 1
    expect(page.get_by_role("status").first).to_contain_text("Undone")
    assert client.workflow_status(workflow_id).jobs_by_status.root["pending_failed"] == 10_000
    assert clicks < 20


def _word(number: int) -> str:
    """A word without digits, which signatures leave out."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}") * 2
