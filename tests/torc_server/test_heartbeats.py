"""The server hears runners, by its own clock."""

from dataclasses import replace
from pathlib import Path

import pytest
from services_bench import Bench, job

from torc_core.api.jobs import ReclaimRequest
from torc_core.api.nodes import ComputeNodeModel
from torc_core.errors import NotFoundError, StateConflictError
from torc_server.db.unit_of_work import read_unit
from torc_server.services.jobs.reclaim import reclaim_jobs
from torc_server.services.records.compute_nodes import (
    get_compute_node,
    hear_compute_node,
    list_compute_nodes,
    update_compute_node,
)
from torc_server.services.records.paging import PageRequest


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.at(tmp_path / "torc.db")


def test_the_age_counts_from_when_the_server_heard_it(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    assert bench.read(get_compute_node, run.runner).heartbeat_age_s is None
    bench.write(hear_compute_node, run.runner)
    bench.clock.go_on(seconds=40)
    assert bench.read(get_compute_node, run.runner).heartbeat_age_s == 40.0
    page = PageRequest(offset=0, limit=10, sort_by=None, reverse_sort=False)
    nodes = bench.read(
        list_compute_nodes, run.workflow_id, page, hostname=None, is_active=True, scheduled_compute_node_id=None
    ).items
    assert [node.heartbeat_age_s for node in nodes] == [40.0]
    bench.write(hear_compute_node, run.runner)
    assert bench.read(get_compute_node, run.runner).heartbeat_age_s == 0.0


def test_while_the_server_was_away_nobody_was_silent(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    bench.write(hear_compute_node, run.runner)
    bench.clock.go_on(hours=1)
    settings = replace(bench.settings, listening_since=bench.clock.now)
    bench.clock.go_on(seconds=5)
    with read_unit(bench.database, settings) as unit:
        assert get_compute_node(unit, run.runner).heartbeat_age_s == 5.0


def test_a_time_that_a_runner_writes_itself_becomes_the_servers(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    node = bench.read(get_compute_node, run.runner)
    for skewed in ("2031-01-01T00:00:00Z", "yesterday"):
        bench.clock.go_on(seconds=1)
        bench.write(update_compute_node, run.runner, node.model_copy(update={"last_heartbeat": skewed}))
        assert bench.read(get_compute_node, run.runner).heartbeat_age_s == 0.0


def test_a_runner_that_was_given_up_learns_it(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    bench.write(
        reclaim_jobs, run.workflow_id, ReclaimRequest(compute_node_ids=[run.runner], requeue=True, reason="gone")
    )
    with pytest.raises(StateConflictError, match="not active any more"):
        bench.write(hear_compute_node, run.runner)
    with pytest.raises(NotFoundError):
        bench.write(hear_compute_node, 4711)


def test_a_runner_that_signs_off_is_not_heard_by_it(bench: Bench) -> None:
    run = bench.workflow([job("a")])
    node: ComputeNodeModel = bench.read(get_compute_node, run.runner)
    bench.write(update_compute_node, run.runner, node.model_copy(update={"is_active": False}))
    assert bench.read(get_compute_node, run.runner).last_heartbeat is None
