"""Limits that a requirement leaves open."""

from runner.base.evidence import memory_limit, runtime_limit
from runner.base.ledger import Need


def need(name: str, *, memory_bytes: int, runtime_s: float) -> Need:
    return Need(name=name, cpus=1, memory_bytes=memory_bytes, gpus=0, nodes=1, runtime_s=runtime_s)


def test_an_amount_of_zero_is_no_limit() -> None:
    raised = need("default_mem3g", memory_bytes=3 << 30, runtime_s=0.0)
    assert (memory_limit(raised), runtime_limit(raised)) == (3 << 30, None)
    prolonged = need("default_time2h", memory_bytes=0, runtime_s=7200.0)
    assert (memory_limit(prolonged), runtime_limit(prolonged)) == (None, 7200.0)


def test_the_requirement_of_jobs_that_name_none_limits_nothing() -> None:
    assert memory_limit(need("default", memory_bytes=1 << 20, runtime_s=60.0)) is None
    assert runtime_limit(need("default", memory_bytes=1 << 20, runtime_s=60.0)) is None
