"""No call of the published client is left out of these tests."""

from pathlib import Path
from typing import Any

import torc.openapi_client.api as apis


def test_every_call_of_the_published_client_is_exercised_here(api: Any) -> None:
    calls = {
        name
        for kind in api.classes
        for name in vars(type(kind))
        if not name.startswith("_") and not name.endswith(("_with_http_info", "_without_preload_content"))
    }
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    assert len(vars(apis)) > 10
    assert {call for call in calls if f"api.{call}(" not in tests and f"self.{call}(" not in tests} == set()
