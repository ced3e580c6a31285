"""Rules by which a newcomer finds the way: sizes of files and rooms, names of classes, first words of docstrings."""

import ast
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("runner", "torc_cli", "torc_client", "torc_core", "torc_mcp", "torc_server")
MOST_LINES: Final = 500
MOST_MODULES: Final = 24
"""In one folder, `__init__.py` not counted."""
NO_VERB: Final = re.compile(r"(?:What|Whether|The|As|An?|How|Who|Where|Why|Of|Those|One|Each|All|Every|If|Only|None)\b")
"""First words of a docstring that names a thing where a function does something."""
LARGE_ROOMS: Final = {"torc_cli/commands"}
"""One file for each noun of the command line."""


def python_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in listed.splitlines() if (PROJECT / name).is_file()]


def modules() -> list[Path]:
    return [path for path in python_files() if path.relative_to(PROJECT).parts[0] in PACKAGES]


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {str(path): length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_room_is_too_large() -> None:
    sizes = Counter(str(path.parent.relative_to(PROJECT)) for path in modules() if path.name != "__init__.py")
    assert {room: size for room, size in sizes.items() if size > MOST_MODULES and room not in LARGE_ROOMS} == {}


def test_no_two_public_classes_share_a_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PROJECT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_module_says_what_it_holds(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, "begin it with one plain sentence"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_function_says_what_it_does(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    texts = {f"{function.lineno} {function.name}": ast.get_docstring(function) or "" for function in functions}
    assert [place for place, text in texts.items() if NO_VERB.match(text)] == [], "begin with a verb"
