"""Modules of the user that bear the names of ours, or of the standard library, do no harm."""

import json
import os
from pathlib import Path

import pytest
from torc_process import Torc

from runner.process.launcher import Ended
from runner.process.local_launcher import LocalLauncher

FOREIGN = "raise SystemExit('a module of the user was imported')"


def foreign_modules(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.py").write_text(FOREIGN)
    return folder


@pytest.mark.parametrize("name", ["runner", "torc_client"])
def test_a_run_imports_our_packages_although_pythonpath_holds_the_same_names(tmp_path: Path, name: str) -> None:
    modules = foreign_modules(tmp_path / "modules", name)
    (tmp_path / "flow.json").write_text(json.dumps({"name": "one", "jobs": [{"name": "a", "command": "true"}]}))
    torc = Torc(tmp_path, environment={"PYTHONPATH": str(modules)})
    assert "1 completed" in torc("-s", "run", "flow.json").out


def test_the_launcher_imports_nothing_from_the_current_folder_or_pythonpath(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = foreign_modules(tmp_path, "contextlib", "ctypes", "select", "signal")
    monkeypatch.chdir(modules)
    launcher = LocalLauncher({**os.environ, "PYTHONPATH": str(modules)})
    try:
        launcher.run(1, "exit 3", env={}, stdout=None, stderr=None)
        launcher.flush()
        events = launcher.events()
        while not any(isinstance(event, Ended) for event in events):
            events += launcher.events()
        assert [event.exit_code for event in events if isinstance(event, Ended)] == [3]
    finally:
        launcher.close()
