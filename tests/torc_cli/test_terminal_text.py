"""Text from elsewhere on a terminal: nothing in it changes how the rest looks."""

import json

import pytest

from torc_cli.render.text import clean, display, escape_unsafe

HOSTILE = {
    "colours": ("\x1b[31mred\x1b[0m", "red"),
    "title": ("\x1b]0;owned\x07name", "name"),
    "link": ("\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\", "here"),
    "c1": ("\x9b2Jgone", "gone"),
    "directions": ("\u202eabc\u2066d\u2069", "abcd"),
    "zero width": ("a\u200bb\ufeffc\u00add", "abcd"),
    "tags": ("a\U000e0041\U000e007fb", "ab"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_reaches_into_a_terminal_is_left_out(name: str) -> None:
    text, shown = HOSTILE[name]
    assert clean(text) == shown
    assert display(text) == shown


@pytest.mark.parametrize("name", HOSTILE)
def test_json_keeps_the_text_and_writes_it_as_escapes(name: str) -> None:
    text = HOSTILE[name][0] + " \u00e9\u4e2d"
    written = escape_unsafe(json.dumps([text], ensure_ascii=False))
    assert json.loads(written) == [text]
    assert clean(written) == written
    assert "\u00e9\u4e2d" in written


def test_lines_tabs_and_letters_of_all_languages_stay() -> None:
    text = "a\tb\nc \u00e9 \u4e2d\u6587 \u05d0"
    assert clean(text) == text
