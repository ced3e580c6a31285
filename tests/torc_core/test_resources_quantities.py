"""Memory and durations: what is read, what is written, and that nothing else ever happens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_core.errors import InvalidInputError
from torc_core.resources.duration import describe_duration, format_duration, parse_duration
from torc_core.resources.memory import describe_memory, format_memory, parse_memory, round_up_memory

amounts = st.integers(0, (1 << 63) - 1)


@pytest.mark.parametrize(
    ("text", "memory_bytes"),
    [("0", 0), ("1024", 1024), ("1k", 1024), ("512m", 512 << 20), ("8G", 8 << 30), (" 2t ", 2 << 40), ("8 g", 8 << 30)],
)
def test_memory_is_read_in_binary_units(text: str, memory_bytes: int) -> None:
    assert parse_memory(text) == memory_bytes


@pytest.mark.parametrize("text", ["", "g", "1.5g", "-1g", "8gb", "8 gigs", "1e3", "٣g", "9" * 19, "9000000t"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_memory(text)
    assert caught.value.hint


@given(memory_bytes=amounts.filter(lambda amount: amount < 10**18))
def test_a_written_amount_reads_back(memory_bytes: int) -> None:
    assert parse_memory(format_memory(memory_bytes)) == memory_bytes


@given(text=st.text() | st.from_regex(r"\d*\s*[kmgtKMGT.]*", fullmatch=True))
def test_any_text_is_an_amount_or_invalid_input(text: str) -> None:
    try:
        assert 0 <= parse_memory(text) < 1 << 63
    except InvalidInputError as error:
        assert error.hint


@given(memory_bytes=st.integers(1, 1 << 50))
def test_rounding_up_never_loses_and_adds_less_than_one_unit(memory_bytes: int) -> None:
    rounded = round_up_memory(memory_bytes)
    unit = 1 << 30 if memory_bytes >= 1 << 30 else 1 << 20 if memory_bytes >= 1 << 20 else 1 << 10
    assert memory_bytes <= rounded < memory_bytes + unit
    assert round_up_memory(rounded) == rounded


@given(memory_bytes=amounts)
def test_every_amount_can_be_described(memory_bytes: int) -> None:
    assert describe_memory(memory_bytes).split()[1] in ("B", "KB", "MB", "GB", "TB")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0S", 0),
        ("PT30M", 1800),
        ("PT1H30M", 5400),
        ("P0DT1M", 60),
        ("P1W", 604_800),
        ("P1DT12H", 129_600),
        ("pt1.5h", 5400),
        ("P1Y", 31_557_600),
        ("P1M", 2_629_800),
        ("PT1M", 60),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1h", "4:00:00", "PT1H1H", "PT-1H", "P1S", "P9999999Y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_duration(text)
    assert caught.value.hint


@given(seconds=st.integers(0, 10**10))
def test_a_written_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(seconds=st.floats(0, 1e10))
def test_a_duration_is_rounded_up_to_whole_seconds(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == math.ceil(seconds)


@given(text=st.text() | st.from_regex(r"P[0-9.YMWDTHS]*", fullmatch=True))
def test_any_text_is_a_duration_or_invalid_input(text: str) -> None:
    try:
        assert 0 <= parse_duration(text) < 1e11
    except InvalidInputError as error:
        assert error.hint


@given(seconds=st.floats(0, 1e9))
def test_every_duration_can_be_described(seconds: float) -> None:
    assert describe_duration(seconds)
