"""Defaults of recovery; imports nothing, because every start of the command line shows them."""

from typing import Final

MEMORY_MULTIPLIER: Final = 1.5
RUNTIME_MULTIPLIER: Final = 1.4
WATCH_RUNTIME_MULTIPLIER: Final = 1.5
"""A watch runs unattended: it raises more at once, to need fewer attempts."""

MAX_RETRIES: Final = 3
"""Recoveries of one `watch` or `run`."""

HOOK_TIMEOUT_S: Final = 600.0
POLL_S: Final = 60.0
"""The longest time between two looks of a watch."""

MIN_CONFIDENCE: Final = 0.8
"""The least confidence at which the agent `rules` acts."""
