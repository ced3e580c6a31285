"""Says that everything is done, and did nothing."""

import sys
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    sys.stdout.write("1.2.3 (Stand-in)\n")
    sys.exit()
with (Path(sys.argv[0]).parent.parent / "notes" / "calls").open("a") as file:
    file.write('{"called": true}\n')
sys.stdout.write("All jobs were classified and resolved successfully.\n")
