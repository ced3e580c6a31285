"""`torc config`: where settings come from, and what they are."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from torc_cli.session.command import command
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="The settings of torc: files, values, and whether they are right.")

_TEMPLATE: Final = """\
# Settings of torc. Options and variables of the environment win over them.
[client]
# api_url = "http://localhost:8080/torc-service/v1"
# format = "table"            # or "json"
# output_dir = "output"
# database = "output/torc.db" # of the server that `torc -s` starts
# log_level = "warning"       # error, warning, info, debug
# tls_ca_cert = "ca.pem"
# server_user = "anna"        # whose server on this machine is meant
# strict_scheduler_match = "false" # "true": runners leave jobs of another scheduler alone
# job_token = "run"           # what jobs get: run, none, or full, which is your own
# api_token = ""              # only in a file that nobody else can read
"""


@app.command("show")
@command
def show(session: Session) -> None:
    """Show the settings that commands use here, without secrets.

    For example: `torc config show`.
    """
    settings = session.settings
    session.out.record(
        {
            "api_url": settings.url,
            "user": settings.user,
            "login": "token" if settings.token else "password" if settings.password else "none given",
            "format": settings.format,
            "output_dir": settings.output_dir,
            "database": str(settings.database),
            "log_level": settings.log_level,
            "tls_ca_cert": None if settings.tls_ca_cert is None else str(settings.tls_ca_cert),
            "server_user": settings.server_user,
            "job_token": settings.job_token,
            "strict_scheduler_match": settings.strict_scheduler_match,
        }
    )


@app.command("paths")
@command
def paths(session: Session) -> None:
    """Show the config files in the order in which they are read; a later one wins.

    For example: `torc config paths`.
    """
    from torc_client.settings import default_config_files

    files = [{"path": str(file.absolute()), "exists": file.is_file()} for file in default_config_files(os.environ)]
    lines = [f"{each['path']}{'' if each['exists'] else ' (does not exist)'}" for each in files]
    session.out.done("\n".join(lines), {"files": files})


@app.command("init")
@command
def init(
    session: Session,
    *,
    user: Annotated[bool, typer.Option("--user", help="Write the file of your account, not of this folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a config file that names every setting, with nothing set.

    For example: `torc config init --user`.
    """
    from torc_client.settings import default_config_files

    _, of_user, of_folder = default_config_files(os.environ)
    file = of_user if user else of_folder
    if file.exists() and not force:
        raise InvalidInputError(f"{file} exists already", hint="--force replaces it")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_TEMPLATE, encoding="utf-8")
    session.out.done(f"Wrote {file}", {"file": str(file.absolute())})


@app.command("validate")
@command
def validate(
    session: Session,
    file: Annotated[Path | None, typer.Argument(help="Check this file; all that are read when left out.")] = None,
) -> None:
    """Check config files: TOML, keys and values.

    For example: `torc config validate torc.toml`.
    """
    from torc_client.settings import default_config_files, load_settings

    if file is not None and not file.is_file():
        raise InvalidInputError(f"there is no file {file}")
    files = default_config_files(os.environ) if file is None else (file,)
    load_settings(environment={}, config_files=files)
    found = [str(each) for each in files if each.is_file()]
    names = ", ".join(found) or "there is no config file"
    session.out.done(f"Sound: {names}" if found else f"Nothing to check: {names}", {"valid": True, "files": found})
