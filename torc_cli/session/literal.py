"""Commands of torc in hints and reports, as they must be typed to reach the same server and the same logs."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

from torc_cli.session.registry import COMMANDS

_WITH_OUTPUT_DIR: Final = ("jobs logs", "recover", "reports results", "run", "watch")
_WITHOUT_SERVER: Final = frozenset({"agents", "completions", "examples", "mcp"})
_NAMES: Final = (*_WITH_OUTPUT_DIR, *(name for name in COMMANDS if name not in _WITHOUT_SERVER))
_COMMAND: Final = re.compile(rf"(?<![\w-])torc ({'|'.join(map(re.escape, _NAMES))})(?![\w-])")


def literal(text: str, *, options: Callable[[], list[str]], output_dir: Path | None) -> str:
    """`text` with the global options in every `torc COMMAND`, and `-o` where the command has it.

    `options` is asked only where there is a command.
    """

    def as_typed(found: re.Match[str]) -> str:
        name = found[1]
        place = ["-o", str(output_dir)] if output_dir is not None and name in _WITH_OUTPUT_DIR else []
        return " ".join(["torc", *map(shlex.quote, options()), name, *map(shlex.quote, place)])

    return _COMMAND.sub(as_typed, text)
