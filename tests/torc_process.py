"""The real `torc` as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

SpecWriter = Callable[..., Path]
"""`spec(jobs={"a": "true"}, name="test", **more_keys)` gives the path of a workflow file."""

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Printed:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Torc:
    """Commands in one folder, against one server or (without `url`) standalone."""

    folder: Path
    url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: object, code: int | None = 0, stdin: str = "") -> Printed:
        """Runs to the end; fails when the exit code is not `code`. None accepts any."""
        done = subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.env(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        printed = Printed(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in printed.err, printed.err
        assert code in (None, printed.code), (
            f"torc {arguments} ended with {printed.code}:\n{printed.out}\n{printed.err}"
        )
        return printed

    def start(self, *arguments: object, stderr: IO[str] | int = subprocess.PIPE) -> "subprocess.Popen[str]":
        """For commands that go on."""
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def argv(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "torc_cli.main", *map(str, arguments)]

    def env(self) -> dict[str, str]:
        """Without settings of the user who runs the tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TORC_", "XDG_"))}
        own = {"HOME": str(self.folder), "USER": "tester", "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
        return kept | own | ({"TORC_API_URL": self.url} if self.url else {}) | dict(self.environment)
