"""The description of the API is complete: it is what other clients are generated from."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torc.openapi_client.api as upstream
from helpers import ServerProcess

from torc_core import API_PREFIX
from torc_server.app import create_app
from torc_server.settings import ServerSettings

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    database: Path = tmp_path_factory.mktemp("described") / "torc.db"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a server would write them to its log
        return create_app(ServerSettings(database=database)).openapi()


def _operations(description: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_route_describes_its_answer(description: dict[str, Any]) -> None:
    bare = [
        f"{method} {path}"
        for method, path, operation in _operations(description)
        if not any("schema" in kind for kind in operation["responses"]["200"].get("content", {}).values())
    ]
    assert bare == []


def test_every_operation_id_is_unique(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in _operations(description)]
    assert len(ids) == len(set(ids))


def test_every_route_is_under_the_base_path(description: dict[str, Any]) -> None:
    assert [path for _, path, _ in _operations(description) if not path.startswith(f"{API_PREFIX}/")] == []


def test_every_call_of_the_published_client_is_served_under_its_own_name(description: dict[str, Any]) -> None:
    served = {operation["operationId"] for _, _, operation in _operations(description)}
    classes = [kind for name, kind in vars(upstream).items() if name.endswith("Api")]
    calls = {name for kind in classes for name in vars(kind) if not name.startswith("_")}
    calls = {name for name in calls if not name.endswith(("_with_http_info", "_without_preload_content"))}
    assert len(calls) > 100
    assert calls - served == set()


def test_the_description_and_its_reader_are_served(shared_server: ServerProcess) -> None:
    described = httpx.get(f"{shared_server.root_url}/openapi.json", headers=shared_server.headers, trust_env=False)
    assert described.json()["info"]["title"] == "Torc"
    assert "swagger" in httpx.get(f"{shared_server.root_url}/docs", headers=shared_server.headers, trust_env=False).text
