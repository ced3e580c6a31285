"""Writes what `torc watch` prints into a file, too, which stays when the terminal is gone."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from torc_cli.render.text import clean
from torc_client.private_files import open_for_appending
from torc_client.recovery.recover import RecoveryTools
from torc_core.errors import InvalidInputError
from torc_core.hints import Line


class WatchLog:
    """`watch_<hostname>_<workflow_id>.log`; a later watch writes on. Every line bears its time, empty ones none.

    `say` shows a line, `text_of` writes it as the user would type its commands.
    """

    def __init__(
        self, folder: Path, workflow_id: int, *, say: Callable[[Line], None], text_of: Callable[[Line], str]
    ) -> None:
        self.path = folder / f"watch_{socket.gethostname()}_{workflow_id}.log"
        self._say = say
        self._text_of = text_of
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open_for_appending(self.path)
        except OSError as error:
            raise InvalidInputError(
                f"the log {self.path} cannot be written: {error.strerror}", hint="choose another --output-dir"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()

    def attached_to(self, tools: RecoveryTools) -> RecoveryTools:
        """Return the tools with this log as what they print to."""
        return replace(tools, say=self.say)

    def say(self, line: Line) -> None:
        """Write and show a line; a full disk or a closed terminal silences one of both, and ends nothing."""
        with suppress(OSError):
            self._file.write(f"{self._stamp()} {clean(self._text_of(line))}\n" if line else "\n")
            self._file.flush()
        with suppress(OSError):
            self._say(line)

    @staticmethod
    def _stamp() -> str:
        return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
