"""`torc plot-resources`: from a run to files that can be looked at."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from torc_process import SpecWriter, Torc

OVER_TIME = {"enabled": True, "granularity": "time_series", "sample_interval_seconds": 0.2}
PUBLISHED = """
CREATE TABLE job_resource_samples (job_id INTEGER, timestamp INTEGER, cpu_percent REAL, memory_bytes INTEGER,
    num_processes INTEGER, PRIMARY KEY (job_id, timestamp));
CREATE TABLE job_metadata (job_id INTEGER PRIMARY KEY, job_name TEXT);
"""


@pytest.fixture
def database(torc: Torc) -> Path:
    """Samples in the form that other programs write, without what ours adds: job 3 twice, job 7 once."""
    path = torc.folder / "samples.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(PUBLISHED)
        connection.executemany(
            "INSERT INTO job_resource_samples VALUES (?, ?, ?, ?, ?)",
            [(3, 1000, 10.0, 5 << 20, 1), (3, 1010, 90.0, 9 << 20, 2), (7, 1004, 0.0, 0, 1)],
        )
        connection.execute("INSERT INTO job_metadata VALUES (3, 'three')")
    return path


def test_a_run_can_be_drawn(torc: Torc, spec: SpecWriter) -> None:
    path = spec(jobs={"a": "sleep 1.2", "b": "sleep 1.2"}, resource_monitor=OVER_TIME)
    torc("run", path)
    (database,) = (torc.folder / "output/resource_utilization").glob("resource_metrics_*.db")
    printed = torc("plot-resources", database, "-o", "plots", "-p", "mine", "--format", "json")
    assert "Wrote 5 files about 2 jobs" in printed.out
    names = sorted(file.name for file in (torc.folder / "plots").iterdir())
    assert names[0] == "mine_cpu_all_jobs.json"
    assert names[-2:] == ["mine_memory_all_jobs.json", "mine_summary.json"]
    figure = json.loads((torc.folder / "plots/mine_summary.json").read_text())
    assert {"data", "layout"} <= figure.keys()


def test_chosen_jobs_are_drawn_as_pictures(torc: Torc, database: Path) -> None:
    pytest.importorskip("matplotlib")
    printed = torc("-f", "json", "plot-resources", database, "--format", "png", "-j", "3").json
    stems = ("job_3", "cpu_all_jobs", "memory_all_jobs", "summary")
    assert printed["files"] == [f"resource_plot_{stem}.png" for stem in stems]
    assert printed["job_ids"] == [3]
    assert all((torc.folder / name).read_bytes().startswith(b"\x89PNG") for name in printed["files"])


def test_one_page_holds_all_jobs_and_the_library_once(torc: Torc, database: Path) -> None:
    pytest.importorskip("plotly")
    printed = torc("-f", "json", "plot-resources", database, "-o", "pages").json
    assert printed["files"] == ["pages/resource_plot.html"]
    page = (torc.folder / "pages/resource_plot.html").read_text()
    assert "three (3)" in page
    assert '<option value="job_7">' in page
    assert page.count("plotly.js v") == 1
    assert '<script src="' not in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no file"),
        (b"", "holds no samples of jobs"),
        (b"not a database at all" * 100, "file is not a database"),
    ],
)
def test_a_file_of_another_kind_is_refused(torc: Torc, content: bytes | None, words: str) -> None:
    if content is not None:
        (torc.folder / "bad.db").write_bytes(content)
    printed = torc("plot-resources", "bad.db", code=2)
    assert words in printed.err
    assert "bad.db" in printed.err
    assert not list(torc.folder.glob("resource_plot*"))


def test_values_that_are_no_numbers_are_refused(torc: Torc, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE job_resource_samples SET cpu_percent = 'much' WHERE job_id = 7")
    assert "samples.db" in torc("plot-resources", database, code=2).err


def test_wrong_options_are_refused(torc: Torc, database: Path) -> None:
    unknown = torc("plot-resources", database, "-j", "3,99", code=2)
    assert "no samples of job 99" in unknown.err
    assert "there are jobs 3, 7" in unknown.err
    assert "no list of ids" in torc("plot-resources", database, "-j", "a", code=2).err
    assert "--output-dir" in torc("plot-resources", database, "-p", "x/y", code=2).err
    assert torc("plot-resources", database, "-f", "svg", code=2).err
    assert torc("plot-resources", code=2).err
    assert torc("plot-resources", database, "-o", database, "-f", "json", code=2).err


def test_a_file_without_samples_is_an_error(torc: Torc, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM job_resource_samples")
    assert "no samples in" in torc("plot-resources", database, code=1).err


@pytest.mark.parametrize(("format_", "library"), [("png", "matplotlib"), ("html", "plotly")])
def test_a_missing_library_is_named_with_the_way_to_get_it(
    torc: Torc, database: Path, format_: str, library: str
) -> None:
    stub = torc.folder / "without" / library
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(f"raise ImportError('no {library} here')")
    without = Torc(torc.folder, torc.url, {"PYTHONPATH": str(stub.parent)})
    printed = without("plot-resources", database, "-f", format_, "-o", "plots", code=1)
    assert f"{library} is needed" in printed.err
    assert "pip install 'torc-recovery[plots]'" in printed.err
    assert not (torc.folder / "plots").exists()
    without("plot-resources", database, "-f", "json")
