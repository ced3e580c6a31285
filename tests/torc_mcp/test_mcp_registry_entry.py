"""The entry for the registry of MCP servers names this version, and options that there are."""

import json
from pathlib import Path

import pytest

from torc_core import __version__
from torc_mcp.main import main

ENTRY = json.loads((Path(__file__).parents[2] / "server.json").read_text())


def test_the_entry_has_the_version_of_the_package() -> None:
    [package] = ENTRY["packages"]
    assert (ENTRY["version"], package["version"], package["identifier"]) == (__version__, __version__, "torc-recovery")


def test_the_registry_takes_the_description() -> None:
    assert 0 < len(ENTRY["description"]) <= 100
    assert ENTRY["name"].count("/") == 1


def test_the_server_knows_the_options_of_the_entry(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for argument in ENTRY["packages"][0]["packageArguments"]:
        assert argument["name"] in shown
