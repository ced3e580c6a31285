"""The pattern library: every pattern is found by its examples, and by nothing it must not match."""

import re

import pytest
from failure_cases import FOLDER, fill
from yaml import safe_load

from torc_core.errors import InvalidInputError
from torc_core.evidence.lines import strip_prefix
from torc_core.evidence.record import Evidence
from torc_core.triage.assess import assess
from torc_core.triage.cause_line import read_text
from torc_core.triage.pattern_library import Pattern, load_library, parse_patterns, split_words

PATTERNS = load_library().patterns


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.id)
def test_a_pattern_is_found_by_each_of_its_examples(pattern: Pattern) -> None:
    library = load_library()
    for example in pattern.examples:
        message = strip_prefix(example.lower())
        assert library.matches(pattern, message), example
        endings = {word for word in pattern.words if word in ("error", "exception", "timeout") and word in message}
        assert split_words(message) & set(pattern.words) or endings, f"no word of {pattern.id} in {example!r}"


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.id)
def test_an_example_is_read_as_the_class_of_its_pattern(pattern: Pattern) -> None:
    for example in pattern.examples:
        reading = read_text(example, load_library())
        assert reading is not None, example
        chosen = reading.hit.pattern
        assert (chosen.class_, chosen.helped_by_memory) == (pattern.class_, pattern.helped_by_memory), (
            chosen.id,
            example,
        )


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p.not_examples], ids=lambda pattern: pattern.id)
def test_a_pattern_does_not_match_its_counter_examples(pattern: Pattern) -> None:
    for example in pattern.not_examples:
        reading = read_text(example, load_library())
        assert reading is None or reading.hit.pattern.id != pattern.id, example


def test_pattern_ids_are_unique_and_words_and_expressions_are_lowercase() -> None:
    assert len({pattern.id for pattern in PATTERNS}) == len(PATTERNS)
    for pattern in PATTERNS:
        assert all(re.fullmatch(r"[a-z0-9]{2,}", word) for word in pattern.words), pattern.id
        for source in pattern.regex:
            literal = re.sub(r"\\.", "", source)
            assert literal == literal.lower(), f"{pattern.id} is searched in lowercase text: {source}"


def test_reasons_and_advice_are_sentences() -> None:
    for pattern in PATTERNS:
        for text in (pattern.reason, pattern.advice):
            assert text[0].isupper() or not text[0].isalpha() or text.split()[0] in ("npm", "gzip"), (pattern.id, text)
            assert text.endswith("."), (pattern.id, text)


@pytest.mark.parametrize("entry", safe_load((FOLDER / "innocent.yaml").read_text("utf-8")), ids=lambda e: e["cause"])
def test_what_a_successful_or_chatty_job_says_suggests_nothing(entry: dict[str, str]) -> None:
    suggestion = assess(Evidence(return_code=1, stderr_tail=fill(entry["stderr"], 0))).suggestion
    assert suggestion is None, (suggestion.rule, suggestion.evidence_line)


def test_an_invalid_pattern_file_is_an_error_that_names_the_file() -> None:
    with pytest.raises(InvalidInputError, match=r"mine\.yaml"):
        parse_patterns("- {id: x, class: sometimes}", "mine.yaml")
    with pytest.raises(InvalidInputError, match=r"mine\.yaml"):
        parse_patterns("- [", "mine.yaml")


def test_no_expression_takes_long_on_a_long_hostile_line() -> None:
    lines = [
        "error " * 150,
        "a" * 800,
        "connection " * 80,
        "(" * 800,
        "failed to " * 80,
        "\\x00: " * 150,
        "error: " + "x " * 380,
    ]
    library = load_library()
    for pattern in PATTERNS:
        for line in lines:
            library.matches(pattern, line[:800])
