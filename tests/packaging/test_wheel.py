"""What is built and installed works without the checkout, with the examples, documents and agent files inside."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DATA = "torc_client/project_data"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    argv = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), "--target", "wheel"]
    subprocess.run(argv, cwd=PROJECT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_example_document_and_agent_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "docs", "examples", "agents", ".claude-plugin"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert {f"{DATA}/{path}" for path in tracked if (PROJECT / path).is_file()} - names == set()
    for path in (
        "examples/yaml/diamond.yaml",
        "agents/claude.yaml",
        "agents/torc/README.md",
        "docs/explanation/lifecycle.md",
    ):
        assert f"{DATA}/{path}" in names


def test_an_installed_wheel_runs_an_example_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The new environment borrows the libraries of this one, so that nothing has to be downloaded."""
    environment, work = tmp_path / "venv", tmp_path / "work"
    work.mkdir()
    venv.create(environment, symlinks=True, with_pip=False)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # A line in a .pth file adds a folder without its own .pth files, hence without the editable checkout.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    smoke = subprocess.run(
        ["bash", str(PROJECT / "packaging" / "smoke.sh"), str(environment / "bin")],
        cwd=work,
        env={name: value for name, value in os.environ.items() if not name.startswith(("TORC_", "PYTHON"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    where = [str(python), "-c", "import torc_cli, torc_server, runner; print(torc_cli.__file__, runner.__file__)"]
    found = subprocess.run(where, cwd=work, check=True, capture_output=True, text=True).stdout
    assert str(PROJECT) not in found
