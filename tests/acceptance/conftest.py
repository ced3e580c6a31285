"""The real command line, against the server that all tests share."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import ServerProcess
from torc_process import SpecWriter, Torc


@pytest.fixture
def torc(shared_server: ServerProcess, tmp_path: Path) -> Torc:
    """`torc` in an empty folder, against the shared server."""
    return Torc(tmp_path, shared_server.url)


@pytest.fixture
def spec(tmp_path: Path) -> SpecWriter:
    """Writes a workflow file: `spec(jobs={"a": "true"}, …more keys…)`."""

    def write(*, jobs: dict[str, str | dict[str, Any]], name: str = "test", **keys: Any) -> Path:
        entries = [
            {"name": job, **(body if isinstance(body, dict) else {"command": body})} for job, body in jobs.items()
        ]
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"name": name, "jobs": entries, **keys}))
        return path

    return write
