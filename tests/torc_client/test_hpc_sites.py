"""Which HPC site a machine belongs to: profiles of Torc and of the user, without a cluster to ask."""

from pathlib import Path

import pytest

from torc_client.hpc_sites import HpcSites
from torc_core.errors import InvalidInputError, NotFoundError

MINE = "name: {}\ndisplay_name: Mine\ndetection: [{{hostname: 'mine.*'}}]\npartitions: [{{name: only}}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the user's profiles."""
    made = tmp_path / "torc" / "hpc"
    made.mkdir(parents=True)
    return made


def sites(folder: Path, hostname: str = "laptop", **variables: str) -> HpcSites:
    environment = {"XDG_CONFIG_HOME": str(folder.parents[1]), "PATH": str(folder), **variables}
    return HpcSites(environment, hostname=hostname)


def test_profiles_of_torc_are_there_without_any_file(tmp_path: Path) -> None:
    found = HpcSites({"HOME": str(tmp_path), "PATH": ""}, hostname="laptop")
    assert [(site.profile.name, site.source) for site in found.known()] == [("dane", "torc"), ("kestrel", "torc")]
    assert found.detect() is None


def test_a_profile_of_the_user_is_found_and_detected(folder: Path) -> None:
    (folder / "any.yaml").write_text(MINE.format("mine"))
    assert [site.profile.name for site in sites(folder).known()] == ["mine", "dane", "kestrel"]
    here = sites(folder, "mine1").detect()
    assert here is not None
    assert (here.profile.name, here.source, str(here.sign)) == ("mine", "user", "host name mine.*")


def test_a_profile_of_the_user_replaces_torc_s_own_of_that_name(folder: Path) -> None:
    (folder / "kestrel.yaml").write_text(MINE.format("kestrel"))
    assert sites(folder).find("kestrel").source == "user"
    assert [site.profile.name for site in sites(folder).known()] == ["kestrel", "dane"]


@pytest.mark.parametrize("variable", ["NLR_CLUSTER", "NREL_CLUSTER"])
def test_kestrel_is_known_by_its_variable(folder: Path, variable: str) -> None:
    assert sites(folder, **{variable: "kestrel"}).choose(None).profile.name == "kestrel"


def test_a_wrong_profile_is_named_by_its_file(folder: Path) -> None:
    (folder / "broken.yaml").write_text("name: 1\n")
    with pytest.raises(InvalidInputError, match=r"broken\.yaml: name"):
        sites(folder).known()


def test_two_profiles_of_one_name_are_refused(folder: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text(MINE.format("mine"))
    with pytest.raises(InvalidInputError, match=r"b\.yaml: there is another profile mine"):
        sites(folder).known()


def test_without_a_name_a_sign_or_a_cluster_the_choice_is_left_to_the_user(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="no HPC profile was named"):
        sites(folder).choose(None)
    with pytest.raises(NotFoundError, match="no HPC profile 'kestrl'; did you mean 'kestrel'"):
        sites(folder).choose("kestrl")
    with pytest.raises(InvalidInputError, match="there is no cluster to ask"):
        sites(folder).choose("slurm")
