"""The session of one command: settings, connection, output; expensive modules are loaded when first used."""

import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from importlib import import_module
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Self

import typer

from torc_cli.render.base import Output
from torc_cli.render.spelling import Spelling
from torc_cli.session.options import Format, GlobalOptions
from torc_core.errors import (
    AnotherUsersServerError,
    InvalidInputError,
    ServerFaultError,
    ServerUnavailableError,
    ServerUnreachableError,
    SpecError,
    TorcError,
)
from torc_core.hints import Hint

if TYPE_CHECKING:
    from pathlib import Path

    from torc_client.http import TorcClient
    from torc_client.settings import ClientSettings


class Session:
    """One command from its start to its end; leaving it closes the connection and stops the embedded server.

    `name` is the command's, such as `failures list`; `output_dir` is what the user typed behind -o, where the command
    has it; `exclude` names the columns that lists are printed without.
    """

    def __init__(
        self,
        options: GlobalOptions,
        *,
        name: str = "",
        output_dir: "Path | None" = None,
        is_list: bool = False,
        exclude: Sequence[str] = (),
    ) -> None:
        self.options = options
        self._is_list = is_list
        self._exclude = exclude
        self._name = name
        self._output_dir = output_dir
        self._stack = ExitStack()
        self.load: Callable[[], object] = _load_client
        """Loads what the command will need; called while the embedded server starts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._stack.close()
        if isinstance(error, TorcError) and (hint := self.hint_of(error)) is not None:
            error.hint = Hint(hint)

    def hint_of(self, error: TorcError) -> str | None:
        """Return the next step after the error, with commands as the user must type them."""
        match error:
            case ServerFaultError() if self.options.standalone:
                return f"the log of the embedded server is {self.settings.database}.server.log"
            case ServerUnavailableError():  # a server answers: the ways to one do not help
                return None if error.hint is None else error.hint.spelled(self.spelling)
            case AnotherUsersServerError():
                return str(error.hint)
            case ServerUnreachableError() if self.options.standalone:
                return f"the embedded server ended early; its log is {self.settings.database}.server.log"
            case ServerUnreachableError() if self._name:
                embedded = shlex.join(["torc", "-s", *_typed(self._name)])
                return (
                    "start a server with `torc-server run` and name it with --url or TORC_API_URL, "
                    f"or let torc start one for the time of the command: `{embedded}`"
                )
            case SpecError() if error.hint is not None:
                return _with_the_page_here(str(error.hint))
            case _:
                return None if error.hint is None else error.hint.spelled(self.spelling)

    @cached_property
    def settings(self) -> "ClientSettings":
        from torc_client.settings import load_settings

        options = self.options
        password = options.password
        if options.prompt_password and not password:
            password = str(typer.prompt("Password", hide_input=True, err=True))
        settings = load_settings(
            url=options.url,
            password=password,
            format_=options.format,
            database=options.database,
            log_level=options.log_level,
            tls_ca_cert=options.tls_ca_cert,
        )
        logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
        return settings

    @cached_property
    def is_json(self) -> bool:
        return Format(self.settings.format) is Format.JSON

    @cached_property
    def out(self) -> Output:
        if self.is_json:
            from torc_cli.render.as_json import JsonOutput

            return JsonOutput(self.spelling, exclude=self._exclude)
        # a setting of CSV is for lists; what else a command prints is for people then
        if Format(self.settings.format) is Format.CSV and self._is_list:
            from torc_cli.render.as_csv import CsvOutput

            return CsvOutput(self.spelling, exclude=self._exclude)
        from torc_cli.render.as_tables import TableOutput

        return TableOutput(self.spelling, exclude=self._exclude, width=table_width(wide=self.options.wide))

    @cached_property
    def spelling(self) -> Spelling:
        return Spelling(self._options_to_type(), self._output_dir)

    @cached_property
    def url(self) -> str:
        """Return the server's address; start an embedded server where one was asked for."""
        options = self.options
        if options.standalone and options.url:
            raise InvalidInputError("--standalone and --url name two servers", hint="use one of them")
        if options.database and not options.standalone:
            raise InvalidInputError("--database is the embedded server's", hint="add -s, or name a server with --url")
        interval = options.snapshot_interval_seconds
        if options.in_memory and not options.standalone:
            raise InvalidInputError("--in-memory is about the embedded server", hint="add -s")
        if interval is not None and not options.in_memory:
            raise InvalidInputError("--snapshot-interval-seconds does nothing alone", hint="add --in-memory")
        if not options.standalone:
            return self.settings.url
        from torc_client.standalone import InMemory, embedded_server

        in_memory = InMemory(snapshot_interval_s=interval) if options.in_memory else None
        return self._stack.enter_context(
            embedded_server(self.settings.database, in_memory=in_memory, meanwhile=self.load)
        )

    @cached_property
    def client(self) -> "TorcClient":
        if self.settings.withheld and not self.options.standalone:
            self.out.note(self.settings.withheld)
        return self._stack.enter_context(self.connect())

    @contextmanager
    def waiting_for_server(self, seconds: float) -> Iterator[None]:
        """Wait so long for a server that is away, for each request of the block, and say so once."""

        def say(error: TorcError) -> None:
            self.out.note(f"{error.message}; waiting up to {seconds:g} s for it")

        with self.client.transport.waiting(seconds, on_wait=say):
            yield

    def connect(self, *, patience_s: float = 0.0) -> "TorcClient":
        """Return another connection to the same server, for the caller to close."""
        from dataclasses import replace

        from torc_client.connect import connect

        settings = replace(self.settings, url=self.url)
        if self.options.standalone:
            from torc_client.credentials import token_of_database

            # the embedded server's own: a token of the environment is another server's
            settings = replace(settings, token=token_of_database(settings.database), password=None)
        return connect(settings, patience_s=patience_s, is_own=self.options.standalone)

    def _options_to_type(self) -> list[str]:
        """Return the global options that a printed command needs; a password is never printed."""
        options, words = self.options, []
        if options.standalone:
            words.append("-s")
            if options.database:
                words += ["--database", str(options.database)]
        if options.url:
            words += ["--url", options.url]
        if options.password or options.prompt_password:
            words.append("--prompt-password")
        if options.tls_ca_cert:
            words += ["--tls-ca-cert", str(options.tls_ca_cert)]
        return words

    def workflow_id(self, given: int | None) -> int:
        """Return the id given, or that of the user's only workflow. Raises InvalidInputError with the candidates."""
        if given is not None:
            return given
        from torc_cli.session.choose_workflow import only_workflow

        return only_workflow(self.client, user=self.settings.user)

    def agrees(
        self, question: str, *, without_asking: bool, needs_yes: bool = False, needs_person: bool = False
    ) -> bool:
        """Return whether the user agrees: asks on a terminal, and takes the command as meant where nobody can answer.

        Raises InvalidInputError there when `needs_yes`, for what cannot be undone, and when `needs_person`, for what
        a program must not do unasked, with JSON output too.
        """
        if without_asking:
            return True
        if needs_person and (self.is_json or not sys.stdin.isatty()):
            raise InvalidInputError(
                f"no person to ask: {question}", hint="add --yes where a person has read it and agrees"
            )
        if self.is_json:
            return True
        if sys.stdin.isatty():
            return typer.confirm(question, err=True)
        if needs_yes:
            raise InvalidInputError(f"no terminal to confirm on: {question}", hint="confirm with --no-prompts")
        return True


def table_width(*, wide: bool = False) -> int | None:
    """Return how wide tables may be: as the terminal, or without an end; None where stdout is no terminal."""
    if not sys.stdout.isatty():
        return None
    return sys.maxsize if wide else get_terminal_size().columns


def _load_client() -> None:
    import_module("torc_client.connect")


def _with_the_page_here(hint: str) -> str:
    """Return the hint with the path of the page of keys on this machine: the package has its own copy."""
    from torc_client.library import project_folder
    from torc_core.spec.problems import KEYS_PAGE

    folder = project_folder("docs")
    return hint if folder is None else hint.replace(KEYS_PAGE, str(folder.parent / KEYS_PAGE))


def _typed(name: str) -> list[str]:
    """Return what the user typed behind `torc`, without the address of a server; else the name of the command alone."""
    words = sys.argv[1:]
    if not all(word in words for word in name.split()):
        return name.split()  # called by a program
    typed: list[str] = []
    for word in words:
        if typed[-1:] == ["--url"]:
            typed.pop()
        elif not word.startswith("--url="):
            typed.append(word)
    return typed
