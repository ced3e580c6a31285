"""`torc examples`: what is listed can be shown, copied and run where it was copied to."""

from pathlib import Path

import pytest
from helpers import ServerProcess
from torc_process import EXAMPLES, Torc


@pytest.fixture
def offline(tmp_path: Path) -> Torc:
    """Nothing here needs a server."""
    return Torc(tmp_path, "http://127.0.0.1:9/torc-service/v1")


def test_every_example_of_the_project_is_listed_with_its_description(offline: Torc) -> None:
    listed = {row["name"]: row for row in offline("-f", "json", "examples", "list").json}
    files = {path.name for folder in ("yaml", "json", "kdl") for path in (EXAMPLES / folder).iterdir()}
    assert set(listed) == files - {"torc.schema.json"}
    assert [name for name, row in listed.items() if not row["description"]] == []
    assert listed["oom_recovery_demo.yaml"]["scripts"] == ["examples/scripts/memory_demo.py"]


def test_an_example_is_shown_as_it_is(offline: Torc) -> None:
    assert offline("examples", "show", "diamond").out == (EXAMPLES / "yaml" / "diamond.yaml").read_text()
    assert offline("examples", "show", "diamond.json").out == (EXAMPLES / "json" / "diamond.json").read_text()


def test_a_copied_example_is_valid_where_it_is_with_every_script(offline: Torc) -> None:
    done = offline("examples", "copy", "oom_recovery_demo", "here")
    assert "cd here && torc -s run oom_recovery_demo.yaml" in done.out
    assert (offline.folder / "here/examples/scripts/memory_demo.py").is_file()
    inside = Torc(offline.folder / "here", offline.url)
    assert inside("create", "oom_recovery_demo.yaml", "--dry-run", "-f", "json").json["errors"] == []


def test_a_copied_example_has_its_table_and_the_schema_beside_it(offline: Torc) -> None:
    (offline.folder / "torc.schema.json").write_text("{}")
    offline("examples", "copy", "parameterized_from_json", "here")
    here = offline.folder / "here"
    assert {path.name for path in here.rglob("*") if path.is_file()} == {
        "parameterized_from_json.yaml",
        "sweep.json",
        "sweep.jsonl",
        "torc.schema.json",
    }
    inside = Torc(here, offline.url)
    assert inside("create", "parameterized_from_json.yaml", "--dry-run", "-f", "json").json["errors"] == []
    offline("examples", "copy", "variables_demo.kdl")
    assert (offline.folder / "torc.schema.json").read_text() == "{}"


def test_a_copied_example_runs(shared_server: ServerProcess, tmp_path: Path) -> None:
    torc = Torc(tmp_path, shared_server.url)
    torc("examples", "copy", "diamond", ".")
    torc("run", "diamond.yaml")
    assert (tmp_path / "output/diamond/result.txt").is_file()


def test_a_file_of_the_users_is_replaced_only_by_force(offline: Torc) -> None:
    offline("examples", "copy", "diamond")
    offline("examples", "copy", "diamond")
    (offline.folder / "diamond.yaml").write_text("mine")
    refused = offline("examples", "copy", "diamond", code=2)
    assert "diamond.yaml exists; nothing was copied" in refused.err and "--force" in refused.err
    assert (offline.folder / "diamond.yaml").read_text() == "mine"
    offline("examples", "copy", "diamond", "--force")
    assert (offline.folder / "diamond.yaml").read_text() != "mine"


def test_an_unknown_example_is_answered_with_those_there_are(offline: Torc) -> None:
    refused = offline("examples", "copy", "../../etc/passwd", code=1)
    assert "there is no example" in refused.err and "diamond.yaml" in refused.err
