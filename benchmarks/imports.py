"""What each entry imports, and how long that takes: run by `make imports`.

    python -m benchmarks.imports [--runs 5] [--worst 6]

`CPU ms` is that of the whole process, the median of several runs; the milliseconds behind a package are those of its
own modules in one run, which the clock of the imports itself lengthens.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import machine, print_table
from benchmarks.scale import Server

SPEC = "name: small\njobs:\n  - name: a\n    command: 'true'\n"
_IMPORTED = re.compile(r"import time: +(\d+) \| +\d+ \| *(\S+)")
_HELLO = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    '"clientInfo":{"name":"imports","version":"1"}}}\n'
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)
_SERVER = ("torc_server.main", "run", "--port", "0", "--log-level", "warning", "--shutdown-on-stdin-eof")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A command as it is typed, the module with its arguments, and what is written to its standard input."""

    typed: str
    words: Sequence[str]
    text: str = ""


ENTRIES = (
    Entry(typed="torc --help", words=("torc_cli.main", "--help")),
    Entry(typed="torc status 1", words=("torc_cli.main", "status", "1")),
    Entry(typed="torc jobs list 1", words=("torc_cli.main", "jobs", "list", "1")),
    Entry(typed="torc create small.yaml", words=("torc_cli.main", "create", "small.yaml")),
    Entry(typed="torc-server", words=(*_SERVER, "--database", "imports.db")),
    Entry(typed="torc-mcp-server", words=("torc_mcp.main",), text=_HELLO),
)


def imported(entry: Entry, folder: Path, environment: Mapping[str, str]) -> Mapping[str, float]:
    """Return the modules that the entry imports, with the milliseconds of each without what it imports itself."""
    done = _run(entry, folder, environment, "-X", "importtime")
    return {name: int(own) / 1000 for own, name in _IMPORTED.findall(done.stderr)}


def _run(entry: Entry, folder: Path, environment: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *options, "-m", *entry.words],
        cwd=folder,
        env={**os.environ, **environment},
        input=entry.text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{entry.typed}: {done.stdout[-500:]}{done.stderr[-1000:]}"
    return done


def _measure(entry: Entry, folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Return CPU and wall time of one run, in milliseconds."""
    used, begin = os.times(), time.perf_counter()
    _run(entry, folder, environment)
    now = os.times()
    cpu_s = now.children_user + now.children_system - used.children_user - used.children_system
    return cpu_s * 1000, (time.perf_counter() - begin) * 1000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--worst", type=int, default=6, help="packages to name for each entry")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "small.yaml").write_text(SPEC)
        server = Server(folder)
        try:
            print_table(
                f"What the entries import ({machine()})",
                ("entry", "CPU ms", "wall ms", "modules", "packages that took longest, ms"),
                [_row(entry, folder, server.client.environment(), options) for entry in ENTRIES],
            )
        finally:
            server.stop()


def _row(entry: Entry, folder: Path, server: Mapping[str, str], options: argparse.Namespace) -> tuple[str, ...]:
    if entry.typed == "torc status 1":
        _run(ENTRIES[3], folder, server)
    runs = [_measure(entry, folder, server) for _ in range(options.runs)]
    modules = imported(entry, folder, server)
    packages = Counter[str]()
    for module, own_ms in modules.items():
        packages[module.partition(".")[0]] += own_ms
    worst = ", ".join(f"{name} {own_ms:.0f}" for name, own_ms in packages.most_common(options.worst))
    cpu_ms, wall_ms = (statistics.median(each) for each in zip(*runs, strict=True))
    return entry.typed, f"{cpu_ms:.0f}", f"{wall_ms:.0f}", f"{len(modules)}", worst


if __name__ == "__main__":
    main()
