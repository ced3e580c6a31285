"""A person approves a proposal with changes."""

import pytest
from agent_scenes import NO_MODULE, REFUSED, IsolatedTorc, failed_scene

from torc_client.http import TorcClient


def test_a_proposal_is_approved_with_another_decision_on_a_job(torc: IsolatedTorc, shared_client: TorcClient) -> None:
    scene = failed_scene(shared_client, {"fetch": REFUSED, "model": NO_MODULE})
    torc("recover", scene.workflow_id, "--ai-recovery", "--ai-agent", "rules", "--dry-run")
    [proposal] = shared_client.failures.proposals(scene.workflow_id)
    edits = (f"{scene.ids['fetch']}=fail", f"{scene.ids['model']}=retry")
    torc(
        *("failures", "approve", proposal.id, "--yes", "--edit", edits[0], "--edit", edits[1]),
        *("--reason", "the module is there now", "--memory", "16g", "--runtime", "PT2H"),
    )
    assert scene.statuses() == {"fetch": "failed", "model": "ready"}
    kept = {decision.job_name: decision for decision in shared_client.failures.decisions(scene.workflow_id)}
    assert (kept["model"].action, kept["model"].reason) == ("retry", "the module is there now")
    assert (kept["model"].memory, kept["model"].runtime) == ("16g", "PT2H")
    assert (kept["fetch"].action, kept["fetch"].memory, kept["fetch"].actor.kind) == ("fail", None, "person")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--edit", "x=fail", "--reason", "y"), "'x=fail' is no edit"),
        (("--edit", "1=maybe", "--reason", "y"), "'1=maybe' is no edit"),
        (("--edit", "1=fail"), "--edit needs --reason"),
        (("--edit", "1=fail", "--edit", "1=retry", "--reason", "y"), "twice"),
        (("--edit", "1=fail", "--memory", "1g", "--reason", "y"), "go with --edit JOB=retry"),
        (("--memory", "1g"), "go with --edit JOB=retry"),
        (("--edit", "1=fail", "--reason", " "), "--reason needs 1 to 2000 characters"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(torc: IsolatedTorc, arguments: tuple[str, ...], words: str) -> None:
    assert words in torc("failures", "approve", 1, *arguments, code=2).err
