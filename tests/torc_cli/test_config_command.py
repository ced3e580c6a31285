"""`torc config`: what is set, where, and whether it is right."""

from pathlib import Path

from torc_process import Torc


def test_a_config_file_is_written_shown_and_checked(tmp_path: Path) -> None:
    torc = Torc(tmp_path, environment={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")})
    torc("config", "init")
    assert "exists already" in torc("config", "init", code=2).err
    file = tmp_path / "torc.toml"
    assert "Sound: torc.toml" in torc("config", "validate", "torc.toml").out
    template = file.read_text()
    file.write_text('[client]\noutput_dir = "results"\n')
    assert torc("config", "show", "-f", "json").json["output_dir"] == "results"
    paths = torc("config", "paths", "-f", "json").json["files"]
    assert [each["exists"] for each in paths if each["path"] == str(file)] == [True]
    file.write_text('[client]\noutput_dri = "results"\n')
    refused = torc("config", "validate", code=2).err
    assert "did you mean 'output_dir'?" in refused
    keys = refused.partition("the keys are ")[2].split()
    assert keys
    assert [key for key in keys if f"\n# {key.strip(',')} = " not in template] == []
