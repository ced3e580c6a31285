"""A second user of this machine, who tries what a outsider on a login node can try."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_PYTHONS = (Path("/usr/bin/python3"), Path("/usr/local/bin/python3"), Path(sys.base_prefix, "bin", "python3"))
"""Where Python may be that another user can start; a developer's own often stands in a private home."""

_REQUEST = """
import json, sys, urllib.error, urllib.request
method, url, headers, body = json.loads(sys.argv[1])
data = None if body is None else body.encode()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(urllib.request.Request(url, data, headers, method=method), timeout=20)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode()]))
"""


def as_nobody(*argv: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs a command as the user `nobody`, with nothing of this process's environment."""
    nobody = pwd.getpwnam("nobody")
    # setpriv and not user=: a failure to start the program is then an exit code like any other
    return subprocess.run(
        ["setpriv", "--", *argv],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        cwd="/",
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def python_of_nobody() -> str | None:
    """Returns a Python that the user nobody can start; None where there is none, or nobody can be played."""
    if os.geteuid() != 0:
        return None
    works = (str(path) for path in _PYTHONS if path.exists() and as_nobody(str(path), "-c", "").returncode == 0)
    return next(works, None)


needs_second_user = pytest.mark.skipif(
    python_of_nobody() is None, reason="only root, with a Python outside private homes, can act as the user nobody"
)


def request_as_nobody(
    method: str, url: str, *, headers: dict[str, str] | None = None, body: str | None = None
) -> tuple[int, str]:
    """Returns the status and the body of the answer."""
    done = as_nobody(str(python_of_nobody()), "-I", "-c", _REQUEST, json.dumps([method, url, headers or {}, body]))
    assert done.returncode == 0, done.stderr
    status, text = json.loads(done.stdout)
    return int(status), str(text)


def can_read_as_nobody(path: Path) -> bool:
    return as_nobody("/bin/cat", str(path)).returncode == 0


def error_of(text: str) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(text)["error"]
    return error
