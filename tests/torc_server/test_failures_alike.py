"""What was decided about one cause is suggested for others that read alike, and at once for the same one elsewhere."""

from pathlib import Path

from services_bench import job
from triage import PERSON, REQUIREMENTS, STRANGE, decide, entry_for, fail, failed_run, group_of

from torc_cli.render.failure_text import record_text, why_line
from torc_core.triage.history import SURE_ALIKE
from torc_core.triage.similar import Lesson, find_alike

ALIKE = "the flux capacitor in bay seven misaligned itself"
OTHER = "the printer on the second floor has no paper"


def test_a_cause_that_reads_like_a_decided_one_gets_its_action_with_the_record(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE})
    decide(run, entry_for(run, "a", "fail"), actor=PERSON)
    later = run.bench.workflow([job(name, resource_requirements=0) for name in ("b", "c")], **REQUIREMENTS)
    later.begin("b", "c")
    fail(later, "b", ALIKE)
    fail(later, "c", OTHER)
    group = group_of(later, "b")
    assert group.suggestion is not None
    assert (group.suggestion.rule, group.suggestion.action) == ("learned-alike", "fail")
    assert group.suggestion.confidence <= SURE_ALIKE
    assert group.suggestion.reason == "Of failures that read alike: a person decided fail before."
    assert group.record.alike == 1
    assert record_text(group.record) == "none, but on 1 cause that read alike"
    assert group_of(later, "c").suggestion is None
    assert group_of(later, "c").record.alike == 0


def test_a_decided_signature_is_suggested_at_once_in_another_workflow_with_the_count(tmp_path: Path) -> None:
    run = failed_run(tmp_path, {"a": STRANGE})
    decide(run, entry_for(run, "a", "fail"), actor=PERSON)
    later = run.bench.workflow([job("b", resource_requirements=0)], **REQUIREMENTS)
    later.begin("b")
    fail(later, "b", STRANGE)
    group = group_of(later, "b")
    assert group.suggestion is not None
    assert group.suggestion.rule == "learned-elsewhere"
    line = why_line(group)
    assert line is not None
    assert line.endswith("Before: retried 0 times (0 succeeded, 0 failed again), given up 1 time.")


def test_few_shared_words_are_not_alike() -> None:
    from torc_core.triage.history import History

    lesson = Lesson("s", STRANGE, History(failed=1, people_failed=1))
    assert find_alike(ALIKE, [lesson], own_signature="x").causes == 1
    assert find_alike(ALIKE, [lesson], own_signature="s").causes == 0
    assert find_alike("the flux is low", [lesson], own_signature="x").causes == 0
    assert find_alike("misaligned itself", [lesson], own_signature="x").causes == 0
