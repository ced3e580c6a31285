"""Amounts are read as Slurm means them."""

import pytest

from torc_core.slurm.quantities import parse_slurm_memory, parse_slurm_walltime


@pytest.mark.parametrize(
    ("walltime", "seconds"),
    [
        ("30", 1800),
        ("30:15", 1815),
        ("04:00:00", 14_400),
        ("2-00", 172_800),
        ("1-12:30", 131_400),
        ("1-00:00:01", 86_401),
        ("PT2H", 7200),
        ("UNLIMITED", None),
        ("0", None),
    ],
)
def test_walltimes_are_read_as_slurm_means_them(walltime: str, seconds: float | None) -> None:
    assert parse_slurm_walltime(walltime) == seconds


@pytest.mark.parametrize(("mem", "size"), [("8G", 8 << 30), ("512", 512 << 20), ("0", None), (None, None), ("?", None)])
def test_memory_is_read_as_slurm_means_it(mem: str | None, size: int | None) -> None:
    assert parse_slurm_memory(mem) == size
