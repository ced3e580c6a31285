"""`torc failures review` on a terminal: group by group, with single keys, and nothing lost."""

from itertools import product

from pseudo_terminal import PseudoTerminal
from recovery_scenes import LARGE, fail_all, job, make_scene, statuses
from torc_process import Torc
from triage import BUG, REFUSED, STRANGE, fail_over_http

from torc_client.http import TorcClient
from torc_core.api.failures import Actor, Classification, ClassifyRequest
from torc_core.evidence.record import Evidence

AGENT = Actor(kind="agent", name="helper", version="1.0", user="tester")


def _scene(client: TorcClient, texts: dict[str, str]) -> tuple[int, dict[str, int]]:
    workflow_id, job_ids = make_scene(client, *(job(name) for name in texts), use_pending_failed=True)
    fail_all(
        client,
        workflow_id,
        {
            job_id: Evidence(return_code=1, stderr_tail=text)
            for job_id, text in zip(job_ids, texts.values(), strict=True)
        },
    )
    return workflow_id, dict(zip(texts, job_ids, strict=True))


def _text(cause: str) -> str:
    return f"Traceback (most recent call last):\n{cause}" if "Error" in cause else cause


def _review(torc: Torc, *arguments: object) -> PseudoTerminal:
    return PseudoTerminal(torc.argv("failures", "review", *arguments), folder=torc.folder, environment=torc.env())


def test_groups_are_accepted_changed_and_left_out_by_keys(torc: Torc, shared_client: TorcClient) -> None:
    client = shared_client
    workflow_id, ids = _scene(client, {"net": REFUSED, "bug": BUG, "odd": STRANGE})
    request = ClassifyRequest(
        classifications=[
            Classification(job_id=ids["bug"], action="retry", reason="forged\n\x1b[31mID Status", memory="16g")
        ],
        actor=AGENT,
    )
    proposal = client.failures.propose(workflow_id, request)
    with _review(torc, workflow_id) as terminal:
        terminal.expect("group 1 of 3, 0 of 3 decided")
        terminal.expect(f"retry (by agent helper 1.0 for tester, proposal {proposal.id})")
        terminal.expect("memory 8g -> 16g")
        terminal.expect("forged ID Status")
        terminal.expect("the rules suggest fail")
        terminal.press("e")
        terminal.answer("Action: retry, fail or nothing [retry]", "fail")
        terminal.answer("Reason", "a bug in our code")
        terminal.expect("group 2 of 3, 1 of 3 decided")
        terminal.expect("retry (by the rules)")
        terminal.press("r")
        terminal.expect("group 3 of 3, 2 of 3 decided")
        terminal.expect("nothing: decide yourself")
        terminal.press("\r")
        terminal.expect("Nobody proposes anything here")
        terminal.press("x")
        terminal.expect("3 of 3 decided")
        terminal.press("u")
        terminal.expect("Undone.")
        terminal.press("kk")
        terminal.expect("fail, a bug in our code")
        terminal.press("s")
        terminal.expect("retry      1 job in 1 group")
        terminal.expect("undecided  1 job in 1 group: they keep waiting")
        terminal.answer("Apply?", "y")
        terminal.expect("1 job sent back, 1 failed, 0 skipped.")
        terminal.expect("To undo it while nothing has run: ")
        assert terminal.await_end() == 0
    assert statuses(client, workflow_id) == {"net": "ready", "bug": "failed", "odd": "pending_failed"}
    [bug] = client.failures.decisions(workflow_id, job_id=ids["bug"])
    assert (bug.reason, bug.actor.kind, bug.proposal_id) == ("a bug in our code", "person", proposal.id)


def test_an_interrupted_review_changes_nothing_and_goes_on_where_it_was(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = _scene(shared_client, {"net": REFUSED, "bug": BUG, "odd": STRANGE})
    with _review(torc, workflow_id) as terminal:
        terminal.expect("group 1 of 3")
        terminal.press("r")
        terminal.expect("1 of 3 decided")
        terminal.press("f")
        terminal.expect("group 3 of 3, 2 of 3 decided")
        terminal.interrupt("s summary  q quit")
        terminal.expect("Nothing was changed. 2 choices are kept; go on with: ")
        assert terminal.await_end() == 0
    assert set(statuses(shared_client, workflow_id).values()) == {"pending_failed"}
    with _review(torc, workflow_id) as terminal:
        terminal.expect("group 3 of 3, 2 of 3 decided")
        terminal.expect("2 choices of an interrupted review are here")
        terminal.press("s")
        terminal.answer("Apply?", "y")
        terminal.expect("1 job sent back, 1 failed, 0 skipped.")
        assert terminal.await_end() == 0
    with _review(torc, workflow_id) as terminal:
        terminal.expect("group 1 of 1, 0 of 1 decided")


def test_ten_thousand_failures_in_three_hundred_groups_take_under_forty_keys(
    torc: Torc, shared_client: TorcClient
) -> None:
    client = shared_client
    words = ["alpha", "bravo", "delta", "gamma", "hotel", "india", "kilo", "lima", "mike", "oscar", "papa", "romeo"]
    nouns = ["valve", "mesh", "table", "grid", "solver", "kernel", "tensor", "matrix", "field", "tree", "queue", "pump"]
    causes = [
        *(f"KeyError: '{word}_{noun}'" for word, noun in product(words, nouns)),
        *(f"the {noun} of {word} misaligned itself" for word, noun in product(words, nouns)),
        *(f"ConnectionError: Connection refused to {word}" for word in words),
    ]
    assert len(causes) == 300
    workflow_id, job_ids = make_scene(
        client, *(job(f"job_{n}") for n in range(10_000)), use_pending_failed=True, requirements=(LARGE,)
    )
    fail_over_http(
        client,
        workflow_id,
        {job_id: _text(causes[place % 300]) for place, job_id in enumerate(job_ids)},
    )
    keys = 0

    def press(terminal: PseudoTerminal, typed: str) -> None:
        nonlocal keys
        keys += len(typed)
        terminal.press(typed)

    with _review(torc, workflow_id) as terminal:
        terminal.expect("0 of ")
        press(terminal, "a")
        terminal.expect("groups with a confidence of 0.80 or more accepted.")
        press(terminal, "/misaligned\n")
        terminal.expect("search 'misaligned'")
        press(terminal, "F")
        terminal.expect("groups chosen; u undoes it.")
        press(terminal, "/\n")
        terminal.expect("group 1 of 300, 300 of 300 decided")
        press(terminal, "R")
        terminal.expect("groups chosen; u undoes it.")
        press(terminal, "s")
        terminal.expect("Apply?")
        press(terminal, "y\n")
        terminal.expect("skipped.")
        assert terminal.await_end() == 0
    assert keys < 40
    assert "pending_failed" not in statuses(client, workflow_id).values()
    assert len(client.failures.decisions(workflow_id)) == 10_000


def test_a_review_without_a_terminal_lists_or_accepts_what_is_sure_with_yes(
    torc: Torc, shared_client: TorcClient
) -> None:
    workflow_id, _ = _scene(shared_client, {"net": REFUSED, "odd": STRANGE})
    refused = torc("failures", "review", workflow_id, code=2)
    assert "needs a terminal" in refused.err
    listed = torc("failures", "review", workflow_id, "-f", "json").json
    assert [entry["action"] for entry in listed["entries"]] == ["retry", None]
    unasked = torc("failures", "review", workflow_id, "--accept-from", "0.6", code=2)
    assert "no person to ask" in unasked.err
    assert set(statuses(shared_client, workflow_id).values()) == {"pending_failed"}
    done = torc("failures", "review", workflow_id, "--accept-from", "0.6", "--yes", "--reason", "it was down")
    assert "1 job sent back" in done.out
    assert statuses(shared_client, workflow_id) == {"net": "ready", "odd": "pending_failed"}
    assert "No group has a confidence" in torc("failures", "review", workflow_id, "--accept-from", "0.6", code=1).out


def test_groups_are_listed_by_class_action_and_text(torc: Torc, shared_client: TorcClient) -> None:
    workflow_id, _ = _scene(shared_client, {"net": REFUSED, "bug": BUG, "odd": STRANGE})

    def names(*options: object) -> list[str]:
        found = torc("failures", "list", workflow_id, *options, "-f", "json").json
        return [group["sample"]["job_name"] for group in found]

    assert names("--class", "transient") == ["net"]
    assert names("--action", "fail", "--min-confidence", "0.5") == ["bug"]
    assert names("--text", "flux") == ["odd"]
    assert names("--min-count", "2") == []
