"""What a user's limits make libraries raise becomes a sentence, without a traceback."""

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from torc_cli.main import _as_torc_error


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("can't start new thread"), OSError(errno.EAGAIN, "Resource temporarily unavailable")],
)
def test_a_limit_that_is_too_low_is_named(error: Exception) -> None:
    expected = _as_torc_error(error)
    assert expected is not None
    assert "no memory or no thread" in expected.message
    assert "ulimit -a" in str(expected.hint)


def test_a_mistake_of_our_own_stays_a_traceback() -> None:
    assert _as_torc_error(RuntimeError("dictionary changed size during iteration")) is None
    assert _as_torc_error(OSError(errno.EIO, "Input/output error")) is None


def test_hardly_any_memory_ends_in_a_sentence_or_works(tmp_path: Path) -> None:
    limit = 60 << 20
    done = subprocess.run(
        [sys.executable, "-P", "-c", _MAIN, "status", "1"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "TORC_API_URL": "http://127.0.0.1:9/torc-service/v1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


_MAIN = "import sys; from torc_cli.main import main; sys.argv = ['torc', *sys.argv[1:]]; main()"
