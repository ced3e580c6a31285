"""The evaluation of agents: its tasks have right answers, and the scripted model goes through all of them."""

import pytest

from evals.__main__ import row_of, run_task
from evals.agents import scripted
from evals.scoring import Effort, score
from evals.tasks import TASKS, EvalTask, FailedCase
from torc_client.http import TorcClient
from torc_core.evidence.record import Evidence

MOST = 30


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_scripted_model_decides_a_task_and_its_decisions_are_scored(
    shared_client: TorcClient, task: EvalTask
) -> None:
    found, effort = run_task(shared_client, task, scripted, most=MOST)
    assert 0 < found.cases <= MOST
    assert effort.tool_calls is not None and effort.tool_calls >= 1
    assert effort.tokens is not None and effort.tokens > 100
    assert len(row_of(task, found, effort)) == 9
    wrong = found.wrong_retry_node_hours + found.wrong_fail_node_hours
    # cautious: where it decides at all it is mostly right, and it decides nothing that only a person can know
    assert found.overreached == 0
    assert wrong <= found.cases / 4 or task.name == "wrong-hints"


def test_decisions_are_right_wrong_left_or_should_have_been_asked_about() -> None:
    failed = Evidence(return_code=1)
    cases = {
        1: FailedCase(failed, "retry"),
        2: FailedCase(failed, "retry", node_hours=2.0),
        3: FailedCase(failed, "fail", node_hours=3.0),
        4: FailedCase(failed, "fail"),
        5: FailedCase(failed, "leave"),
        6: FailedCase(failed, "leave"),
    }
    found = score(cases, {1: "retry", 2: "fail", 3: "retry", 5: "fail"})
    assert (found.right, found.left, found.overreached) == (2, 1, 1)
    assert (found.wrong_retry_node_hours, found.wrong_fail_node_hours) == (3.0, 2.0)


def test_what_an_agent_does_not_report_is_left_open() -> None:
    found = score({1: FailedCase(Evidence(return_code=1), "fail")}, {1: "fail"})
    assert row_of(TASKS[0], found, Effort())[-2:] == ("-", "-")
