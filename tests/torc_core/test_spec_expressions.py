"""Regular expressions of workflow files: what they find, what they may not hold, and that none takes for ever."""

import random
import re

import pytest

from torc_core.errors import InvalidInputError
from torc_core.spec.build import check_workflow
from torc_core.spec.expressions import compile_search, exact_text

NAMES = [
    "",
    "a",
    "ab",
    "aab",
    "a_b",
    "job_1",
    "job_10",
    "xjob_1",
    "b-1",
    "a b",
    "a.b",
    "axb",
    "é",
    "job_é",
    "A",
    "\n",
    "a\nb",
]


def found(pattern: str) -> list[str]:
    search = compile_search(pattern)
    return [name for name in NAMES if search(name)]


def test_an_expression_with_endless_ways_to_match_is_answered() -> None:
    name = "a" * 32 + "!"
    text = f"jobs: [{{name: {name}, command: x}}, {{name: b, command: x, depends_on_regexes: ['^(a+)+$']}}]"
    assert check_workflow(f"name: w\n{text}", file_name="w.yaml").errors == [
        "w.yaml:2:106: jobs[1].depends_on_regexes[0]: the regular expression '^(a+)+$' matches no job"
    ]
    search = compile_search("^(a|a)*(a|aa)+$")
    assert not search("a" * 50_000 + "!")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(?=b)", "look-around"),
        ("(?!a)b", "look-around"),
        ("(?<=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "back-references"),
        ("(?P<n>a)(?P=n)", "back-references"),
        ("(?>a)b", "possessive"),
        ("a++", "possessive"),
        (r"a\Z", "write $"),
        ("(", "missing )"),
        ("[a", "missing ]"),
        ("a{2,1}", "invalid repetition"),
        ("", "is empty"),
    ],
)
def test_what_is_not_supported_is_named(pattern: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(reason)):
        compile_search(pattern)
    assert capfd.readouterr().err == "", "the library writes nothing of its own to the terminal"


PIECES = (
    "a",
    "b",
    "job_",
    "1",
    "0",
    ".",
    "\\.",
    "\\d",
    "\\w",
    "[ab]",
    "(a|b)",
    "*",
    "+",
    "?",
    "{1,2}",
    "-",
    " ",
    "é",
    "|",
    "x",
)


def test_texts_are_found_as_pythons_engine_finds_them() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        middle = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 4)))
        pattern = chance.choice(("", "^")) + middle + chance.choice(("", "$"))
        try:
            expected = re.compile(pattern, re.ASCII)
            search = compile_search(pattern)
        except (re.error, InvalidInputError):
            continue
        # Python's $ also matches before a line's end; RE2's, as that of most others, does not.
        names = [name for name in NAMES if not name.endswith("\n")]
        assert [name for name in names if search(name)] == [name for name in names if expected.search(name)], pattern


def test_plain_text_is_found_without_the_engine() -> None:
    assert found("job_1") == ["job_1", "job_10", "xjob_1"]
    assert found("^job_1") == ["job_1", "job_10"]
    assert found("b$") == ["ab", "aab", "a_b", "a b", "a.b", "axb", "a\nb"]
    assert found(r"^a\.b$") == ["a.b"]
    assert found("^") == NAMES


def test_the_only_text_of_an_expression_is_known() -> None:
    assert [exact_text(pattern) for pattern in (r"^a\.b$", "^a", "a$", "^a.b$", "^$")] == ["a.b", None, None, None, ""]
