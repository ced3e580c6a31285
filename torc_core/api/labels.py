"""Labels of jobs and runners: a runner takes a job only when it has all of the job's labels."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator

MAX_LABELS: Final = 64
MAX_LABEL_CHARS: Final = 128


def normalized_labels(labels: Sequence[str]) -> list[str]:
    """Return the labels sorted, each once. Raises ValueError for one that is empty, too long, or holds a comma."""
    if len(labels) > MAX_LABELS:
        raise ValueError(f"{len(labels)} labels are too many; the most is {MAX_LABELS}")
    for label in labels:
        if not label or label != label.strip() or "," in label or len(label) > MAX_LABEL_CHARS:
            raise ValueError(f"{label!r} is no label: write a word without commas and without blanks around it")
    return sorted(set(labels))


def labels_of_text(text: str) -> list[str]:
    """Return the labels of `gpu,fast`. Raises ValueError as `normalized_labels` does."""
    return normalized_labels([part.strip() for part in text.split(",")])


Labels = Annotated[list[str], AfterValidator(normalized_labels)]
"""Sorted, unique labels; on the wire a list."""
