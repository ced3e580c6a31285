"""Layouts of the database, oldest first, as the files in `versions` are named."""

from pathlib import Path
from typing import Final

REVISIONS: Final = tuple(sorted(path.name[1:5] for path in Path(__file__).with_name("versions").glob("v[0-9]*_*.py")))
