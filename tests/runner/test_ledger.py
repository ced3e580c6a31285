"""Nothing is given out twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.base.ledger import Grant, Ledger, Need
from torc_core.api.resource_requirements import ResourceRequirementsModel
from torc_core.errors import RunnerError

GIB = 1 << 30


def need(cpus: int = 1, memory_bytes: int = 1, gpus: int = 0) -> Need:
    return Need("small", cpus=cpus, memory_bytes=memory_bytes, gpus=gpus, nodes=1, runtime_s=60)


needs = st.builds(need, st.integers(0, 6), st.integers(0, 5 * GIB), st.integers(0, 3))


@given(st.lists(st.tuples(needs, st.booleans()), max_size=60), st.integers(1, 5) | st.none())
def test_what_is_held_never_exceeds_the_machine(steps: list[tuple[Need, bool]], slots: int | None) -> None:
    ledger = Ledger(cpus=4, memory_bytes=4 * GIB, gpus=("0", "1"), slots=slots)
    held: list[Grant] = []
    for wanted, release_first in steps:
        if release_first and held:
            ledger.free(held.pop(0))
        grant = ledger.take(wanted)
        if grant is not None:
            held.append(grant)
        devices = [gpu for grant in held for gpu in grant.gpus]
        assert sum(grant.cpus for grant in held) + ledger.free_cpus == 4 >= ledger.free_cpus >= 0
        assert sum(grant.memory_bytes for grant in held) + ledger.free_memory_bytes == 4 * GIB
        assert ledger.free_memory_bytes >= 0
        assert len(devices) == len(set(devices)) == 2 - ledger.free_gpus
        assert slots is None or len(held) <= slots


def test_slots_bound_the_jobs_and_resources_still_count() -> None:
    ledger = Ledger(cpus=2, memory_bytes=GIB, slots=3)
    assert ledger.take(need(cpus=2)) is not None
    assert ledger.take(need(cpus=1)) is None
    assert ledger.take(need(cpus=0)) is not None


def test_giving_back_twice_is_refused() -> None:
    ledger = Ledger(cpus=2, memory_bytes=GIB)
    grant = ledger.take(need())
    assert grant is not None
    ledger.free(grant)
    with pytest.raises(RunnerError):
        ledger.free(grant)


def test_a_requirement_becomes_bytes_and_seconds() -> None:
    requirement = ResourceRequirementsModel(
        workflow_id=1, name="big", num_cpus=3, num_gpus=1, memory="2g", runtime="PT1H30M"
    )
    assert Need.of(requirement) == Need("big", cpus=3, memory_bytes=2 * GIB, gpus=1, nodes=1, runtime_s=5400)
