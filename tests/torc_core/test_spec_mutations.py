"""No file brings a traceback: what mutated files found, and a seeded sample of them."""

import random
from pathlib import Path

import pytest

from chaos.spec_files import fault_of, mutated, run_specs, sources
from torc_core.spec.build import check_workflow

JOBS = "jobs: [{name: a, command: x}]\n"


def errors(text: str) -> list[str]:
    return check_workflow(f"name: w\n{text}{JOBS}", file_name="w.yaml").errors


def test_two_wrong_items_of_one_list_are_two_problems() -> None:
    assert errors("failure_handlers: [{name: h, rules: [[11], {exit_codes: [9t]}]}]\n") == [
        "w.yaml:2:38: failure_handlers[0].rules[0]: expected a mapping, got [11]",
        "w.yaml:2:58: failure_handlers[0].rules[1].exit_codes[0]: expected a whole number, got '9t'",
    ]


def test_a_wrong_number_of_a_union_is_one_problem_at_its_key() -> None:
    for wrong, shown in (("soon", "'soon'"), ("[5]", "[5]")):
        assert errors(f"resource_monitor: {{sample_interval_seconds: {wrong}}}\n") == [
            f"w.yaml:2:20: resource_monitor.sample_interval_seconds: expected a number, got {shown}"
        ]


def test_advice_repeats_printable_text_alone() -> None:
    [error] = errors('access_groups: "\\u2028\\e[2J"\n')
    assert error.endswith("; write it as a list with one item")
    assert error.isprintable()


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_answered_with_files_and_lines(tmp_path: Path, seed: int) -> None:
    verdict = run_specs(tmp_path, random.Random(seed))
    assert verdict.problems == []
    assert verdict.counts["files"] == 100


def test_the_files_that_are_mutated_are_right_themselves() -> None:
    assert len(sources()) > 5
    assert any(mutated(random.Random(seed), sources()[0]) for seed in range(3))


def test_a_traceback_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.spec_files.check_workflow", lambda *_, **__: 1 / 0)
    assert "ZeroDivisionError" in (fault_of("jobs: []") or "")
