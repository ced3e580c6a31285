"""What torc prints as the next step works as it is printed, also without a server of one's own."""

import re
import shlex
from pathlib import Path

from helpers import ServerProcess, wait_until
from torc_process import SpecWriter, Torc

_STEP = re.compile(r"^  (torc .+)$", re.MULTILINE)
_IN_HINT = re.compile(r"(torc -s[^;`]+)")


def typed(torc: Torc, line: str) -> None:
    """Runs a printed line in a shell's words; only its usage and its reaching the workflow matter here."""
    words = shlex.split(line, comments=True)
    assert words[0] == "torc"
    printed = torc(*words[1:], code=None)
    assert printed.code in (0, 1), f"{line}\n{printed.err}"
    assert not re.search("no answer|does not exist|was found|there is no", printed.err), f"{line}\n{printed.err}"


def test_the_steps_after_a_standalone_run_work_as_printed(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    printed = torc("-s", "--database", "my place/t.db", "run", spec(jobs={"bad": "exit 3"}), "-o", "my logs", code=1)
    steps = _STEP.findall(printed.out)
    assert (
        "torc -s --database 'my place/t.db' recover -o 'my logs' 1 --dry-run    # what recovery would do"
        in "\n".join(steps)
    )
    steps += _STEP.findall(torc("-s", "--database", "my place/t.db", "status", 1).out)
    for step in steps:
        typed(torc, step)


def test_hints_of_the_server_and_of_torc_name_the_server_that_was_asked(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    here = ("-s", "--database", "t.db")
    created = torc(*here, "create", spec(jobs={"a": "true"})).out
    assert "Next: torc -s --database t.db run 1" in created
    assert "`torc -s --database t.db workflows list`" in torc(*here, "status", 99, code=1).err
    torc(*here, "workflows", "archive", "true", 1)
    refused = torc(*here, "run", 1, "-o", "logs", code=1).err
    assert "torc -s --database t.db workflows archive false 1" in refused
    torc(*here, "workflows", "archive", "false", 1)
    report = torc(*here, "run", 1, "-o", "logs", "-f", "json").json
    assert report["next_commands"] == []
    again = torc(*here, "run", 1, "-o", "logs").err
    assert "torc -s --database t.db init 1" in again
    assert "torc -s --database t.db reinit 1" in again


def test_a_server_named_by_a_flag_is_in_the_next_step(
    tmp_path: Path, spec: SpecWriter, shared_server: ServerProcess
) -> None:
    printed = Torc(tmp_path)("--url", shared_server.root_url, "create", spec(jobs={"a": "true"}))
    assert f"torc --url {shared_server.root_url} run" in printed.out
    by_environment = Torc(tmp_path, shared_server.url)("create", spec(jobs={"a": "true"}))
    assert "Next: torc run" in by_environment.out


def test_the_default_database_needs_no_flag(tmp_path: Path, spec: SpecWriter) -> None:
    assert "Next: torc -s run 1" in Torc(tmp_path)("-s", "create", spec(jobs={"a": "true"})).out


def test_what_recovery_prints_works_as_printed(tmp_path: Path, spec: SpecWriter) -> None:
    torc = Torc(tmp_path)
    path = spec(jobs={"bad": "exit 137", "worse": "exit 3"})
    torc("-s", "--database", "t.db", "run", path, code=1)
    printed = torc("-s", "--database", "t.db", "recover", 1)
    assert "torc -s --database t.db run 1" in printed.out
    for found in _IN_HINT.findall(printed.out):
        assert "--database t.db" in found


def test_what_was_stopped_is_listed_by_its_own_status(torc: Torc, spec: SpecWriter) -> None:
    run = torc.start("run", spec(jobs={"a": "touch started; sleep 600"}), "-f", "json")
    wait_until((torc.folder / "started").exists, "the job runs", timeout_s=30)
    run.send_signal(2)
    out, err = run.communicate(timeout=60)
    assert "--status terminated" in out, err
    assert '--status failed"' not in out
