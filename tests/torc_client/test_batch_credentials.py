"""Credentials of batch jobs: in a file of the user's own, never in the environment that sbatch hands on."""

from pathlib import Path

import pytest

from torc_client.credentials import Credentials, keep_credentials, read_credentials
from torc_client.settings import load_settings
from torc_client.slurm.programs import clean_environment
from torc_core.errors import InvalidInputError

WORD = "a=b"
OTHER = "other"
URL = "http://login:8080/torc-service/v1"


def test_a_runner_proves_who_it_is_by_the_file_that_its_environment_names(tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    keep_credentials(Credentials(token=OTHER), URL, state)
    path = keep_credentials(Credentials(user="ann", password=WORD), URL, state)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    named = {"TORC_CREDENTIALS_FILE": str(path)}
    assert load_settings(environment=named, config_files=()).credentials == Credentials(user="ann", password=WORD)
    own = load_settings(environment=named | {"TORC_API_TOKEN": OTHER}, config_files=())
    assert own.token == OTHER


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = keep_credentials(Credentials(token=WORD), URL, {"XDG_STATE_HOME": str(tmp_path)})
    path.chmod(0o640)
    with pytest.raises(InvalidInputError, match="only you can read"):
        read_credentials(path)


def test_sbatch_gets_no_secrets_and_no_options_from_the_environment() -> None:
    given = {
        "PATH": "/bin",
        "MODULES": "x",
        "TORC_API_TOKEN": "t",
        "TORC_PASSWORD": "p",
        "SBATCH_ACCOUNT": "other",
        "SBATCH_WAIT": "1",
        "SBATCH_RESERVATION": "course",
    }
    assert clean_environment(given) == {
        "PATH": "/bin",
        "MODULES": "x",
        "SBATCH_RESERVATION": "course",
        "LC_ALL": "C.UTF-8",
    }
