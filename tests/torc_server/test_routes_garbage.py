"""Whatever a request says, the server answers it in order and its database stays sound."""

import json
import random
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from helpers import ServerProcess

from torc_core import API_PREFIX
from torc_server.db.engine import Database
from torc_server.db.unit_of_work import read_unit
from torc_server.invariants import check
from torc_server.settings import ServiceSettings

_REQUESTS: Final = 1000
_NUMBERS: Final = (-1, 2**53, 2**63 - 1, 2**63, 10**30)
_WORDS: Final = (
    "",
    "a0",
    "default",
    "completed",
    "ready",
    "8g",
    "PT1H",
    "\0",
    "é😀",
    "x" * 2000,
    "%",
    "'; DROP TABLE job;--",
)
_VALUES: Final = (None, 1, "x", [1], {"a": {"b": [None]}}, {"commands": ["x"]})


class Requests:
    """Requests made up from the server's own description, mostly of the right form."""

    def __init__(self, description: dict[str, Any], seed: int) -> None:
        self._choose = random.Random(seed)
        self._schemas = description["components"]["schemas"]
        self._operations = [
            (method.upper(), path, operation)
            for path, methods in description["paths"].items()
            for method, operation in methods.items()
            if not path.endswith("/stream") and not operation["operationId"].startswith(("delete_workflow", "cancel"))
        ]

    def make(self, http: httpx.Client) -> httpx.Request:
        method, path, operation = self._choose.choice(self._operations)
        query: dict[str, Any] = {}
        for parameter in operation.get("parameters", []):
            value = self._value(parameter["schema"])
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(str(value), safe=""))
            elif value is not None and parameter["name"] != "wait_seconds" and self._likely(0.4):
                query[parameter["name"]] = value
        content = None
        if "requestBody" in operation:
            content = json.dumps(self._value(operation["requestBody"]["content"]["application/json"]["schema"]))
        return http.build_request(method, path, params=query, content=content)

    def _likely(self, chance: float) -> bool:
        return self._choose.random() < chance

    def _value(self, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return self._value(self._schemas[schema["$ref"].rpartition("/")[2]])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._value(self._choose.choice(schema[several]))
        if "enum" in schema:
            return self._choose.choice(schema["enum"])
        match schema.get("type"):
            case "null":
                return None
            case "integer" | "number":
                return self._choose.randint(0, 4) if self._likely(0.9) else self._choose.choice(_NUMBERS)
            case "boolean":
                return self._likely(0.5)
            case "string":
                return self._choose.choice(_WORDS)
            case "array":
                return [self._value(schema.get("items", {})) for _ in range(self._choose.randint(0, 2))]
            case "object":
                required = schema.get("required", [])
                return {
                    name: self._value(field)
                    for name, field in schema.get("properties", {}).items()
                    if self._likely(0.98 if name in required else 0.5)
                }
            case _:
                return self._choose.choice(_VALUES)


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    headers = {"Content-Type": "application/json", **server.headers}
    with httpx.Client(base_url=server.root_url, trust_env=False, headers=headers, timeout=30) as http:
        yield http


def _fill(http: httpx.Client) -> None:
    for workflow_id in (1, 2, 3):
        http.post(f"{API_PREFIX}/workflows", json={"name": "w", "user": "u"})
        jobs = [{"workflow_id": workflow_id, "name": f"a{n}", "command": "true"} for n in range(5)]
        http.post(f"{API_PREFIX}/bulk_jobs", json={"jobs": jobs})
        http.post(f"{API_PREFIX}/files", json={"workflow_id": workflow_id, "name": "f", "path": "p"})
        http.post(f"{API_PREFIX}/workflows/{workflow_id}/initialize_jobs")


def test_no_request_makes_the_server_fail_or_the_database_unsound(server: ServerProcess, http: httpx.Client) -> None:
    _fill(http)
    requests = Requests(http.get("/openapi.json").json(), seed=1)
    for _ in range(_REQUESTS):
        request = requests.make(http)
        answer = http.send(request)
        story = f"{request.method} {request.url} {request.content[:500]!r}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500, story
        assert answer.is_success or set(answer.json()) == {"error"}, story
    database = Database(server.database)
    with read_unit(database, ServiceSettings()) as uow:
        assert check(uow) == []
    database.close()
