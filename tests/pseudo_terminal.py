"""A command on a real pseudo-terminal, as a person sees it and types."""

import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class PseudoTerminal:
    """The command runs until it ends or the block does. `shown` is all that it has printed, without colours."""

    def __init__(self, argv: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, 120))
        self._process = subprocess.Popen(
            # the terminal becomes its own, so that Ctrl-C reaches it
            ["setsid", "--ctty", *argv],
            cwd=folder,
            env={**environment, "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._seen = 0
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def answer(self, question: str, text: str) -> None:
        """Type the text once the question was asked, after all earlier ones."""
        self.expect(question)
        os.write(self._master, f"{text}\n".encode())

    def press(self, keys: str) -> None:
        """Type keys, without a new line."""
        os.write(self._master, keys.encode())

    def interrupt(self, question: str) -> None:
        """Type Ctrl-C once the question was asked."""
        self.expect(question)
        os.write(self._master, b"\x03")

    def expect(self, text: str, *, timeout_s: float = 120.0) -> None:
        """Return once the text was printed, after what was expected before."""
        deadline = time.monotonic() + timeout_s
        while (place := self.shown.find(text, self._seen)) < 0:
            assert time.monotonic() < deadline, f"never printed: {text!r}\n{self.shown}"
            assert self._read(), f"it ended without printing {text!r}\n{self.shown}"
        self._seen = place + len(text)

    def await_end(self) -> int:
        """Return the exit code, after everything that the command prints."""
        while self._read():
            pass
        return self._process.wait(60)

    def _read(self) -> bool:
        """Read what is printed next; return whether more may come."""
        ready, _, _ = select.select([self._master], [], [], 0.5)
        if not ready:
            return self._process.poll() is None
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux: the other side is closed
            return False
        self.shown += _CONTROL.sub("", data.decode(errors="replace"))
        return bool(data)
