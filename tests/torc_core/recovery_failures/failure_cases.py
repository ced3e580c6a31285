"""Reads the recorded failures, fills their placeholders, and measures the rules on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.triage.assess import assess

FOLDER = Path(__file__).parents[2] / "data" / "failures"
HELD_OUT = "held_out"
NOT_FAILURES = "innocent"

SETTINGS = (
    {"J": "4821337", "H": "nid002417", "P": "/scratch/u12/run_7", "L": "88", "R": "3", "D": "48211",
     "T": "2024-03-11T04:12:09"},
    {"J": "990", "H": "gpu-a12.cluster.local", "P": "/lustre/orion/proj/tmp.Xy83b", "L": "1207", "R": "41", "D": "7",
     "T": "2025-12-01T23:59:59"},
    {"J": "77120056", "H": "c31-4", "P": "/home/maria/work/2024-05/case-b", "L": "5", "R": "0", "D": "3999122",
     "T": "2023-01-31T00:00:00"},
)  # fmt: skip
"""What differs between jobs that fail alike."""


@dataclass(frozen=True)
class FailureCase:
    """One recorded failure: what it says and what an expert says of it."""

    source: str
    cause: str
    class_: str
    category: str
    stderr: str
    facts: dict[str, Any]

    def evidence(self, setting: int = 0) -> Evidence:
        """The evidence with the placeholders of one setting filled in."""
        facts: dict[str, Any] = {"return_code": 1, **self.facts}
        state = facts.pop("scheduler_state", None)
        if state is not None:
            facts["scheduler"] = SchedulerFacts(type="slurm", state=state)
        text = fill(self.stderr, setting)
        stream = facts.pop("stream", "stderr_tail")
        return Evidence(**{**facts, stream: text})


def fill(text: str, setting: int) -> str:
    """Return the text of one job."""
    for name, value in SETTINGS[setting].items():
        text = text.replace(f"@{name}@", value)
    return text


def load_cases(*, held_out: bool = False) -> list[FailureCase]:
    """Return the development set, or the held-out set."""
    paths = [path for path in sorted(FOLDER.glob("*.yaml")) if path.stem != NOT_FAILURES]
    return [
        FailureCase(
            source=path.stem,
            cause=entry["cause"],
            class_=entry["class"],
            category=entry["category"],
            stderr=entry.get("stderr", ""),
            facts=entry.get("facts", {}),
        )
        for path in paths
        if path.stem.startswith(HELD_OUT) is held_out
        for entry in yaml.safe_load(path.read_text("utf-8"))
    ]


def measure(cases: list[FailureCase]) -> tuple[float, float, list[str]]:
    """Precision where the rules speak, the share of cases on which they speak, and the misses."""
    right, misses = 0, []
    spoken = 0
    for case in cases:
        suggestion = assess(case.evidence()).suggestion
        if suggestion is None:
            misses.append(f"silent {case.cause} ({case.class_})")
            continue
        spoken += 1
        right += suggestion.class_ == case.class_
        if suggestion.class_ != case.class_:
            misses.append(f"{case.cause}: {suggestion.class_} by {suggestion.rule}, not {case.class_}")
    return right / spoken, spoken / len(cases), misses
