"""What Slurm tells a runner, and what a runner's record tells of its allocation."""

import pytest

from torc_core.evidence.record import SchedulerFacts
from torc_core.slurm.environment import (
    allocation_facts,
    read_scheduler_facts,
    registered_allocation,
    registered_cluster,
)


def test_an_allocation_is_known_by_its_variable() -> None:
    assert read_scheduler_facts({"SLURM_JOB_ID": "4711"}) == SchedulerFacts(type="slurm", job_id="4711")
    assert read_scheduler_facts({"SLURM_JOB_ID": ""}) is None
    assert read_scheduler_facts({}) is None


@pytest.mark.parametrize(
    ("scheduler", "allocation"), [({"slurm_job_id": 77}, "77"), ({"slurm_job_id": "78"}, "78"), ({}, None), ("x", None)]
)
def test_the_allocation_of_a_runner_is_read_as_any_client_wrote_it(scheduler: object, allocation: str | None) -> None:
    assert registered_allocation(scheduler) == allocation


def test_a_runner_registers_its_allocation_with_the_cluster_of_it() -> None:
    facts = allocation_facts({"SLURM_JOB_ID": "4711", "SLURM_CLUSTER_NAME": "kestrel"})
    assert (registered_allocation(facts), registered_cluster(facts)) == ("4711", "kestrel")
    assert registered_cluster(allocation_facts({"SLURM_JOB_ID": "4711"})) is None
    assert allocation_facts({"SLURM_CLUSTER_NAME": "kestrel"}) == {}
    assert registered_cluster("x") is None
