"""`torc-htpasswd`: keeps the file of users and their passwords."""

import argparse
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from torc_core.errors import InvalidInputError, NotFoundError, TorcError
from torc_server.access.htpasswd import COST, check_name, hash_password, is_password, read_users, write_users


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 0 when done, 1 when a password is wrong or a user is unknown, 2 when it was called wrongly."""
    options = _parser().parse_args(arguments)
    try:
        code = options.act(options)
    except TorcError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        sys.stderr.write(f"torc-htpasswd: {error.message}{hint}\n")
        code = 1 if isinstance(error, NotFoundError) else 2
    sys.exit(code)


def _add(options: argparse.Namespace) -> int:
    users = read_users(options.file) if options.file.exists() else {}
    is_new = options.user not in users
    users[check_name(options.user)] = hash_password(_password(options, ask_twice=True), cost=options.cost)
    write_users(options.file, users)
    print(f"{options.user} {'added to' if is_new else 'changed in'} {options.file}")  # noqa: T201
    sys.stderr.write("a running server reads the file again with `torc admin reload-auth`\n")
    return 0


def _remove(options: argparse.Namespace) -> int:
    users = read_users(options.file)
    _digest(users, options)
    del users[options.user]
    write_users(options.file, users)
    print(f"{options.user} removed from {options.file}")  # noqa: T201
    return 0


def _list(options: argparse.Namespace) -> int:
    for user in read_users(options.file):
        print(user)  # noqa: T201
    return 0


def _verify(options: argparse.Namespace) -> int:
    digest = _digest(read_users(options.file), options)
    is_right = is_password(_password(options), digest)
    print("the password is right" if is_right else "the password is wrong")  # noqa: T201
    return 0 if is_right else 1


def _hash(options: argparse.Namespace) -> int:
    print(f"{check_name(options.user)}:{hash_password(_password(options), cost=options.cost)}")  # noqa: T201
    return 0


def _digest(users: dict[str, str], options: argparse.Namespace) -> str:
    if options.user not in users:
        raise NotFoundError(f"{options.file} has no user {options.user!r}", hint="torc-htpasswd list --file FILE")
    return users[options.user]


def _password(options: argparse.Namespace, *, ask_twice: bool = False) -> str:
    """Return what the option says, else what is typed, else the first line of stdin."""
    if options.password is not None:
        return str(options.password)
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if ask_twice and getpass.getpass("Again: ") != password:
        raise InvalidInputError("the two passwords differ")
    return password


def _cost(text: str) -> int:
    if not (text.isdecimal() and 4 <= int(text) <= 31):
        raise argparse.ArgumentTypeError(f"{text!r} is no cost: 4 to 31")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="torc-htpasswd", description="Keeps the file of users that `torc-server run --auth-file` reads."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, act, text in (
        ("add", _add, "add a user, or give one a new password"),
        ("remove", _remove, "remove a user"),
        ("list", _list, "list the users"),
        ("verify", _verify, "say whether a password is right"),
        ("hash", _hash, "print the line of a user"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        if act is not _hash:
            command.add_argument("-f", "--file", type=Path, required=True, help="the file of users")
        if act is not _list:
            command.add_argument("user", metavar="NAME")
        if act in (_add, _verify, _hash):
            command.add_argument(
                "--password", metavar="WORD", help="others can see it in the list of processes; asked for, or stdin"
            )
        if act in (_add, _hash):
            command.add_argument("--cost", type=_cost, default=COST, help="of bcrypt; default %(default)s")
    return parser


if __name__ == "__main__":
    main()
