"""The machine's user `nobody` before a server of somebody else: no route but two, and no file."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from helpers import ServerProcess, wait_until
from other_user import as_nobody, needs_second_user, python_of_nobody
from torc_process import Torc

from torc_core import API_PREFIX
from torc_core.credentials import token_beside

OPEN = {f"GET {API_PREFIX}/ping": 200, f"GET {API_PREFIX}/version": 200}

_WALK = """
import json, sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
root, routes = json.load(sys.stdin)
answers = {}
for method, path in routes:
    body = b"{}" if method in ("POST", "PUT") else None
    request = urllib.request.Request(root + path, body, {"Content-Type": "application/json"}, method=method)
    try:
        answers[f"{method} {path}"] = opener.open(request, timeout=60).status
    except urllib.error.HTTPError as error:
        answers[f"{method} {path}"] = error.code
print(json.dumps(answers))
"""
_READ = """
import json, os, socket, stat, sys
opened = []
for path in json.load(sys.stdin):
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            with socket.socket(socket.AF_UNIX) as end:
                end.connect(path)
        else:
            open(path, "rb").close()
        opened.append(path)
    except PermissionError:
        pass
    except FileNotFoundError:
        print("gone", path, file=sys.stderr)
print(json.dumps(opened))
"""


@dataclass(frozen=True)
class Running:
    """A server at work with a job: where it listens, its database, and the processes that belong to it."""

    url: str
    database: Path
    processes: tuple[int, ...]

    @property
    def root(self) -> str:
        return self.url.removesuffix(API_PREFIX)


@contextmanager
def a_run(folder: Path, server: ServerProcess | None) -> Iterator[Running]:
    """Runs a job that waits, at the server or by `torc -s run`."""
    spec = folder / "w.json"
    command = "echo $TORC_API_URL $$ > begun.new; mv begun.new begun; until [ -e stop ]; do sleep 0.1; done"
    spec.write_text(json.dumps({"name": "w", "jobs": [{"name": "a", "command": command}]}))
    torc = Torc(folder, None if server is None else server.url)
    with torc.start(*([] if server else ["-s"]), "run", spec, stderr=subprocess.DEVNULL) as running:
        try:
            begun = folder / "begun"
            wait_until(lambda: begun.exists() or running.poll() is not None, "the job began")
            url, job = begun.read_text().split()
            servers = (running.pid,) if server is None else (running.pid, server.process.pid)
            yield Running(
                url, folder / "output" / "torc.db" if server is None else server.database, (*servers, int(job))
            )
        finally:
            (folder / "stop").touch()
            running.communicate(timeout=120)


def let_through(*paths: Path) -> None:
    """Lets other users pass the folders, so that nothing but a file's own mode keeps them out."""
    for path in paths:
        for folder in [path, *path.parents]:
            if folder != Path("/"):
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o055)


def nobody_does(script: str, data: object) -> object:
    done = as_nobody(str(python_of_nobody()), "-I", "-c", script, stdin=json.dumps(data))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_second_user
@pytest.mark.parametrize("kind", ["torc-server run", "torc -s run"])
def test_nobody_gets_no_answer_but_two_and_reads_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    server = ServerProcess(database=tmp_path / "torc.db").start() if kind == "torc-server run" else None
    try:
        with a_run(tmp_path, server) as running:
            headers = {"Authorization": f"Bearer {token_beside(running.database).read_text().strip()}"}
            document = httpx.get(f"{running.root}/openapi.json", headers=headers, trust_env=False, timeout=60).json()
            routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
            assert len(routes) > 100
            named = [(method, path.replace("{", "").replace("}", "")) for method, path in routes]
            for_ids = [(method, path.replace("{id}", "1")) for method, path in routes if "{" in path]
            pages = [("GET", path) for path in ("/", "/docs", "/openapi.json", "/no/such/page")]
            answers = nobody_does(_WALK, [running.root, [*named, *for_ids, *pages]])
            assert isinstance(answers, dict)
            sys.stdout.write(f"\n{kind}: {len(answers)} requests of nobody, answers {sorted(set(answers.values()))}\n")
            assert {route: status for route, status in answers.items() if status != 401} == OPEN
            let_through(tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir()))
            # what the job wrote itself follows the umask of its user, and so does its log
            own = {tmp_path / name for name in ("w.json", "begun")}
            logs = set((tmp_path / "output" / "job_stdio").glob("job_wf*"))
            harness = set() if server is None else {server.log_path}  # what the server prints, kept by this test
            files = {path for path in tmp_path.rglob("*") if not path.is_dir()} - own - logs - harness
            suffixes = {path.name.removeprefix(running.database.name) for path in files}
            assert {"", "-wal", "-shm", ".token"} <= suffixes
            assert len([path for path in files if state in path.parents]) == 1, (
                "the copy of the token in the state folder"
            )
            memories = [Path(f"/proc/{process}/environ") for process in running.processes]
            opened = nobody_does(_READ, sorted(map(str, [*files, *memories])))
            sys.stdout.write(f"{kind}: {len(files)} files and {len(memories)} environments that nobody can read\n")
            assert opened == []
    finally:
        if server is not None:
            server.stop()
