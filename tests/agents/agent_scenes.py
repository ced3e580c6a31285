"""What the tests of agents share: an isolated command line, and workflows whose failures wait for a decision."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recovery_scenes import fail_all, job, make_scene
from torc_process import Printed

from torc_client.http import TorcClient
from torc_core.evidence.record import Evidence

MIB = 1 << 20
REFUSED = Evidence(return_code=1, stderr_tail="ConnectionError: Connection refused to storage.internal:443")
NO_MODULE = Evidence(return_code=1, stderr_tail="ModuleNotFoundError: No module named 'frobnicator'")
BAD_DATA = Evidence(return_code=1, stderr_tail="ValueError: Column 'timestamp' has invalid format")
STRANGE = Evidence(return_code=3, stderr_tail="the flux capacitor misaligned itself")
OOM = Evidence(return_code=137, verdict="oom", memory_limit_bytes=8192 * MIB, peak_memory_bytes=8200 * MIB)


InstallStandIn = Callable[..., Path]
"""`install("honest", name="claude")` puts a stand-in on the test's own PATH under the name of an agent."""


@dataclass
class Scene:
    """A workflow in which every job failed and waits; `ids` by name."""

    client: TorcClient
    workflow_id: int
    ids: Mapping[str, int]

    def statuses(self) -> dict[str, str]:
        return {job.name: str(job.status) for job in self.client.jobs.list_all(workflow_id=self.workflow_id)}


def failed_scene(client: TorcClient, failures: Mapping[str, Evidence], *, dependents: Sequence[str] = ()) -> Scene:
    """`dependents` wait for the first of the failed jobs."""
    drafts = [*(job(name) for name in failures), *(job(name, depends_on=[0]) for name in dependents)]
    workflow_id, job_ids = make_scene(client, *drafts, use_pending_failed=True)
    ids = dict(zip([*failures, *dependents], job_ids, strict=True))
    fail_all(client, workflow_id, {ids[name]: evidence for name, evidence in failures.items()})
    return Scene(client, workflow_id, ids)


@dataclass
class IsolatedTorc:
    """The real command line with nothing of the environment that the tests run in."""

    folder: Path
    bin: Path
    url: str
    more: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        own = {"HOME": str(self.folder), "USER": "tester", "PATH": str(self.bin), "LANG": "C.UTF-8"}
        own["XDG_STATE_HOME"] = os.environ["XDG_STATE_HOME"]  # where the server under test leaves its token
        return {**own, "TORC_API_URL": self.url, **self.more}

    def argv(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "torc_cli.main", *map(str, arguments)]

    def __call__(self, *arguments: object, code: int | None = 0, timeout_s: float = 90) -> Printed:
        """Runs to the end; fails when the exit code is not `code`. None accepts any."""
        done = subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        printed = Printed(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in printed.err, printed.err
        assert code in (None, printed.code), (
            f"torc {arguments} ended with {printed.code}:\n{printed.out}\n{printed.err}"
        )
        return printed

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def put_program(self, name: str, source: str) -> Path:
        """A Python program on this command line's PATH; it finds its own folder for notes in `notes`."""
        path = self.bin / name
        path.write_text(f"#!{sys.executable}\n{source}")
        path.chmod(0o755)
        self.notes.mkdir(exist_ok=True)
        return path

    def link_shell(self) -> None:
        """What jobs need to run, and no other program of the machine."""
        for name in ("bash", "sh", "env", "sleep", "head", "tr"):
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)

    @property
    def notes(self) -> Path:
        """Where stand-ins write down what they saw."""
        return self.bin.parent / "notes"

    def note(self, name: str) -> str:
        return (self.notes / name).read_text()

    def calls(self) -> list[dict[str, object]]:
        """How the stand-in was called, its version checks left out."""
        path = self.notes / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill_leftovers(pids: Sequence[int]) -> list[int]:
    """Which of them still lived; none does afterwards."""
    found = [pid for pid in pids if is_alive(pid)]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return found
