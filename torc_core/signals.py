"""Reads signals by name or number."""

import signal


def signal_number(name: str) -> int | None:
    """Return the signal of `SIGTERM`, `term` or `15`; None for other texts."""
    text = name.strip().upper()
    if text.isdecimal():
        return int(text) if int(text) in set(signal.Signals) else None
    full = text if text.startswith("SIG") else f"SIG{text}"
    return signal.Signals[full].value if full in signal.Signals.__members__ else None
