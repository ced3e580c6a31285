"""`python -m docs_build.pictures`: the pictures of a terminal in docs/pictures, from a real run of an example."""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
_WIDTH = 118
_STORY = (
    "torc examples copy pending_failures",
    "torc -s run pending_failures.yaml",
    "torc -s failures list 1",
    "torc -s recover 1 --ai-recovery --ai-agent rules --dry-run",
    "torc -s failures approve 1",
    "torc -s run 1",
)
_LINES = {1: 4, 3: 9, 4: 1, 5: 2}
"""How many lines of a long output are shown, by the number of the command."""
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def failure_story() -> str:
    """Return an SVG of the story from a failed run to an approved proposal."""
    console = Console(record=True, width=_WIDTH, file=StringIO())
    with TemporaryDirectory() as folder:
        for number, command in enumerate(_STORY):
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            for line in _output(command, Path(folder))[: _LINES.get(number)]:
                console.print(Text(line), overflow="ellipsis", no_wrap=True)
            console.print()
    svg = console.export_svg(title="torc", unique_id="torc")
    # The fonts would be loaded from another machine; every system has a monospaced one.
    return _FONTS.sub("", svg).replace("Fira Code", "ui-monospace, Menlo, Consolas").rstrip() + "\n"


def _output(command: str, folder: Path) -> list[str]:
    """Return what people see of the result; progress on stderr is left out."""
    program = Path(sys.executable).with_name("torc")
    argv = [str(program), *command.split()[1:]]
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(folder), "USER": "you"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout.splitlines()


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "failures.svg").write_text(failure_story(), encoding="utf-8")


if __name__ == "__main__":
    main()
