"""Steps from one layout of the tables to the next, run by Alembic when the server starts."""

from typing import Final

REVISIONS: Final = ("0001", "0002")
"""Every layout this server knows, the newest last; each has a module in `versions`."""
