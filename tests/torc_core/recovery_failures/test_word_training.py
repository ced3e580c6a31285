"""Training the word model: the packaged file is what the texts give, and no text that measures it is among them."""

import gzip
import json

import pytest

from benchmarks import train
from benchmarks.corpus import load_failures
from torc_core.triage.pattern_library import load_library
from torc_core.triage.words import LABELS

EXAMPLES = [*train.own_examples(), *train.pattern_examples(), *train.collected_examples()]


@pytest.fixture(scope="module")
def trained() -> dict[str, object]:
    return train.train(EXAMPLES)


def test_the_packaged_model_is_the_one_that_the_texts_give(trained: dict[str, object]) -> None:
    packed = json.loads(gzip.decompress(train.TARGET.read_bytes()))
    assert packed["words"] == trained["words"], "run `make train`"
    # another processor adds in another order: a weight may be rounded the other way
    pairs = zip(packed["weights"], trained["weights"], strict=True)
    assert all(abs(a - b) <= 1 for one, other in pairs for a, b in zip(one, other, strict=True)), "run `make train`"


def test_training_twice_gives_the_same_bytes(trained: dict[str, object]) -> None:
    assert train.pack(train.train(EXAMPLES)) == train.pack(trained)


def test_the_words_for_review_are_those_of_the_model() -> None:
    packed = json.loads(gzip.decompress(train.TARGET.read_bytes()))
    assert train.strongest(packed) == train.STRONGEST_FILE.read_text("utf-8")


def test_no_text_that_measures_is_trained_on_or_an_example_of_a_pattern() -> None:
    trained_on = {evidence.stderr_tail.strip() for evidence, _, _ in EXAMPLES}
    examples = {example.strip() for pattern in load_library().patterns for example in pattern.examples}
    held_out = {failure.text.strip() for failure in load_failures("held_out")}
    assert not held_out.intersection(trained_on | examples)


def test_every_label_has_examples() -> None:
    assert {label for _, label, _ in EXAMPLES} == {*LABELS, None}
