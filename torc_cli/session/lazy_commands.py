"""Imports commands when they are invoked or completed, not to list them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from torc_cli.session.short_help import with_short_help, write_help


@dataclass(frozen=True)
class Entry:
    """Where a command lives (`module` below torc_cli.commands, `attribute`: a function or a Typer) and its listing."""

    module: str
    attribute: str
    help: str
    panel: str

    def stand_in(self, name: str) -> TyperCommand:
        """Return enough for listings and for suggestions after a typing error."""
        return TyperCommand(name, help=self.help, rich_help_panel=self.panel)

    def load(self, name: str) -> Any:
        """Return the command itself, as Typer's core takes it."""
        found = getattr(import_module(f"torc_cli.commands.{self.module}"), self.attribute)
        if isinstance(found, typer.Typer):
            loaded: Any = typer.main.get_group(found)  # unlike get_command without the options of completion
        else:
            app = typer.Typer(add_completion=False)
            app.command(name)(found)
            loaded = typer.main.get_command(app)
        loaded.name = name
        return with_short_help(loaded)


def lazy_group(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """Return a class for `typer.Typer(cls=…)` that has `entries` as its commands."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, entry in entries.items():
                self.add_command(entry.stand_in(name), name)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            write_help(self, ctx, formatter)

        # Typer does not export the types of its core's contexts and commands, hence Any.
        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            entry = entries.get(name or "")
            return (name, entry.load(str(name)), rest) if entry else (name, command, rest)

    return LazyGroup
