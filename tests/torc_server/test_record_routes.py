"""The routes of records that one factory makes are those that clients were written for."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from torc_server.app import create_app
from torc_server.settings import ServerSettings

CONTRACT: Final = Path(__file__).parents[1] / "data" / "record_routes.json"
"""Path -> method -> name, parameters, body and answer, as they were before there was a factory."""


def described(operation: dict[str, Any]) -> dict[str, Any]:
    """What clients depend on, without texts."""
    parameters = (
        [{key: parameter[key] for key in ("name", "in", "required", "schema")} for parameter in operation["parameters"]]
        if "parameters" in operation
        else []
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return {"name": operation["operationId"], "parameters": parameters, "body": body, "answer": answer}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    app = create_app(ServerSettings(database=tmp_path_factory.mktemp("routes") / "torc.db"))
    paths: dict[str, Any] = app.openapi()["paths"]
    return paths


@pytest.mark.parametrize("path", sorted(json.loads(CONTRACT.read_text(encoding="utf-8"))))
def test_the_routes_of_a_record_are_those_of_the_contract(served: dict[str, Any], path: str) -> None:
    expected = json.loads(CONTRACT.read_text(encoding="utf-8"))[path]
    assert {method: described(operation) for method, operation in served[path].items()} == expected
