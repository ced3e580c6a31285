"""Requests generated from the OpenAPI document: none may end in an error of the server.

`make fuzz` runs many more of them, with new seeds.
"""

import os
from typing import Any, Final

import pytest
import schemathesis
from helpers import ServerProcess
from hypothesis import HealthCheck, Phase, given, settings

EXAMPLES: Final = int(os.environ.get("TORC_FUZZ_EXAMPLES", "3"))
IS_SAMPLE: Final = EXAMPLES < 10
ENDLESS: Final = "/events/stream$"


@pytest.mark.timeout(60 * 60)
def test_no_request_is_an_error_of_the_server(server: ServerProcess) -> None:
    description = schemathesis.openapi.from_url(f"{server.root_url}/openapi.json", headers=server.headers).exclude(
        path_regex=ENDLESS
    )
    errors: dict[str, str] = {}
    operations = [result.ok() for result in description.get_all_operations()]
    for operation in operations:
        _try(operation, server.headers, errors)
    assert len(operations) > 100
    assert errors == {}


def _try(operation: Any, headers: dict[str, str], errors: dict[str, str]) -> None:
    """Note a request that the server answered with 5xx, the smallest one that was found."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=IS_SAMPLE,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def answers_in_order(case: Any) -> None:
        response = case.call(timeout=60, headers=headers)
        assert response.status_code < 500, f"{case.as_curl_command()}\n{response.status_code} {response.text[:300]}"

    try:
        answers_in_order()
    except AssertionError as error:
        errors[operation.label] = str(error)
