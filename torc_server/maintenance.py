"""The commands of `torc-server` beside `run`: they work on the database while a server runs or not, or print a unit."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from torc_core.errors import InvalidInputError, ServerFaultError, TorcError
from torc_server.access.files import only_for_me
from torc_server.settings import ServiceSettings, find_database

COMMANDS: Final = ("check", "backup", "export", "service")
_SHOWN: Final = 100
_CHECK: Final = "`torc-server check` lists the damage"
_DATABASE_HELP: Final = "default: TORC_DATABASE, DATABASE_URL (sqlite:PATH), else ./torc.db"


def main(arguments: Sequence[str], *, check_options: Callable[[Sequence[str]], None]) -> int:
    """Run the command; return 0 when all is well, 1 for damage or failure, 2 for wrong arguments.

    `check_options` raises InvalidInputError for options with which `run` would not start.
    """
    if arguments[0] == "service":
        return _print_unit(arguments[1:], check_options)
    options = _parser().parse_args(arguments)
    try:
        database, _ = find_database(options.database, os.environ)
        if not database.is_file():
            raise InvalidInputError(f"there is no database {database}", hint="name it: --database PATH")
        if options.command == "check":
            return _report(database, check_database(database))
        with only_for_me():
            if options.command == "export":
                return _export(database, options)
            back_up(database, options.file)
    except InvalidInputError as error:
        return complain(error, code=2)
    except TorcError as error:
        return complain(error, code=1)
    size = options.file.stat().st_size
    sys.stdout.write(f"{database} was copied to {options.file} ({size} bytes), and the copy was checked\n")
    return 0


def complain(error: TorcError, *, code: int) -> int:
    """Write the error to stderr; return the exit code."""
    hint = f"\n  {error.hint}" if error.hint else ""
    sys.stderr.write(f"torc-server: {error.message}{hint}\n")
    return code


def check_database(path: Path) -> list[str]:
    """Return what is wrong with the database: damage to the file, dangling references, broken rules.

    Raises DatabaseVersionError for a database of another program or of a newer version.
    """
    from torc_server import invariants
    from torc_server.db.engine import Database
    from torc_server.db.migrations import REVISIONS
    from torc_server.db.schema import layout_of
    from torc_server.db.unit_of_work import read_unit

    if damage := _damage(path):
        return damage
    with closing(Database(path)) as database:
        layout = layout_of(database)
        if layout != REVISIONS[-1]:
            return [f"no rule was checked in layout {layout}: a start of the server brings it to {REVISIONS[-1]}"]
        with read_unit(database, ServiceSettings()) as uow:
            return invariants.check(uow)


def _damage(path: Path) -> list[str]:
    """Return the damage to the file, and the references to records that do not exist."""
    from torc_server.db import dialect
    from torc_server.db.engine import Database
    from torc_server.db.unit_of_work import read_unit

    try:
        with closing(Database(path)) as database, read_unit(database, ServiceSettings()) as uow:
            damage = [str(row[0]) for row in uow.rows(dialect.CHECK_FILE) if row[0] != "ok"]
            references = uow.rows(dialect.CHECK_REFERENCES) if not damage else []
    except ServerFaultError as error:  # too damaged to be read to its end
        return [error.message]
    return damage or [
        f"row {row_id} of {table} names a record of {other} that does not exist"
        for table, row_id, other, *_ in references
    ]


def _export(database: Path, options: argparse.Namespace) -> int:
    from torc_server.export import keep_chosen

    def choose(copy: Path) -> None:
        left.append(keep_chosen(copy, users=options.user, workflow_ids=options.workflow))

    left: list[int] = []
    back_up(database, options.file, change=choose)
    count = f"{left[0]} workflow{'' if left[0] == 1 else 's'}"
    sys.stdout.write(f"{count} of {database} were copied to {options.file}, without tokens and access groups\n")
    return 0


def _print_unit(arguments: Sequence[str], check_options: Callable[[Sequence[str]], None]) -> int:
    """Print the unit; its options are checked here, and not when systemd starts it."""
    from getpass import getuser

    from torc_server.service_unit import service_unit

    is_system = "--system" in arguments
    options = [word for word in arguments if word != "--system"]
    try:
        check_options(["run", *options])
    except InvalidInputError as error:
        return complain(error, code=2)
    sys.stdout.write(service_unit(options, folder=Path.cwd(), is_system=is_system, user=getuser()))
    place, scope = ("/etc/systemd/system", "") if is_system else ("~/.config/systemd/user", " --user")
    sys.stderr.write(
        f"torc-server: write this to {place}/torc-server.service, then: systemctl{scope} daemon-reload; "
        f"systemctl{scope} enable --now torc-server\n"
    )
    return 0


def back_up(path: Path, target: Path, *, change: Callable[[Path], None] = lambda _: None) -> None:
    """Copy the database into a new file, readable by its owner only; what others write meanwhile is not in it.

    `change` is called with the copy before it is checked.
    The copy is complete or absent. Raises InvalidInputError when it exists already or cannot be written, and
    ServerFaultError when the database is damaged.
    """
    from torc_server.db import dialect
    from torc_server.db.engine import Database

    if target.exists():
        raise InvalidInputError(f"{target} exists already", hint="name a new file")
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(Database(path)) as database:
            database.copy_into(partial)
        change(partial)
        if damage := _damage(partial):
            raise ServerFaultError(f"{path} is damaged, and its copy with it: {damage[0]}", hint=_CHECK)
        # last: a copy that was interrupted never bears the name of a backup
        partial.rename(target)
    except (OSError, *dialect.ERRORS) as error:
        raise InvalidInputError(
            f"{path} cannot be copied to {target}: {getattr(error, 'strerror', None) or getattr(error, 'orig', error)}",
            hint="name a file in a folder that exists, on a disk with room for it",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _report(path: Path, problems: Sequence[str]) -> int:
    if not problems:
        sys.stdout.write(f"{path}: the file is sound, and all rules hold\n")
        return 0
    rest = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    lines = [f"{path}: {problem}" for problem in (*problems[:_SHOWN], *rest)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="torc-server", description="Works on the database, also while a server runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="look for damage to the file and for records that break a rule")
    backup = commands.add_parser("backup", help="copy the database into a new file")
    backup.add_argument("file", metavar="FILE", type=Path, help="the copy, which must not exist yet")
    export = commands.add_parser("export", help="copy workflows into a new database, without tokens and access groups")
    export.add_argument("file", metavar="FILE", type=Path, help="the copy, which must not exist yet")
    export.add_argument("--user", metavar="NAME", action="append", default=[], help="only workflows of this user")
    export.add_argument("--workflow", metavar="ID", type=int, action="append", default=[], help="only this workflow")
    commands.add_parser("service", help="print a systemd unit that runs the server with these options")
    for command in (check, backup, export):
        command.add_argument("-d", "--database", metavar="PATH", help=_DATABASE_HELP)
    return parser
