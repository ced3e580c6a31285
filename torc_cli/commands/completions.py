"""`torc completions`."""

import os
from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completions(shell: Annotated[Shell, typer.Argument(help="The shell that completes.")]) -> None:
    """Print the completion script of a shell.

    For example: `torc completions bash >> ~/.bashrc`. `torc --install-completion` does it for you.
    """
    from torc_cli.main import app

    os.environ["_TORC_COMPLETE"] = f"source_{shell}"
    typer.main.get_command(app).main(prog_name="torc")
