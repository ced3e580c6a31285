"""Coroutines as tests, in asyncio alone, and once for each protocol era."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    """auto: one request at a time, as of 2026-07-28; legacy: with a handshake before."""
    return str(request.param)
