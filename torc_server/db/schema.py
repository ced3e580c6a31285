"""Migration of a database to the layout that this server works with."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from torc_core.errors import DatabaseVersionError, InvalidInputError
from torc_server.db.dialect import TABLE_NAMES
from torc_server.db.engine import Database
from torc_server.db.migrations import REVISIONS

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Create the tables of a new database, or change those of an older server, in one transaction.

    Raises DatabaseVersionError for a database of a newer server or of another program, and InvalidInputError
    when the file cannot be opened.
    """
    try:
        with database.reading() as session:
            is_ready = _revision(session.connection(), database.path) == REVISIONS[-1]
        if not is_ready:
            with database.writing() as session:
                # another process may have migrated it between the look above and this lock
                if _revision(session.connection(), database.path) != REVISIONS[-1]:
                    _upgrade(session.connection())
    except DBAPIError as error:
        raise InvalidInputError(
            f"cannot use {database.path} as a database: {error.orig}",
            hint="name a file in a folder that exists and that you may write to",
        ) from error


def layout_of(database: Database) -> str | None:
    """Return the layout in which the database is, None for one without tables.

    Raises DatabaseVersionError as `migrate` does.
    """
    with database.reading() as session:
        return _revision(session.connection(), database.path)


def _revision(connection: Connection, path: Path) -> str | None:
    """Return the layout of the database, None for one without tables."""
    tables = set(connection.exec_driver_sql(TABLE_NAMES).scalars())
    if not tables:
        return None
    revision = (
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if "alembic_version" in tables
        else None
    )
    if revision is None:
        raise DatabaseVersionError(f"{path} is a database of another program", hint="name another file")
    if revision not in REVISIONS:
        raise DatabaseVersionError(
            f"{path} was written by a newer server: its layout is {revision}, this server knows up to {REVISIONS[-1]}",
            hint="install the newer version, or name another database file",
        )
    return str(revision)


def _upgrade(connection: Connection) -> None:
    from alembic import command  # only a database that needs it pays for the import
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
