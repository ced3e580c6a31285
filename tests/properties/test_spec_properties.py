"""What holds for all ranges, formats, graphs and texts."""

import contextlib
import json
import math
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from torc_core.errors import InvalidInputError, SpecError
from torc_core.spec.build import read_workflow
from torc_core.spec.graph import find_cycle
from torc_core.spec.load import read_source
from torc_core.spec.templates import Template
from torc_core.spec.values import format_value, parse_values, plain_text

small = st.integers(-200, 200)


@given(start=small, end=small, step=st.integers(-20, 20).filter(bool))
def test_a_range_of_whole_numbers_is_the_inclusive_range(start: int, end: int, step: int) -> None:
    expected = list(range(start, end + (1 if step > 0 else -1), step))
    try:
        assert parse_values(f"{start}:{end}:{step}") == expected
    except InvalidInputError:
        assert not expected


@given(start=small, count=st.integers(0, 300), step=st.integers(1, 999), digits=st.integers(1, 6))
def test_a_range_of_decimals_holds_each_decimal_exactly_as_written(
    start: int, count: int, step: int, digits: int
) -> None:
    scale = 10**digits
    written = [f"{float(Fraction(number, scale)):.{digits}f}" for number in (start, start + count * step, step)]
    values = parse_values(":".join(written))
    assert values == [float(Fraction(start + place * step, scale)) for place in range(count + 1)]


@given(value=st.integers(-(10**9), 10**9), width=st.integers(1, 20))
def test_a_padded_whole_number_reads_back(value: int, width: int) -> None:
    text = format_value(value, f"0{width}d")
    assert int(text) == value
    assert len(text) >= width


@given(value=st.floats(-1e12, 1e12), digits=st.integers(0, 12))
def test_a_rounded_number_is_within_half_a_unit(value: float, digits: int) -> None:
    assert abs(Fraction(format_value(value, f".{digits}f")) - Fraction(value)) <= Fraction(1, 2 * 10**digits)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_plain_number_reads_back_exactly(value: float) -> None:
    assert float(plain_text(value)) == value


@given(text=st.text())
def test_any_text_as_a_parameter_has_values_or_is_invalid_input(text: str) -> None:
    with contextlib.suppress(InvalidInputError):
        assert parse_values(text)


@given(text=st.text(alphabet="ab{}:$0d3f. "), spec=st.sampled_from(["", ":03d", ":.1f"]))
def test_filling_in_changes_nothing_but_placeholders(text: str, spec: str) -> None:
    if "{p" not in text:
        around = Template(f"{text} {{p{spec}}} {text}", ("p",)).render((7,))
        assert around == f"{text} {format_value(7, spec.removeprefix(':'))} {text}"


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(1, 12))
    return draw(st.lists(st.lists(st.integers(0, size - 1), max_size=3), min_size=size, max_size=size))


def has_cycle(graph: list[list[int]]) -> bool:
    """Takes away whoever waits for nobody until nothing changes."""
    left = set(range(len(graph)))
    while free := {node for node in left if not left.intersection(graph[node])}:
        left -= free
    return bool(left)


@given(graph=graphs())
def test_a_cycle_is_found_exactly_if_there_is_one(graph: list[list[int]]) -> None:
    cycle = find_cycle(graph)
    assert (cycle is not None) == has_cycle(graph)
    for node, following in zip(cycle or [], [*(cycle or [])[1:], *(cycle or [])[:1]], strict=True):
        assert following in graph[node]


def test_a_chain_of_a_hundred_thousand_needs_no_recursion() -> None:
    assert find_cycle([[place + 1] for place in range(100_000)] + [[]]) is None
    assert len(find_cycle([[place + 1] for place in range(100_000)] + [[0]]) or []) == 100_001


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_a_product_has_as_many_jobs_as_the_counts_multiply_to_all_different(lengths: list[int]) -> None:
    names = [f"p{place}" for place in range(len(lengths))]
    parameters = ", ".join(f"{name}: '1:{length}'" for name, length in zip(names, lengths, strict=True))
    template = "_".join(f"{{{name}}}" for name in names)
    text = f"jobs: [{{name: 'j_{template}', command: x, parameters: {{{parameters}}}}}]"
    made, report = read_workflow(text, file_name="w.yaml", user="ann")
    assert len(made.jobs) == len({job.name for job in made.jobs}) == math.prod(lengths)
    assert report.summary.job_count == len(made.jobs)
    assert [job.name for job in made.jobs] == sorted(job.name for job in made.jobs)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["name", "jobs", "files", "command", "depends_on", "parameters", "rules", "actions", "env", "failure_handlers"]
)
specs = st.recursive(
    json_values, lambda inner: st.dictionaries(keys, inner, max_size=5) | st.lists(inner, max_size=3), max_leaves=12
)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#?,% \n\t01.~<\\u"), max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    for name in ("w.yaml", "w.json", "w.txt"):
        try:
            read_source(text, file_name=name)
        except SpecError as error:
            assert error.message.startswith(f"{name}:")


@settings(max_examples=300, deadline=None)
@given(value=specs)
def test_any_value_is_a_workflow_or_refused_with_a_place(value: object) -> None:
    try:
        read_workflow(json.dumps(value), file_name="w.json", user="ann")
    except SpecError as error:
        assert error.message.startswith("w.json:")
