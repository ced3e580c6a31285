"""What the allocations of a workflow bound."""

from torc_core.slurm.quantities import SlurmRequest
from torc_core.triage.limits import Ceiling, find_ceiling


def test_a_job_is_bound_by_its_own_allocation_else_by_the_largest() -> None:
    slurm = [SlurmRequest(1, "01:00:00", "8G"), SlurmRequest(2, "04:00:00", "2G")]
    assert find_ceiling(slurm, 2) == Ceiling(2 << 30, 14_400)
    assert find_ceiling(slurm, None) == Ceiling(8 << 30, 14_400)
    assert find_ceiling([*slurm, SlurmRequest(3, "UNLIMITED", None)], None) == Ceiling(None, None)
    assert find_ceiling([], 7) == Ceiling()
