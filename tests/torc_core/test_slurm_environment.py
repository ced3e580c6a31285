"""What Slurm tells a runner, and what a runner's record tells of its allocation."""

import pytest

from torc_core.evidence.record import SchedulerFacts
from torc_core.slurm.environment import read_scheduler_facts, registered_allocation, registered_cluster


def test_an_allocation_is_known_by_its_variable() -> None:
    assert read_scheduler_facts({"SLURM_JOB_ID": "4711"}) == SchedulerFacts(type="slurm", job_id="4711")
    assert read_scheduler_facts({"SLURM_JOB_ID": ""}) is None
    assert read_scheduler_facts({}) is None


@pytest.mark.parametrize(
    ("scheduler", "allocation"), [({"slurm_job_id": 77}, "77"), ({"slurm_job_id": "78"}, "78"), ({}, None), ("x", None)]
)
def test_the_allocation_of_a_runner_is_read_as_any_client_wrote_it(scheduler: object, allocation: str | None) -> None:
    assert registered_allocation(scheduler) == allocation


@pytest.mark.parametrize(("scheduler", "cluster"), [({"cluster": "kestrel"}, "kestrel"), ({}, None), ("x", None)])
def test_the_cluster_of_a_runner_is_read_as_any_client_wrote_it(scheduler: object, cluster: str | None) -> None:
    assert registered_cluster(scheduler) == cluster
