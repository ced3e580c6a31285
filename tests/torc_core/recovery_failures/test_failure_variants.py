"""Variants of a failure, of another time, host, path and progress, keep their group, their class and their action."""

from collections import defaultdict
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus import CollectedFailure, load_failures
from benchmarks.groups import cluster, v_measure
from benchmarks.variants import variants
from torc_core.triage.assess import Assessment, assess

FAILURES = load_failures()


def _assess(failure: CollectedFailure, text: str) -> Assessment:
    return assess(failure.evidence().model_copy(update={"stderr_tail": text}))


@cache
def _plain(number: int) -> tuple[str, str | None, str | None]:
    assessed = _assess(FAILURES[number], FAILURES[number].text)
    suggestion = assessed.suggestion
    return assessed.signature, suggestion and suggestion.class_, suggestion and suggestion.action


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, len(FAILURES) - 1), st.integers(0, 10**6))
def test_a_variant_has_the_signature_the_class_and_the_action_of_its_text(number: int, seed: int) -> None:
    _, variant = variants(FAILURES[number].text, 2, seed=seed)
    assessed = _assess(FAILURES[number], variant)
    suggestion = assessed.suggestion
    assert (assessed.signature, suggestion and suggestion.class_, suggestion and suggestion.action) == _plain(number)


def test_no_group_holds_texts_that_call_for_different_actions() -> None:
    actions: defaultdict[str, set[str]] = defaultdict(set)
    for number, failure in enumerate(FAILURES):
        actions[_plain(number)[0]].add(failure.action)
    assert not [signature for signature, found in actions.items() if len(found) > 1]


def test_a_variant_differs_from_its_text_and_is_the_same_each_time() -> None:
    text = "2024-03-01 10:11:12 node017 job 4711 failed: /scratch/ab/x.csv: Stale file handle"
    first, *others = variants(text, 5)
    assert first == text
    assert len({text, *others}) == 5
    assert list(variants(text, 5)) == [first, *others]
    assert all("Stale file handle" in other for other in others)


@pytest.mark.parametrize(("pairs", "expected"), [
    ([(1, "a"), (1, "a"), (2, "b")], 1.0),
    ([(1, "a"), (2, "a")], 0.0),
    ([(1, "a"), (1, "b"), (2, "c"), (2, "c")], 0.8),
])  # fmt: skip
def test_the_v_measure_is_one_for_groups_that_are_the_causes(pairs: list[tuple[int, str]], expected: float) -> None:
    assert v_measure(pairs) == pytest.approx(expected, abs=0.01)


def test_the_groups_of_some_texts_are_measured() -> None:
    measured = cluster(FAILURES[:12], count=4)
    assert measured.texts == 12
    assert measured.split == measured.flipped == measured.mixed == 0
    assert measured.v_measure > 0.9


def test_a_title_takes_its_message_into_the_signature() -> None:
    def sign(message: str) -> str:
        text = f"--> FOAM FATAL IO ERROR:\nkeyword {message} is undefined in dictionary"
        return assess(FAILURES[0].evidence().model_copy(update={"stderr_tail": text, "return_code": 1})).signature

    assert sign("YiFinal") == sign("YiFinal")
    assert sign("YiFinal") != sign("pFinal")


def test_where_nothing_names_the_cause_the_line_with_the_strongest_words_does() -> None:
    text = "loading model\nbailing out near the cluster connection socket\nsee you\n17% complete"
    assessed = assess(FAILURES[0].evidence().model_copy(update={"stderr_tail": text, "return_code": 1}))
    assert assessed.cause_line == "bailing out near the cluster connection socket"
