"""Names of cloned requirements."""

import pytest

from torc_core.recovery.clone_name import clone_name


@pytest.mark.parametrize(
    ("name", "memory", "runtime", "expected"),
    [
        ("train", "12g", None, "train_mem12g"),
        ("train", None, "PT1H24M", "train_time1h24m"),
        ("train", "12g", "PT30M", "train_mem12g_time30m"),
        ("train_mem12g", "18g", None, "train_mem18g"),
        ("train_mem12g", None, "PT2H", "train_mem12g_time2h"),
        ("train_mem12g_time2h", "18g", None, "train_mem18g_time2h"),
        ("train_time2h", None, "PT3H", "train_time3h"),
        ("_mem12g", "18g", None, "_mem12g_mem18g"),
        ("default", "3g", None, "default_mem3g"),
        ("two\nlines", "3g", None, "two\nlines_mem3g"),
    ],
)
def test_a_clone_is_named_after_its_base_and_its_new_amounts(
    name: str, memory: str | None, runtime: str | None, expected: str
) -> None:
    assert clone_name(name, memory=memory, runtime=runtime) == expected
