"""Tables for people, JSON for programs."""

import json
import time
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from torc_cli.render.as_csv import CsvOutput
from torc_cli.render.as_json import JsonOutput
from torc_cli.render.as_tables import TableOutput
from torc_cli.render.base import Column, Table
from torc_cli.render.text import short_time
from torc_core.errors import InvalidInputError


class Thing(BaseModel):
    id: int
    name: str
    note: str | None = None


TABLE = Table("things", (Column("ID", "id", right=True), Column("Name", "name"), Column("Note", "note")))


def test_a_table_in_a_pipe_is_plain_and_never_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput().records(TABLE, [Thing(id=7, name="x" * 300), Thing(id=12, name="short", note="two\nlines")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "Name", "Note"]
    assert lines[1].split() == ["7", "x" * 300, "-"]
    assert lines[2].split() == ["12", "short", "two", "lines"]
    assert lines[-1] == "Total: 2 things"


def test_an_empty_table_is_a_remark_and_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput().records(TABLE, [])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "No things found.\n"


def test_an_empty_list_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    JsonOutput().records(TABLE, [])
    assert json.loads(capsys.readouterr().out) == []


def test_json_keeps_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    JsonOutput().records(TABLE, [Thing(id=1, name="ä")])
    assert json.loads(capsys.readouterr().out) == [{"id": 1, "name": "ä", "note": None}]


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput().record(Thing(id=1, name="evil\x1b[2J\x07name"))
    TableOutput().done("text with \x1b]0;title\x07", {})
    assert "\x1b" not in (printed := capsys.readouterr().out)
    assert "\x07" not in printed


def test_a_table_as_wide_as_the_terminal_breaks_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    things = [Thing(id=1234567890, name="x" * 60, note="word " * 12)]
    TableOutput(width=50).records(TABLE, things)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == 50
    assert any("1234567890" in line for line in lines)


def test_columns_that_give_way_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(
        "things", (Column("ID", "id", right=True), Column("Name", "name"), Column("Note", "note", gives_way=True))
    )
    TableOutput(width=32).records(table, [Thing(id=123456789012, name="x" * 60, note="y" * 60)])
    captured = capsys.readouterr()
    assert "Note" not in captured.out
    assert "Not shown: Note" in captured.err


def test_records_that_fit_in_no_table_are_printed_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput(width=36).records(TABLE, [Thing(id=10**12, name="x" * 60, note="y" * 60)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ID    1000000000000"
    assert lines[1] == "Name  " + "x" * 30
    assert lines[2] == " " * 6 + "x" * 30


def test_excluded_columns_are_left_out_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    things = [Thing(id=1, name="a", note="=1+1")]
    TableOutput(exclude=["Note"]).records(TABLE, things)
    assert "Note" not in capsys.readouterr().out
    JsonOutput(exclude=["note"]).records(TABLE, things)
    assert json.loads(capsys.readouterr().out) == [{"id": 1, "name": "a"}]
    CsvOutput(exclude=["id"]).records(TABLE, things)
    assert capsys.readouterr().out == "name,note\na,'=1+1\n"


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="no column 'nmae'"):
        TableOutput(exclude=["nmae"]).records(TABLE, [Thing(id=1, name="a")])


def test_csv_holds_what_json_holds(capsys: pytest.CaptureFixture[str]) -> None:
    CsvOutput().records(TABLE, [Thing(id=1, name='say "hi", twice', note=None), Thing(id=2, name="b", note="-7")])
    assert capsys.readouterr().out == 'id,name,note\n1,"say ""hi"", twice",\n2,b,-7\n'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-05-04T10:11:12Z", "10:11:12"),
        ("2026-01-31T10:11:12Z", "01-31 10:11"),
        (1735689600000, "2025-01-01"),
        (1735689600.5, "2025-01-01"),
        ("soon", "soon"),
        (None, None),
    ],
)
def test_times_are_short(value: object, shown: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert short_time(value, now=datetime(2026, 5, 4, 20, tzinfo=UTC)) == shown


def test_one_record_is_printed_without_what_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput().record(Thing(id=1, name="a"))
    assert capsys.readouterr().out == "id    1\nname  a\n"
