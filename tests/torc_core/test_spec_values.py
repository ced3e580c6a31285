"""Values of parameters and how they are written."""

import pytest

from torc_core.errors import InvalidInputError
from torc_core.spec.templates import Template
from torc_core.spec.values import format_value, parse_values


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("0:2", [0, 1, 2]),
        ("1:10:3", [1, 4, 7, 10]),
        ("3:1:-1", [3, 2, 1]),
        ("5:5", [5]),
        ("-1:1", [-1, 0, 1]),
        ("0:1:0.25", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("1.5:3", [1.5, 2.5]),
        ("0.2:0.1:-0.05", [0.2, 0.15, 0.1]),
        ("{1:3}", [1, 2, 3]),
        ("[a, b]", ["a", "b"]),
        ("[1, 2.5, x]", [1, 2.5, "x"]),
        ("['a, b', \"c\"]", ["a, b", "c"]),
        ("['01', 2]", ["01", 2]),
        ("adam", ["adam"]),
        ("7", [7]),
        ("1e-3", [0.001]),
        ([1, "b", 0.5, True], [1, "b", 0.5, True]),
        (4, [4]),
        (0.1, [0.1]),
        ("12345678901234567890", ["12345678901234567890"]),
    ],
)
def test_a_parameter_holds_the_values_it_says(written: object, values: list[object]) -> None:
    assert parse_values(written) == values


def test_a_range_of_tenths_has_no_rounding_noise() -> None:
    assert parse_values("0:1:0.1") == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("1:3:0", "step"),
        ("3:1", "negative step"),
        ("1:2:3:4", "no range"),
        ("a:b", "no range"),
        ("1:", "no range"),
        ("http://host", "put a text with a colon into a list"),
        ("[]", "empty"),
        ([], "empty"),
        ("[a,,b]", "cannot read the list"),
        ("1:9999999", "the most is"),
        ("0:1e99", "the most is"),
        (None, "expected a number or a text"),
        ([[1]], "expected a number or a text"),
        ({"a": 1}, "expected a number or a text"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(written: object, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        parse_values(written)


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (7, "", "7"),
        (7, "03d", "007"),
        (-7, "03d", "-07"),
        (7, "d", "7"),
        (2.0, "02d", "02"),
        (0.5, ".2f", "0.50"),
        (3, ".1f", "3.0"),
        (0.00001, "", "0.00001"),
        (0.00001, ".0e", "1e-05"),
        (1.0, "", "1.0"),
        (1e20, "", "1e+20"),
        ("x", "", "x"),
        (True, "", "true"),
    ],
)
def test_a_value_is_written_in_the_format_asked_for(value: float | str, spec: str, text: str) -> None:
    assert format_value(value, spec) == text


@pytest.mark.parametrize(("value", "spec"), [("x", "03d"), (0.5, "03d"), (1, "x"), (1, ">5"), (True, "d")])
def test_a_format_that_does_not_fit_is_refused(value: float | str, spec: str) -> None:
    with pytest.raises(InvalidInputError, match="the format"):
        format_value(value, spec)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("run {i} {i:03d}", "run 5 005"),
        ("echo {} {j} {i", "echo {} {j} {i"),
        ("echo ${i} ${i:-3} ${HOME} $i", "echo ${i} ${i:-3} ${HOME} $i"),
        ("awk '{print $1}' {i}.txt", "awk '{print $1}' 5.txt"),
        ("${files.input.f_{i}}", "${files.input.f_5}"),
        ("{s}{i}{s}", "x5x"),
    ],
)
def test_only_declared_parameters_are_filled_in(text: str, filled: str) -> None:
    assert Template(text, ("i", "s")).render((5, "x")) == filled
