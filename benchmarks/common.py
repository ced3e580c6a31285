"""Helpers of all benchmarks: the environment of a run, a table, and the torc commands."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TORC = (sys.executable, "-m", "torc_cli.main")


def machine() -> str:
    """Return one line about where the figures were taken."""
    kernel = platform.release().partition("-")[0]  # what follows names somebody's build of it
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {kernel}"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, ready for docs/explanation/performance.md."""
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    print(f"\n{title}\n")
    for row in (header, ["-" * w for w in widths], *rows):
        print("| " + " | ".join(str(cell).ljust(w) for cell, w in zip(row, widths, strict=True)) + " |")


def torc(*arguments: str, cwd: Path, check: bool = True) -> str:
    """Return the standard output of one torc command."""
    done = subprocess.run([*TORC, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise SystemExit(f"torc {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def torc_json(*arguments: str, cwd: Path) -> Any:
    return json.loads(torc(*arguments, "-f", "json", cwd=cwd))
