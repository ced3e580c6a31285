"""Columns that many tables share. Times are RFC 3339 text in UTC unless a column's name carries a unit."""

from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field


def json_column(name: str | None = None) -> Column[Any]:
    """Declare a JSON column that may be NULL; `name` where the attribute has another one."""
    kind = JSON(none_as_null=True)
    return Column(kind) if name is None else Column(name, kind)


def json_field(*, nullable: bool = False) -> Any:
    """Declare the field of a JSON column in which None is stored as NULL."""
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=nullable))


def owner(*, index: bool = True) -> Any:
    """Declare the workflow to which a record belongs and with which it is deleted."""
    return Field(foreign_key="workflow.id", ondelete="CASCADE", index=index)


def parent(table: str, **options: Any) -> Any:
    """Declare the record with which this one is deleted."""
    return Field(foreign_key=f"{table}.id", ondelete="CASCADE", **options)


def link(table: str) -> Any:
    """Declare a part of a link's primary key; the link is deleted with either side."""
    return parent(table, primary_key=True)
