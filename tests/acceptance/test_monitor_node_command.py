"""`torc monitor-node`: samples of a machine, which are drawn as those of jobs."""

import signal
from pathlib import Path

import pytest
from torc_process import Torc


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_its_samples_in_a_file_that_is_drawn(tmp_path: Path, number: signal.Signals) -> None:
    torc = Torc(tmp_path)
    monitor = torc.start("monitor-node", "-i", "0.2", "-w", "7")
    assert monitor.stderr is not None
    assert "Measuring" in monitor.stderr.readline()
    monitor.send_signal(number)
    out, _ = monitor.communicate(timeout=60)
    assert monitor.returncode == 0
    assert "peak" in out
    [file] = (tmp_path / "output/resource_utilization").glob("resource_metrics_wf7_monitor_*.db")
    drawn = torc("-f", "json", "plot-resources", file, "--format", "json").json
    assert drawn["job_ids"] == [0]


def test_it_ends_after_its_time_and_may_write_nothing(tmp_path: Path) -> None:
    printed = Torc(tmp_path)("-f", "json", "monitor-node", "-i", "0.2", "-d", "0.01", "--summary-only").json
    assert printed["sample_count"] >= 1
    assert printed["file"] is None
    assert not (tmp_path / "output").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file")
    printed = Torc(tmp_path)("monitor-node", "-d", "0.01", "-i", "0.2", code=2)
    assert "resource_metrics_monitor" in printed.err
