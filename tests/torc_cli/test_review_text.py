"""What the screens of a review show, on terminals of any width."""

import pytest

from torc_cli.commands.review_text import KEYS, key_lines


@pytest.mark.parametrize("width", [20, 40, 79, 80, 120])
def test_every_key_is_shown_whole_on_a_terminal_of_any_width(width: int) -> None:
    lines = key_lines(width)
    assert [key for line in lines for key in line.split("  ")] == [key for line in KEYS for key in line.split("  ")]
    assert max(map(len, lines)) <= max(width, 23)
