"""What recovery does where the user says nothing; light to import, as the command line shows it."""

from typing import Final

MEMORY_MULTIPLIER: Final = 1.5
RUNTIME_MULTIPLIER: Final = 1.4
WATCH_RUNTIME_MULTIPLIER: Final = 1.5
"""A watch recovers without anybody there: it gives more at once."""

MAX_RETRIES: Final = 3
"""Recoveries of one `watch` or `run`."""

HOOK_TIMEOUT_S: Final = 600.0
POLL_S: Final = 60.0
"""The longest time between two looks of a watch."""

MIN_CONFIDENCE: Final = 0.8
"""How sure the agent `rules` must be."""
