"""Runners in processes of their own."""

from running import start_runner

__all__ = ["start_runner"]
