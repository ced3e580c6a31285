"""Failures that no rule was fitted to, split by source thread: train, tune, and a third that is only measured on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from torc_core.evidence.record import Evidence, SchedulerFacts
from torc_core.triage.assess import assess

FOLDER: Final = Path(__file__).with_name("failures")
Split = Literal["train", "tune", "held_out"]
SPLITS: Final[tuple[Split, ...]] = ("train", "tune", "held_out")


@dataclass(frozen=True)
class CollectedFailure:
    """One failure: what the program printed, and its class and action in two readings' agreement."""

    source: str
    class_: str
    action: str
    text: str
    second: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def split(self) -> Split:
        """Return the part that all failures of the thread belong to, decided by the thread's name alone."""
        return SPLITS[hashlib.sha256(self.source.lower().encode()).digest()[0] % len(SPLITS)]

    def evidence(self) -> Evidence:
        """Return what a runner would have kept of it."""
        facts: dict[str, Any] = {"return_code": 1, **self.facts}
        state = facts.pop("scheduler_state", None)
        scheduler = None if state is None else SchedulerFacts(type="slurm", state=state)
        return Evidence(stderr_tail=self.text, scheduler=scheduler, **facts)


@dataclass(frozen=True)
class Measured:
    """Shares of the cases: `coverage` have a suggestion; of these `precision` and `action` are right."""

    cases: int
    coverage: float
    precision: float
    right: float
    action: float


def load_failures(*splits: Split) -> list[CollectedFailure]:
    """Return the failures of these parts, of all parts where none is named."""
    entries = [entry for path in sorted(FOLDER.glob("*.yaml")) for entry in yaml.safe_load(path.read_text("utf-8"))]
    failures = [
        CollectedFailure(
            source=entry["source"],
            class_=entry["class"],
            action=entry["action"],
            text=entry["text"],
            second=entry["second"],
            facts=entry.get("facts") or {},
        )
        for entry in entries
    ]
    return [failure for failure in failures if failure.split in (splits or SPLITS)]


def measure(failures: Iterable[CollectedFailure]) -> Measured:
    """Return how often there is a suggestion, and how often it is right."""
    pairs = [(failure, assess(failure.evidence()).suggestion) for failure in failures]
    made = [(failure, suggestion) for failure, suggestion in pairs if suggestion is not None]
    right = sum(suggestion.class_ == failure.class_ for failure, suggestion in made)
    return Measured(
        cases=len(pairs),
        coverage=len(made) / len(pairs),
        precision=right / len(made),
        right=right / len(pairs),
        action=sum(suggestion.action == failure.action for failure, suggestion in made) / len(made),
    )
