"""Own copies of the real agents, installed by npm into a cache outside the project; none of the machine's is used."""

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest

PACKAGES: Final = {"claude": "@anthropic-ai/claude-code@2.1.197", "copilot": "@github/copilot@1.0.102"}
_PASSED_TO_NPM: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_INSTALL_S: Final = 90
_TRY_AGAIN_S: Final = 600


def installed_agents() -> Path:
    """The folder of their programs; skips the test where they are not there and cannot be fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torc-tests"
    folder = cache / "-".join(package.rpartition("/")[2].replace("@", "-") for package in PACKAGES.values())
    programs = folder / "node_modules" / ".bin"
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("the real agents need node and npm")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _skip_after_recent_failure(folder)
            problem = _install(folder)
            (folder / ("failed" if problem else "complete")).write_text(problem)
            _skip_after_recent_failure(folder)
    return programs


def _skip_after_recent_failure(folder: Path) -> None:
    """Where there is no network, one test finds it out for all."""
    failed = folder / "failed"
    if failed.exists() and time.time() - failed.stat().st_mtime < _TRY_AGAIN_S:
        pytest.skip(failed.read_text())


def _install(folder: Path) -> str:
    """Why it did not work; empty when it did."""
    npm = shutil.which("npm")
    assert npm is not None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    env |= {name: os.environ[name] for name in _PASSED_TO_NPM if name in os.environ}
    if _CERTIFICATES.exists():
        env["NODE_EXTRA_CA_CERTS"] = str(_CERTIFICATES)
    command = [npm, "install", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", str(folder)]
    try:
        done = subprocess.run(
            [*command, *PACKAGES.values()], env=env, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"npm did not fetch the real agents within {_INSTALL_S} seconds"
    return f"npm could not fetch the real agents: {done.stderr.strip()[-300:]}" if done.returncode else ""


def private_path(folder: Path, programs: Path) -> str:
    """A PATH of one folder: the own copies, node and a shell, and nothing else of the machine."""
    folder.mkdir()
    for name in PACKAGES:
        (folder / name).symlink_to(programs / name)
    for name in ("node", "sh", "env"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def isolated(command: list[str]) -> list[str]:
    """The command in a network of its own that has nothing but loopback, where this user may make one."""
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    if os.geteuid() != 0 or unshare is None or ip is None:
        return command
    probe = subprocess.run([unshare, "-n", ip, "link", "set", "lo", "up"], capture_output=True, check=False)
    if probe.returncode:
        return command
    return [unshare, "-n", "/bin/sh", "-c", f'{ip} link set lo up && exec "$@"', "sh", *command]
