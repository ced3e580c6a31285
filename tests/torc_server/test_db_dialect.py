"""What only SQLite understands stands in one module, so that a second database is a second module."""

import re
from pathlib import Path

import pytest

import torc_server
from torc_core.jobs.status import STATUS_CODES, JobStatus
from torc_server.db import dialect
from torc_server.db.sql import sql

_SERVER = Path(torc_server.__file__).parent
_DIALECT = Path(dialect.__file__)
_FILES_OF_RUNNERS = _SERVER / "pages/runner_files.py"
"""What runners measured lies in SQLite files of their own, whatever database the server has."""
_OWN_WORDS = re.compile(
    r"\bjson_(?:each|extract|remove|group_array|array|set)\b|\bINDEXED BY\b|\bCROSS JOIN\b|\bPRAGMA\b"
    r"|\bsqlite_\w+|\bimport sqlite3\b|\bOR (?:IGNORE|REPLACE)\b|(?<!\.)\bGLOB\b|\bjulianday\b"
    r"|(?<!\.)\bstrftime\(|\bgroup_concat\b"
    r"|\binstr\(|\bBEGIN IMMEDIATE\b|\browid\b|\bIFNULL\b",
    re.IGNORECASE,
)


def test_words_of_sqlite_stand_in_the_dialect_and_in_migrations_only() -> None:
    places = [
        f"{path.relative_to(_SERVER)}:{number}: {line.strip()}"
        for path in sorted(_SERVER.rglob("*.py"))
        if path not in {_DIALECT, _FILES_OF_RUNNERS} and "migrations" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if _OWN_WORDS.search(line)
    ]
    assert not places, "\n".join(places)


def test_the_dialect_holds_what_the_search_looks_for() -> None:
    assert {match.group().upper() for match in _OWN_WORDS.finditer(_DIALECT.read_text(encoding="utf-8"))} >= {
        "JSON_EACH",
        "INDEXED BY",
        "CROSS JOIN",
        "PRAGMA",
        "SQLITE_SEQUENCE",
        "SQLITE_WHERE",
    }


def test_a_template_may_use_statuses_and_the_names_of_the_dialect() -> None:
    ready = STATUS_CODES[JobStatus.READY]
    assert sql("status = $READY AND id IN $ids") == f"status = {ready} AND id IN {dialect.NAMES['ids']}"
    with pytest.raises(KeyError, match="unheard_of"):
        sql("$unheard_of")
