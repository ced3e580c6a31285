"""`torc examples`: the example workflows that come with Torc."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import BaseModel

from torc_cli.render.base import Column, Table
from torc_cli.session.command import command, listing
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from torc_client.library import Library

_DESCRIPTION: Final = re.compile(r"""^\s*"?description"?:? *["']?(.+?)["']?,?$""", re.MULTILINE)
_NEEDED: Final = re.compile(r"\bexamples/((?:scripts|tables)/[\w.-]+)")
_ENDINGS: Final = ("", ".yaml", ".json", ".json5", ".kdl")
_SCHEMA: Final = "torc.schema.json"
_Name = Annotated[str, typer.Argument(metavar="NAME", help="`diamond`, or with its format: `diamond.json`.")]

app = typer.Typer(no_args_is_help=True, help="Example workflows to look at, copy and run.")


class Example(BaseModel):
    """One example workflow; `scripts` are the scripts and tables that it needs, as the file names them."""

    name: str
    description: str
    scripts: list[str]


EXAMPLES = Table(
    "examples",
    (
        Column("Name", "name"),
        Column("Description", "description"),
        Column("Scripts", lambda row: ", ".join(row.scripts)),
    ),
)


@app.command("list")
@listing
def list_(session: Session) -> None:
    """List the example workflows that come with Torc.

    For example: `torc examples list`.
    """
    session.out.records(EXAMPLES, all_examples())


@app.command("show")
@command
def show(session: Session, name: _Name) -> None:
    """Print an example workflow file.

    For example: `torc examples show diamond`.
    """
    examples = _examples()
    session.out.document(examples.read(_full_name(examples, name)).rstrip("\n"))


@app.command("copy")
@command
def copy(
    session: Session,
    name: _Name,
    folder: Annotated[Path, typer.Argument(help="Where to; it is made if it does not exist.")] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Copy an example workflow and the scripts and tables it needs into a folder.

    They go to `examples` below that folder, where the example looks for them; the JSON Schema for editors beside it.

    For example: `torc examples copy diamond .`.
    """
    examples = _examples()
    full_name = _full_name(examples, name)
    source = examples.find(full_name)
    example = _describe(full_name, examples.read(full_name))
    files = {folder / full_name: source}
    files |= {folder / script: source.parents[2] / script for script in example.scripts}
    schema = source.parent / _SCHEMA
    if schema.is_file() and not (folder / _SCHEMA).exists():  # one that is there may be newer, or the user's own
        files[folder / _SCHEMA] = schema
    _write_all(files, force=force)
    session.out.done(
        f"Copied {', '.join(map(str, files))}.\nNext: {_next_step(folder, full_name)}",
        {"files": [str(path) for path in files]},
    )


def all_examples() -> list[Example]:
    """Return all examples by name. Raises NotFoundError where Torc was installed without its examples."""
    examples = _examples()
    return [_describe(name, examples.read(name)) for name in sorted(examples.files)]


def _examples() -> "Library":
    """Return the examples. Raises NotFoundError where Torc was installed without its examples."""
    from torc_client.library import open_examples, project_folder

    folder = project_folder("examples")
    if folder is None:
        raise NotFoundError("the examples are not part of this installation", hint="install Torc from its wheel")
    return open_examples(folder)


def _full_name(examples: "Library", name: str) -> str:
    """Return the name of a file; a name without its ending means YAML before the other languages."""
    return next((found for found in (f"{name}{ending}" for ending in _ENDINGS) if found in examples.files), name)


def _describe(name: str, text: str) -> Example:
    found = _DESCRIPTION.search(text)
    scripts = sorted({f"examples/{needed}" for needed in _NEEDED.findall(text)})
    return Example(name=name, description=found[1] if found else "", scripts=scripts)


def _write_all(files: dict[Path, Path], *, force: bool) -> None:
    """Copy each value to its key. Raises InvalidInputError; where other files are in the way, nothing is written."""
    taken = [str(path) for path, source in files.items() if path.exists() and not _same(path, source)]
    if taken and not force:
        raise InvalidInputError(f"{', '.join(taken)} exists; nothing was copied", hint="replace it with --force")
    for path, source in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def _same(path: Path, source: Path) -> bool:
    return path.is_file() and path.read_bytes() == source.read_bytes()


def _next_step(folder: Path, name: str) -> str:
    """Return the command that runs the example in the folder it was copied to, as its paths count from there."""
    go = "" if folder == Path() else f"cd {folder} && "
    return f"{go}torc -s run {name}"
