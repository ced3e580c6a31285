"""`torc help`: the help of a command, and what holds for all of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from torc_cli.session.options import GLOBAL_OPTIONS
from torc_core.errors import InvalidInputError
from torc_core.spec.problems import did_you_mean

_EXIT_CODES: Final = {
    "0": "Done; for run, exec, recover and watch: every job completed or is disabled.",
    "1": "An error, or jobs that did not complete.",
    "2": "Wrong usage or input; nothing was changed.",
    "130": "Ctrl-C.",
}
_FORMATS: Final = {
    "table": "For people: as wide as the terminal, times short and in the time zone of this machine. In a pipe, plain "
    "columns that are never folded. --wide does not fold them on a terminal, either.",
    "json": "For programs: lists are arrays, records are objects, times are complete; nothing else is on stdout.",
    "csv": "For programs, and for lists only: a line of names, then a line for each record with all its fields.",
    "-x COLUMN": "Leaves a column out of a list, by its header or its field; in JSON and CSV by its field.",
}
_ENVIRONMENT: Final = {
    "TORC_API_URL": "The server's address, as --url.",
    "TORC_API_TOKEN": "A token for the server; found by itself on the machine of a server of your own.",
    "TORC_USERNAME": "Your name at the server; else USER.",
    "TORC_PASSWORD": "Your password at the server, as --password.",
    "TORC_TLS_CA_CERT": "Who signed the server's certificate, as --tls-ca-cert.",
    "TORC_FORMAT": "How to print results, as --format.",
    "TORC_OUTPUT_DIR": "The folder of logs and of the embedded server's database, as -o of torc run.",
    "TORC_DATABASE": "Database of the embedded server, as --database.",
    "TORC_LOG_LEVEL": "Least severity of log lines on stderr, as --log-level.",
    "TORC_JOB_TOKEN": "The token that jobs get, as --job-token of torc run.",
    "TORC_SERVER_USER": "The user of this machine whose server on loopback is meant, where it is not yours.",
}
_TOPICS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "options": (
        "Options that every command understands, before and behind its name:",
        {", ".join(option.names): option.help for option in GLOBAL_OPTIONS},
    ),
    "formats": ("What -f prints:", _FORMATS),
    "exit-codes": ("How commands end:", _EXIT_CODES),
    "environment": ("Variables that stand for options; an option wins over its variable:", _ENVIRONMENT),
}


def help_(
    ctx: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC|COMMAND...]", help=f"A command, or one of: {', '.join(_TOPICS)}."),
    ] = None,
) -> None:
    """Explain a command, or a topic: options, formats, exit-codes, environment.

    For example: `torc help options`, `torc help jobs list`.
    """
    from torc_cli.render.as_tables import TableOutput
    from torc_cli.session.session import table_width

    out = TableOutput(width=table_width())
    if topic and len(topic) == 1 and topic[0] in _TOPICS:
        title, entries = _TOPICS[topic[0]]
        out.document(f"{title}\n")
        out.record(entries)
        return
    if text := _context_of(ctx.find_root(), topic or []).get_help():  # Typer prints a framed help by itself
        out.document(text)
    if not topic:
        out.document(f"Topics of torc help: {', '.join(_TOPICS)}.")


def _context_of(root: Any, words: list[str]) -> Any:
    """Return the context of the command that the words name. Raises InvalidInputError where there is none."""
    context = root
    for word in words:
        group = context.command
        known = list(getattr(group, "commands", ()))
        if word not in known:
            raise InvalidInputError(
                f"there is no command or topic {' '.join(words)!r}{did_you_mean(word, [*known, *_TOPICS])}",
                hint=f"the topics are {', '.join(_TOPICS)}; torc --help lists the commands",
            )
        _, command, _ = group.resolve_command(context, [word])
        context = type(root)(command, info_name=word, parent=context)
    return context
