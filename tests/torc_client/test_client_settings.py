"""Settings of the client: from flags, the environment and config files, whose mistakes are explained."""

from pathlib import Path

import pytest

from torc_client.settings import load_settings
from torc_core.errors import InvalidInputError

MISSPELT = {
    "a key": ("[client]\napi_ulr = 'x'", "client.api_ulr", "'api_url'"),
    "a key that resembles none": ("[client]\nzzzzzz = 1", "client.zzzzzz", "api_url, database"),
    "a table": ("[cleint]\napi_url = 'x'", "cleint", "[client]"),
    "a key outside of its table": ("api_url = 'x'", "api_url", "[client]"),
    "a table within the table": ("[client.formt]\nx = 1", "client.formt", "'format'"),
}


@pytest.mark.parametrize("mistake", MISSPELT)
def test_an_unknown_key_is_an_error_with_file_key_and_the_nearest_known_one(tmp_path: Path, mistake: str) -> None:
    text, key, nearest = MISSPELT[mistake]
    file = tmp_path / "torc.toml"
    file.write_text(text)
    with pytest.raises(InvalidInputError) as raised:
        load_settings(environment={}, config_files=(file,))
    assert str(file) in raised.value.message
    assert key in raised.value.message
    assert nearest in f"{raised.value.message} {raised.value.hint}"


def test_tables_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "torc.toml"
    file.write_text("[server]\nport = 8080\n[dash]\nport = 1\n[client]\nformat = 'json'\n")
    assert load_settings(environment={}, config_files=(file,)).format == "json"


def test_a_later_file_wins_over_an_earlier_one_and_the_environment_over_both(tmp_path: Path) -> None:
    site, own = tmp_path / "site.toml", tmp_path / "own.toml"
    site.write_text("[client]\napi_url = 'http://site:1'\noutput_dir = 'there'\n")
    own.write_text("[client]\napi_url = 'http://own:2'\n")
    settings = load_settings(environment={"TORC_OUTPUT_DIR": "here"}, config_files=(site, own))
    assert settings.url.startswith("http://own:2/")
    assert settings.output_dir == "here"
