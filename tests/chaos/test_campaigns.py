"""A short round of each campaign; the long ones are `python -m chaos kill --rounds 200` and its brothers."""

import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from chaos.__main__ import run_round, run_rounds
from chaos.processes import Runner
from chaos.scenario import Scenario, action_record, random_scenario, record_of
from chaos.verdict import Verdict, compare
from torc_client.http import TorcClient


def round_of(campaign: str, folder: Path, seed: int) -> Verdict:
    verdict = run_round(campaign, folder / "round", seed)
    assert verdict.problems == []
    assert verdict.counts["jobs"] > 0
    return verdict


@pytest.mark.parametrize("seed", [11, 12])
def test_random_kills_lose_nothing(tmp_path: Path, seed: int) -> None:
    round_of("kill", tmp_path, seed)


def test_requests_that_fail_lose_nothing_and_end_no_run(tmp_path: Path) -> None:
    verdict = round_of("faults", tmp_path, 1003)
    assert verdict.counts["requests 500"] + verdict.counts["requests answer lost"] > 0
    assert verdict.counts["runner started again"] == 0


def test_an_outage_of_the_server_loses_nothing(tmp_path: Path) -> None:
    round_of("outage", tmp_path, 11)


def test_kills_of_the_server_while_a_run_begins_and_ends_lose_and_double_nothing(tmp_path: Path) -> None:
    round_of("starts", tmp_path, 12)


def test_runners_that_claim_at_once_share_no_job(tmp_path: Path) -> None:
    round_of("claims", tmp_path, 11)


def test_rounds_at_the_same_time_have_servers_folders_and_seeds_of_their_own() -> None:
    ended = list(run_rounds("claims", range(11, 14), parallel=3))
    assert {one.seed for one in ended} == {11, 12, 13}
    assert len({one.folder for one in ended}) == 3
    for one in ended:
        assert one.verdict.problems == []
        assert (one.folder / "torc.db").exists()
        shutil.rmtree(one.folder)


def test_a_runner_in_which_nothing_happens_any_more_is_called_hanging(tmp_path: Path) -> None:
    runner = Runner("http://127.0.0.1:9", "token", 1, tmp_path, quiet_s=0.5)
    os.kill(runner.process.pid, signal.SIGSTOP)
    with pytest.raises(RuntimeError, match="the runner hangs: nothing has happened for"):
        runner.wait()
    assert runner.has_ended


@pytest.mark.skipif(os.geteuid() != 0, reason="a small tmpfs is mounted: needs root")
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    round_of("disk", tmp_path, 11)


def test_a_campaign_sees_what_is_lost_and_what_runs_twice(client: TorcClient, tmp_path: Path) -> None:
    scenario: Scenario = random_scenario(random.Random(1), jobs=3)
    workflow_id = client.create_from_draft(scenario.draft(tmp_path)).workflow.id or 0
    record = record_of(tmp_path, "job0")
    record.parent.mkdir()
    record.write_text("begin 7 1\nbegin 8 2\nend 7 0\nend 8 0\n")
    action_record(tmp_path, "on_jobs_ready").parent.mkdir()
    action_record(tmp_path, "on_jobs_ready").write_text("ran\n")
    verdict = compare(client, workflow_id, scenario, tmp_path)
    assert any("two attempts at the same time" in problem for problem in verdict.problems)
    assert "action lost: on_workflow_start" in verdict.problems
    assert any(problem.startswith("job0 is uninitialized, expected") for problem in verdict.problems)
    assert verdict.counts["successes that ran again"] == 1
