"""The collected failures: every text can be read, each thread is in one part, and two readings agree."""

from collections import Counter

from benchmarks.corpus import SPLITS, load_failures, measure


def test_every_class_and_every_part_has_texts() -> None:
    failures = load_failures()
    assert {failure.class_ for failure in failures} == {"transient", "permanent", "oom", "timeout"}
    assert {failure.action for failure in failures} == {"retry", "fail"}
    assert set(Counter(failure.split for failure in failures)) == set(SPLITS)
    assert all(failure.text.strip() for failure in failures)


def test_two_readings_agree() -> None:
    failures = load_failures()
    assert sum(failure.class_ == failure.second for failure in failures) / len(failures) >= 0.95


def test_the_measure_counts_what_is_suggested_and_what_is_right() -> None:
    measured = measure(load_failures("held_out"))
    assert measured.cases > 50
    assert 0.0 < measured.right <= measured.coverage <= 1.0
