"""Tables for people, JSON for programs."""

import json

import pytest
from pydantic import BaseModel

from torc_cli.render.as_json import JsonOutput
from torc_cli.render.as_tables import TableOutput
from torc_cli.render.base import Column, Table


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


def test_one_record_is_printed_without_what_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    TableOutput().record(Thing(id=1, name="a"))
    assert capsys.readouterr().out == "id    1\nname  a\n"
