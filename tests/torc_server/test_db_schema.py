"""The tables come from migrations, and only from databases of this server."""

import importlib
import pkgutil
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from torc_core.errors import DatabaseVersionError, InvalidInputError
from torc_server.db import migrations, tables
from torc_server.db.engine import Database
from torc_server.db.schema import migrate


def _layout(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Of each table its columns, keys and uniqueness, whatever the order and spelling; of each index its statement."""
    with sqlite3.connect(path) as connection:
        ask = connection.execute
        names = [row[0] for row in ask("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")]
        layout = {
            name: {
                *ask("SELECT 'column', name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?)", (name,)),
                *ask('SELECT \'key\', "from", "table", "to", on_delete FROM pragma_foreign_key_list(?)', (name,)),
                *ask("SELECT 'rowid', wr FROM pragma_table_list(?)", (name,)),
                *ask(
                    "SELECT 'unique', l.name, i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i "
                    "WHERE l.origin = 'u'",
                    (name,),
                ),
            }
            for name in names
            if name != "alembic_version" and not name.startswith("sqlite_")
        }
        statements = ask("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    return layout | {name: {(re.sub(r"\s+", " ", sql),)} for name, sql in statements}


def test_migrations_make_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    for module in pkgutil.iter_modules(tables.__path__):
        importlib.import_module(f"{tables.__name__}.{module.name}")
    migrate(Database(tmp_path / "migrated.db"))
    described = Database(tmp_path / "described.db")
    with described.writing() as session:
        SQLModel.metadata.create_all(session.connection())
    migrated_layout, described_layout = _layout(tmp_path / "migrated.db"), _layout(tmp_path / "described.db")
    assert "job" in described_layout
    assert migrated_layout == described_layout


def test_every_migration_is_known_to_the_server() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == migrations.REVISIONS


def test_a_new_database_is_ready_at_once(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from torc_server.db.engine import Database;"
        "from torc_server.db.schema import migrate; path = Path(sys.argv[1]); begin = time.process_time();"
        "migrate(Database(path)); print(time.process_time() - begin); print('alembic' in sys.modules)"
    )

    def run() -> list[str]:
        command = [sys.executable, "-c", program, str(tmp_path / "torc.db")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    seconds, needed_alembic = run()
    assert float(seconds) < 0.5
    assert needed_alembic == "True"
    assert run()[1] == "False", "a database that is ready must not cost the import"


def test_a_database_of_a_newer_server_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "torc.db"
    migrate(Database(path))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseVersionError, match="9999") as refused:
        migrate(Database(path))
    assert "newer version" in str(refused.value.hint)


def test_a_database_of_another_program_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE workflow (id INTEGER PRIMARY KEY)")
    with pytest.raises(DatabaseVersionError, match="another program"):
        migrate(Database(path))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("workflow",)]


@pytest.mark.parametrize("name", ["missing/torc.db", "text.db", "folder"])
def test_what_cannot_be_a_database_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("no database, only words " * 100)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInputError, match=name):
        migrate(Database(tmp_path / name))


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "torc.db"
    real = Path.read_text

    def broken(self: Path, *args: str, **kwargs: str) -> str:
        text = real(self, *args, **kwargs)
        return text + "\nCREATE TABLE workflow (id INTEGER);\n" if self.suffix == ".sql" else text

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", broken)
        with pytest.raises(InvalidInputError, match="already exists"):
            migrate(Database(path))
    assert _layout(path) == {}
    migrate(Database(path))
    assert _layout(path)


def test_foreign_keys_hold_and_readers_cannot_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "torc.db")
    migrate(database)
    with database.reading() as session:
        assert session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        with pytest.raises(Exception, match="readonly"):
            session.connection().exec_driver_sql("DELETE FROM job")


def test_a_reader_sees_one_moment_while_others_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "torc.db")
    migrate(database)
    insert = "INSERT INTO access_group (name, is_system, created_at) VALUES (?, 0, '')"
    count = "SELECT COUNT(*) FROM access_group"
    with database.reading() as reader:
        assert reader.connection().exec_driver_sql(count).scalar() == 0
        with database.writing() as writer:
            writer.connection().exec_driver_sql(insert, ("g",))
        assert reader.connection().exec_driver_sql(count).scalar() == 0
    with database.reading() as reader:
        assert reader.connection().exec_driver_sql(count).scalar() == 1
