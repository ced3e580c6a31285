"""What an agent's decisions were worth: right ones, and wrong retries and wrong fails in node-hours."""

from collections.abc import Mapping
from typing import NamedTuple

from evals.tasks import FailedCase


class Score(NamedTuple):
    """`right` counts cases that were decided as they should, those left to a person where that is right included.

    `left` counts cases that could have been decided and were not; `overreached` those that only a person can know.
    """

    cases: int
    right: int
    left: int
    overreached: int
    wrong_retry_node_hours: float
    wrong_fail_node_hours: float


class Effort(NamedTuple):
    """What the agent used; None where it does not report it."""

    tool_calls: int | None = None
    tokens: int | None = None


def score(cases: Mapping[int, FailedCase], decided: Mapping[int, str]) -> Score:
    """Return the score of the decisions, by job id; a job that is missing was left."""
    right = left = overreached = 0
    retries = fails = 0.0
    for job_id, case in cases.items():
        action = decided.get(job_id, "leave")
        if action == case.right:
            right += 1
        elif action == "leave":
            left += 1
        elif case.right == "leave":
            overreached += 1
        elif action == "retry":
            retries += case.node_hours
        else:
            fails += case.node_hours
    return Score(len(cases), right, left, overreached, retries, fails)
