"""A database on a network file system is found out, and works without a WAL."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from torc_server.db.engine import Database
from torc_server.db.file_system import mount_of
from torc_server.db.schema import migrate

MOUNTINFO = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime shared:9 - nfs4 filer:/home rw,vers=4.2
31 30 0:41 / /home/ann/local rw - xfs /dev/vdb rw
32 22 0:42 / /scratch rw shared:3 master:1 - lustre 10.0.0.1@tcp:/scratch rw,flock
33 22 0:43 / /mnt/with\040space rw - fuse.sshfs ann@host: rw
34 22 0:44 / /tmp rw - tmpfs tmpfs rw
35 22 0:45 / /stacked rw - ext4 /dev/vdc rw
36 22 0:46 / /stacked rw - cifs //server/share rw
not a mount
"""


@pytest.mark.parametrize(
    ("file", "kind", "is_network"),
    [
        ("/srv/torc.db", "ext4", False),
        ("/home/bob/new/torc.db", "nfs4", True),
        ("/home/ann/local/torc.db", "xfs", False),
        ("/homely/torc.db", "ext4", False),
        ("/scratch/torc.db", "lustre", True),
        ("/mnt/with space/torc.db", "fuse.sshfs", True),
        ("/stacked/torc.db", "cifs", True),
    ],
)
def test_the_deepest_and_last_mount_is_that_of_the_file(tmp_path: Path, file: str, kind: str, is_network: bool) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTINFO)
    mount = mount_of(Path(file), mounts=mounts)
    assert mount is not None
    assert (mount.kind, mount.is_network) == (kind, is_network)


def test_where_the_system_does_not_say_nothing_is_assumed(tmp_path: Path) -> None:
    assert mount_of(tmp_path / "torc.db", mounts=tmp_path / "none") is None


def test_on_a_network_file_system_there_is_no_wal_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:40 / / rw - lustre server:/scratch rw\n")
    monkeypatch.setattr("torc_server.db.file_system.MOUNTS", mounts)
    with caplog.at_level(logging.WARNING):
        database = Database(tmp_path / "torc.db")
    migrate(database)
    with database.reading() as session:
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "truncate"
    database.close()
    assert not (tmp_path / "torc.db-wal").exists()
    (record,) = caplog.records
    assert "lustre" in record.message and "local disk" in record.message


def test_a_database_that_had_a_wal_keeps_its_records_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = "INSERT INTO access_group (name, is_system, created_at) VALUES (?, 0, '')"
    local = Database(tmp_path / "torc.db")
    migrate(local)
    with local.writing() as session:
        session.connection().exec_driver_sql(insert, ("g",))
    local.close()
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:40 / / rw - nfs server:/home rw\n")
    monkeypatch.setattr("torc_server.db.file_system.MOUNTS", mounts)
    moved = Database(tmp_path / "torc.db")
    with moved.writing() as session:
        session.connection().exec_driver_sql(insert, ("h",))
    with moved.reading() as session:
        assert session.connection().exec_driver_sql("SELECT COUNT(*) FROM access_group").scalar() == 2


def test_without_a_wal_readers_and_writers_work_one_after_the_other_and_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:40 / / rw - nfs server:/home rw\n")
    monkeypatch.setattr("torc_server.db.file_system.MOUNTS", mounts)
    database = Database(tmp_path / "torc.db")
    migrate(database)

    def work(number: int) -> int:
        with database.writing() as session:
            insert = "INSERT INTO access_group (name, is_system, created_at) VALUES (?, 0, '')"
            session.connection().exec_driver_sql(insert, (f"group {number}",))
        with database.reading() as session:
            return int(session.connection().exec_driver_sql("SELECT COUNT(*) FROM access_group").scalar() or 0)

    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(work, range(40)))
    assert max(counts) == 40
