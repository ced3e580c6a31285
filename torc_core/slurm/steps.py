"""The name of the step in which an attempt of a job runs, so that accounting can tell whose step it is."""

import re
from dataclasses import dataclass
from typing import Final, Self

_NAME: Final = re.compile(r"wf(\d{1,15})_j(\d{1,15})_r(\d{1,15})_a(\d{1,15})", re.ASCII)


@dataclass(frozen=True, order=True)
class AttemptStep:
    """One attempt of a job as a step of an allocation; `str` gives the step's name."""

    workflow_id: int
    job_id: int
    run_id: int
    attempt_id: int

    def __str__(self) -> str:
        return f"wf{self.workflow_id}_j{self.job_id}_r{self.run_id}_a{self.attempt_id}"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the attempt whose step bears this name, None for the names of other steps."""
        match = _NAME.fullmatch(name)
        return None if match is None else cls(*map(int, match.groups()))
