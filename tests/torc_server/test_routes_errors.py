"""Whatever goes wrong with a request, the answer has one shape, and nothing was changed."""

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from helpers import ServerProcess

from torc_core import API_PREFIX
from torc_server.app import create_app
from torc_server.settings import ServerSettings


@pytest.fixture
def http(shared_server: ServerProcess) -> httpx.Client:
    return httpx.Client(base_url=shared_server.url, headers=shared_server.headers, trust_env=False)


def _error(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert set(body) == {"error"}
    assert {"code", "message"} <= set(body["error"])
    assert "Traceback" not in response.text
    error: dict[str, Any] = body["error"]
    return error


def test_an_unknown_path_says_where_the_api_is_described(http: httpx.Client) -> None:
    response = http.get("/no_such_thing")
    assert response.status_code == 404
    assert "/docs" in _error(response)["hint"]


def test_a_wrong_method_is_answered_in_the_same_shape(http: httpx.Client) -> None:
    response = http.patch("/workflows")
    assert response.status_code == 405
    assert "PATCH" in _error(response)["message"]


def test_a_missing_field_is_named_with_its_place(http: httpx.Client) -> None:
    response = http.post("/bulk_files", json={"files": [{"workflow_id": 1, "name": "a"}]})
    assert response.status_code == 422
    assert _error(response)["message"] == "body.files.0.path: Field required"


def test_many_problems_are_counted_and_not_all_listed(http: httpx.Client) -> None:
    message = _error(http.post("/bulk_files", json={"files": [{}] * 100}))["message"]
    assert message.endswith("and 295 more")


def test_a_body_that_is_no_json_is_a_422(http: httpx.Client) -> None:
    response = http.post("/workflows", content=b"{not json", headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert _error(response)["message"].startswith("body: Invalid JSON")


def test_a_body_of_another_type_is_expected_to_be_json(http: httpx.Client) -> None:
    response = http.post("/workflows", data={"name": "w"})
    assert response.status_code == 422
    assert "application/json" in _error(response)["hint"]


def test_a_body_without_a_type_is_refused_as_pages_of_other_sites_can_send_it(http: httpx.Client) -> None:
    response = http.post("/workflows", content=b'{"name": "w", "user": "u"}')
    assert response.status_code == 422
    assert "application/json" in _error(response)["hint"]


def test_numbers_that_json_does_not_have_break_no_later_list(http: httpx.Client) -> None:
    workflow = http.post("/workflows", json={"name": "w", "user": "u"}).json()
    body = b'{"workflow_id": %d, "timestamp": 1, "data": {"x": NaN}}' % workflow["id"]
    http.post("/events", content=body, headers={"Content-Type": "application/json"})
    response = http.get("/events", params={"workflow_id": workflow["id"], "category": "x"})
    assert response.status_code == 200


def test_a_missing_body_is_a_422(http: httpx.Client) -> None:
    response = http.post("/workflows")
    assert response.status_code == 422
    assert _error(response)["message"] == "body: Field required"


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({}, "query.workflow_id"),
        ({"workflow_id": "x"}, "query.workflow_id"),
        ({"workflow_id": 1, "limit": 100_001}, "query.limit"),
        ({"workflow_id": 1, "offset": -1}, "query.offset"),
        ({"workflow_id": 10**30}, "query.workflow_id"),
    ],
)
def test_a_bad_query_parameter_is_named(http: httpx.Client, query: dict[str, Any], place: str) -> None:
    response = http.get("/files", params=query)
    assert response.status_code == 422
    assert _error(response)["message"].startswith(f"{place}: ")


def test_an_unknown_sort_column_is_refused_with_the_allowed_ones(http: httpx.Client) -> None:
    workflow = http.post("/workflows", json={"name": "w", "user": "u"}).json()
    response = http.get("/files", params={"workflow_id": workflow["id"], "sort_by": "id; DROP TABLE file"})
    assert response.status_code == 422
    assert _error(response)["hint"] == "sort_by may be one of id, name, path, sha256, st_mtime, workflow_id"


def test_a_number_that_no_database_holds_is_a_422(http: httpx.Client) -> None:
    response = http.post("/files", json={"workflow_id": 10**30, "name": "a", "path": "b"})
    assert response.status_code == 422
    _error(response)


def test_a_record_that_does_not_exist_is_a_404_with_its_id(http: httpx.Client) -> None:
    response = http.get("/files/123456")
    assert response.status_code == 404
    assert _error(response)["ids"] == {"id": 123456}


def test_a_workflow_that_does_not_exist_is_a_404_for_its_lists(http: httpx.Client) -> None:
    response = http.get("/results", params={"workflow_id": 123456})
    assert response.status_code == 404
    assert _error(response)["code"] == "not_found"


def test_a_body_above_the_cap_is_refused_before_it_is_read(shared_server: ServerProcess) -> None:
    connection = HTTPConnection("127.0.0.1", shared_server.port, timeout=10)
    connection.putrequest("POST", f"{API_PREFIX}/workflows")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Authorization", shared_server.headers["Authorization"])
    connection.putheader("Content-Length", str(3 * 1024**2))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert "2 MiB" in json.loads(response.read())["error"]["message"]
    connection.close()


def test_an_unexpected_error_is_reported_without_its_details_and_logged_with_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(ServerSettings(database=tmp_path / "torc.db"))
    app.state.work = None
    headers = {"Authorization": f"Bearer {app.state.token}"}
    response = TestClient(app, base_url="http://localhost", headers=headers).get(f"{API_PREFIX}/workflows/1")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "server_fault"
    assert "NoneType" not in response.text
    assert "NoneType" in caplog.text
