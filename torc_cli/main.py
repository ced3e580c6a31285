"""The entry point of `torc`."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from torc_cli.session.command import root
from torc_cli.session.lazy_commands import lazy_group
from torc_cli.session.registry import COMMANDS
from torc_core import __version__
from torc_core.errors import InvalidInputError, ServerFaultError, TorcError
from torc_core.shortage import shortage_of

app = typer.Typer(
    name="torc",
    cls=lazy_group(COMMANDS),
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"torc {__version__}")
        raise typer.Exit


@app.callback()
@root
def torc(
    *,
    version: Annotated[
        bool, typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run workflows of many jobs, and bring them to their end although jobs fail.

    Start with `torc examples copy diamond` and `torc -s run diamond.yaml`: no server is needed.
    """
    del version  # its callback has printed it


def main() -> None:
    """Exit code 0 for success, 1 for failures and errors, 2 for wrong usage or input, 130 after Ctrl-C."""
    run_app(app, "torc")


def run_app(program: typer.Typer, name: str) -> None:
    """Run a program with its command line, and exit with a message for every error that a user can cause."""
    _never_fail_to_print()
    try:
        program(prog_name=name)
    except TorcError as error:
        sys.exit(_complain(error))
    except Exception as error:
        expected = _as_torc_error(error)
        if expected is None:
            raise
        sys.exit(_complain(expected))


def _as_torc_error(error: Exception) -> TorcError | None:
    """Return what an error of a library means for the user; None for a mistake of our own."""
    from pydantic import ValidationError

    if (shortage := shortage_of(error)) is not None:
        return shortage
    match error:
        case ValidationError():
            return ServerFaultError(
                f"the answer is not one of a torc server ({error.error_count()} problem(s) in {error.title})",
                hint="check --url and TORC_API_URL, and that client and server have the same version",
            )
        case UnicodeEncodeError():
            return InvalidInputError(f"this is not UTF-8: {error.object[error.start : error.end]!r}")
        case UnicodeDecodeError():
            return InvalidInputError(f"this is no text: {error.reason} at byte {error.start}")
        case OSError() if error.filename is not None:
            return InvalidInputError(f"{error.filename}: {error.strerror}")
        case _:
            return None


def _never_fail_to_print() -> None:
    """Escape what the terminal cannot show: names may hold any character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(error: TorcError) -> int:
    from torc_cli.render.text import clean

    hint = f"\nHint: {error.hint}" if error.hint else ""
    sys.stderr.write(clean(f"Error: {error.message}{hint}\n"))
    return 2 if isinstance(error, InvalidInputError) else 1


if __name__ == "__main__":
    main()
