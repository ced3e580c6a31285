"""What the allocations of a workflow bound."""

from torc_core.triage.limits import AllocationLimits, Ceiling, find_ceiling


def test_a_job_is_bound_by_its_own_allocation_else_by_the_largest() -> None:
    allocations = [AllocationLimits(1, 8 << 30, 3_600), AllocationLimits(2, 2 << 30, 14_400)]
    assert find_ceiling(allocations, 2) == Ceiling(2 << 30, 14_400)
    assert find_ceiling(allocations, None) == Ceiling(8 << 30, 14_400)
    assert find_ceiling([*allocations, AllocationLimits(3, None, None)], None) == Ceiling(None, None)
    assert find_ceiling([], 7) == Ceiling()
