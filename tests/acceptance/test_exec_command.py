"""`torc exec`: commands as jobs, without a file."""

import json
from pathlib import Path

import pytest
from torc_process import Torc


def test_commands_run_with_every_value_and_stay_as_a_record(torc: Torc) -> None:
    torc("exec", "-n", "squares", "-c", "echo $(({i} * {i})) > out_{i}", "--param", "i=1:4", "-j", "8")
    assert [(torc.folder / f"out_{i}").read_text() for i in range(1, 5)] == ["1\n", "4\n", "9\n", "16\n"]
    [workflow] = torc("-f", "json", "workflows", "list", "--name", "squares").json
    results = torc("-f", "json", "results", "list", workflow["id"]).json
    assert [result["return_code"] for result in results] == [0] * 4


def test_a_job_that_fails_makes_the_command_fail_after_its_retries(torc: Torc) -> None:
    (torc.folder / "commands").write_text("# two jobs\ntrue\necho x >> tries; false\n")
    printed = torc("exec", "-C", "commands", "--retries", "2", "--memory-per-job", "1g", code=1)
    assert "job_2" in printed.out
    assert (torc.folder / "tries").read_text() == "x\n" * 3


def test_words_are_one_command_as_they_are(torc: Torc) -> None:
    torc("exec", "--", "touch", "a b", "$HOME;")
    assert {"a b", "$HOME;"} <= {path.name for path in torc.folder.iterdir()}


def test_a_dry_run_prints_the_jobs_and_asks_no_server(tmp_path: Path) -> None:
    offline = Torc(tmp_path, "http://127.0.0.1:9")
    printed = offline(
        "exec", "-c", "echo {a} {b}", "--param", "a=[x,y]", "--param", "b=1:2", "--link", "zip", "--dry-run"
    )
    assert [line.split(None, 1) for line in printed.out.splitlines()[1:3]] == [
        ["job_x_1", "echo x 1"],
        ["job_y_2", "echo y 2"],
    ]
    draft = json.loads(offline("-f", "json", "exec", "-C", "-", "--dry-run", stdin="true\n").out)
    assert [job["command"] for job in draft["jobs"]] == ["true"]


def test_plots_are_drawn_of_jobs_that_failed_too(torc: Torc) -> None:
    pytest.importorskip("plotly")
    printed = torc("exec", "-c", "sleep 2.2; false", "-i", "1", "--generate-plots", "--stdio", "none", code=1)
    [page] = (torc.folder / "output/resource_utilization").glob("resource_plot_wf*.html")
    assert page.name in printed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is no command"),
        (["-c", "true", "--param", "i=1:2"], "no command has {i}"),
        (["-c", "echo {i}", "--param", "i"], "no NAME=VALUES"),
        (["-c", "echo {i}", "--param", "i=1", "--param", "i=2"], "given twice"),
        (["-c", "true", "--monitor", "off", "--generate-plots"], "keeps no samples"),
        (["-C", "nowhere"], "nowhere"),
    ],
)
def test_wrong_use_is_refused_before_anything_runs(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert words in Torc(tmp_path, "http://127.0.0.1:9")("exec", *arguments, code=2).err
