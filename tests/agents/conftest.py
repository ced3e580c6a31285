"""`torc` with an emptied environment, and agents that are found nowhere but in the test's own folder."""

import shutil
from pathlib import Path

import pytest
from agent_scenes import InstallStandIn, IsolatedTorc
from helpers import ServerProcess

STANDINS = Path(__file__).parent / "standins"


@pytest.fixture
def torc(shared_server: ServerProcess, tmp_path: Path) -> IsolatedTorc:
    """`torc` in an empty folder that is its HOME too, with a PATH of one empty folder."""
    found = IsolatedTorc(folder=tmp_path / "home", bin=tmp_path / "bin", url=shared_server.url)
    found.folder.mkdir()
    found.bin.mkdir()
    assert shutil.which("claude", path=found.env()["PATH"]) is None
    return found


@pytest.fixture
def install(torc: IsolatedTorc) -> InstallStandIn:
    def put(standin: str, *, name: str = "claude") -> Path:
        return torc.put_program(name, (STANDINS / f"{standin}.py").read_text())

    return put
