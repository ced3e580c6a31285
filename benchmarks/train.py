"""Trains the word model: `make train`, or `python -m benchmarks.train`. The same texts give the same weights.

Weights come from the train third, the project's own texts and the examples of the patterns; the temperature, which
makes probabilities of weights, from the tune third. Needs scikit-learn; the product itself does not.
"""

import argparse
import gzip
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from benchmarks.corpus import load_failures
from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.triage import words
from torc_core.triage.cause_line import read_cause
from torc_core.triage.classify import suggest_by_rules
from torc_core.triage.combine import RULE_WEIGHT
from torc_core.triage.measured import find_doubt
from torc_core.triage.pattern_library import load_library
from torc_core.triage.words import LABELS, Label, WordModel

TARGET: Final = Path(words.__file__).with_name(words.MODEL_FILE)
STRONGEST_FILE: Final = Path(__file__).with_name("strongest_words.md")
OWN_TEXTS: Final = Path(__file__).parents[1] / "tests" / "data" / "failures"
INVERSE_REGULARISATION: Final = 30.0
REAL_WEIGHT: Final = 3.0
"""A text of a real failure counts as much as this many of the project's own, which are many and short."""
UNKNOWN_WEIGHT: Final = 3.0
"""The same for a text of which nothing can be known: there are few."""
_LARGEST: Final = 127
"""Weights are kept as signed bytes."""
_SHOWN: Final = 40
_PLACEHOLDERS: Final = {
    "J": "4821337", "H": "nid002417", "P": "/scratch/u12/run_7", "L": "88", "R": "3", "D": "48211",
    "T": "2024-03-11T04:12:09",
}  # fmt: skip
_FAIL_CATEGORIES: Final = frozenset({"gpu_memory", "shared_memory", "tool_limit"})

Example = tuple[Evidence, Label | None, float]
"""Evidence, its label, None where nothing is known of it, and how much it counts."""


def main() -> None:
    """Write the model, and the strongest words of each label for people to review."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, help="train also with the lessons of `torc failures learn --export`")
    site = parser.parse_args().site
    examples = [*own_examples(), *pattern_examples(), *collected_examples()]
    examples += [] if site is None else site_examples(site)
    document = train(examples)
    document["temperature"] = fit_temperature(document)
    TARGET.write_bytes(pack(document))
    STRONGEST_FILE.write_text(strongest(document), encoding="utf-8")
    print(
        f"{len(examples)} examples, {len(document['words'])} words, temperature {document['temperature']}, "
        f"{TARGET.stat().st_size / 1000:.0f} kB: {TARGET}"
    )


def train(examples: Sequence[Example]) -> dict[str, Any]:
    """Return the model as a document: words, their weights for each label, scale and bias."""
    vectorizer = DictVectorizer()
    rows = [dict.fromkeys(sorted(words.features(evidence)), 1.0) for evidence, _, _ in examples]
    matrix = normalize(vectorizer.fit_transform(rows))
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000, tol=1e-5)
    names = [_name(label) for _, label, _ in examples]
    model.fit(matrix, names, sample_weight=[weight for _, _, weight in examples])
    order = [list(model.classes_).index(_name(label)) for label in (*LABELS, None)]
    weights = model.coef_[order]
    scale = float(np.abs(weights).max()) / _LARGEST
    whole = np.rint(weights / scale).astype(int)
    found = vectorizer.get_feature_names_out()
    kept = [place for place in range(len(found)) if np.abs(whole[:, place]).max() > 0]
    return {
        "scale": round(scale, 6),
        "bias": [round(float(value), 4) for value in model.intercept_[order]],
        "temperature": 1.0,
        "words": [str(found[place]) for place in kept],
        "weights": [[int(value) for value in whole[:, place]] for place in kept],
    }


def _name(label: Label | None) -> str:
    return "none" if label is None else " ".join(label)


def fit_temperature(document: dict[str, Any]) -> float:
    """Return the temperature at which what rule and words say together is likeliest on the tune third."""
    model = word_model(document)
    cases = []
    for failure in load_failures("tune"):
        evidence = failure.evidence()
        reading = read_cause(evidence, load_library(), find_doubt).reading
        rule = suggest_by_rules(evidence, reading).suggestion
        opinion = model.opinion(evidence)
        log_odds = list(opinion.log_odds) if opinion else [0.0] * (len(LABELS) + 1)
        if rule is not None:
            log_odds[LABELS.index((rule.class_, rule.action))] += RULE_WEIGHT * rule.confidence
        cases.append((log_odds, [*(class_ == failure.class_ for class_, _ in LABELS), False]))
    return min((step / 20 for step in range(10, 81)), key=lambda temperature: _surprise(cases, temperature))


def _surprise(cases: Sequence[tuple[Sequence[float], Sequence[bool]]], temperature: float) -> float:
    total = 0.0
    for log_odds, right in cases:
        shares = [math.exp((value - max(log_odds)) / temperature) for value in log_odds]
        total -= math.log(sum(share for share, is_right in zip(shares, right, strict=True) if is_right) / sum(shares))
    return total


def word_model(document: dict[str, Any]) -> WordModel:
    """Return the model that a document describes."""
    weights = dict(zip(document["words"], document["weights"], strict=True))
    return WordModel(weights, scale=document["scale"], bias=document["bias"], temperature=document["temperature"])


def pack(document: dict[str, Any]) -> bytes:
    """Return the content of the file; without a time in it, so that equal models are equal bytes."""
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), compresslevel=9, mtime=0)


def strongest(document: dict[str, Any]) -> str:
    """Return the words that weigh most for each label, as Markdown: a review sees what a training changed."""
    lines = ["# Strongest words of each class and action", "", "Written by `make train`."]
    for place, (class_, action) in enumerate(LABELS):
        ranked = sorted(
            zip(document["words"], document["weights"], strict=True), key=lambda item: (-item[1][place], item[0])
        )
        shown = ", ".join(f"`{word}` {weights[place]}" for word, weights in ranked[:_SHOWN])
        lines += ["", f"## {class_}, {action}", "", shown]
    return "\n".join(lines) + "\n"


def own_examples() -> Iterator[Example]:
    """Yield the project's own texts, but for those that measure the rules."""
    for path in sorted(OWN_TEXTS.glob("*.yaml")):
        if path.stem.startswith("held_out"):
            continue
        for entry in yaml.safe_load(path.read_text("utf-8")):
            text = entry.get("stderr", "")
            for name, value in _PLACEHOLDERS.items():
                text = text.replace(f"@{name}@", value)
            is_retry = entry.get("class") != "permanent" and entry.get("category") not in _FAIL_CATEGORIES
            named = (entry.get("class", "none"), "retry" if is_retry else "fail")
            label = next((label for label in LABELS if label == named), None)
            if label is not None or named[0] == "none":
                yield _evidence(text, entry.get("facts", {})), label, 1.0 if label else UNKNOWN_WEIGHT


def pattern_examples() -> Iterator[Example]:
    """Yield the examples of the patterns."""
    for pattern in load_library().patterns:
        label = (pattern.class_, pattern.chosen_action)
        for example in pattern.examples if label in LABELS else ():
            yield Evidence(return_code=1, stderr_tail=example), label, 1.0


def collected_examples() -> Iterator[Example]:
    """Yield the real failures of the train third."""
    for failure in load_failures("train"):
        label = next((label for label in LABELS if label == (failure.class_, failure.action)), None)
        if label is not None:
            yield failure.evidence(), label, REAL_WEIGHT


def site_examples(path: Path) -> Iterator[Example]:
    """Yield the lessons of a site."""
    for entry in yaml.safe_load(path.read_text("utf-8")):
        label = next((label for label in LABELS if label == (entry["class"], entry["action"])), None)
        if label is not None:
            yield _evidence(entry["text"], entry.get("facts", {})), label, REAL_WEIGHT


def _evidence(text: str, facts: dict[str, Any]) -> Evidence:
    known: dict[str, Any] = {"return_code": 1, **facts}
    state = known.pop("scheduler_state", None)
    stream = known.pop("stream", "stderr_tail")
    scheduler = None if state is None else SchedulerFacts(type="slurm", state=state)
    return Evidence(**{**known, stream: text}, scheduler=scheduler)


if __name__ == "__main__":
    main()
