"""Creates the tables of a new database."""

from torc_server.db import tables
from torc_server.db.engine import Database

_METADATA = tables.SQLModel.metadata


def create_missing_tables(database: Database) -> None:
    with database.writing() as session:
        _METADATA.create_all(session.connection())
