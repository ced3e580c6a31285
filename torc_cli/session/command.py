"""Makes a function a command of torc: adds the global options behind its own, and gives it a session.

A parameter whose type is a dataclass stands for options that several commands share: one for each field, with the
field's annotation and the value in the parameter's default.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, Final, get_args, get_type_hints

import typer

from torc_cli.session.options import GLOBAL_OPTIONS, ExcludeOption, Format, GlobalOptions
from torc_core.errors import InvalidInputError

_PREFIX: Final = "global_"
_EXCLUDE: Final = "exclude"


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return what Typer can register for `function(session, …)`.

    Typer sees the function's own parameters and the global options, these without the names that the
    function uses for something else.
    """
    return _registrable(function, is_list=False)


def listing(function: Callable[..., None]) -> Callable[..., None]:
    """Return the same for a command that prints one list, which may be CSV, and may leave out columns."""
    return _registrable(function, is_list=True)


def _registrable(function: Callable[..., None], *, is_list: bool) -> Callable[..., None]:
    def act(ctx: typer.Context, typed: GlobalOptions, values: dict[str, Any]) -> None:
        from torc_cli.session.session import Session

        before = ctx.find_root().obj
        options = before.overlaid_with(typed) if isinstance(before, GlobalOptions) else typed
        name = ctx.command_path.partition(" ")[2]
        exclude = values.pop(_EXCLUDE) or () if is_list else ()
        if options.format is Format.CSV and not is_list:
            raise InvalidInputError(f"torc {name} prints no list, and CSV is for lists", hint="use -f json")
        with Session(
            options, name=name, output_dir=values.get("output_dir"), is_list=is_list, exclude=exclude
        ) as session:
            function(session, **values)

    extra = {_EXCLUDE: ExcludeOption} if is_list else {}
    return _with_global_options(function, list(inspect.signature(function).parameters)[1:], act, extra)


def root(function: Callable[..., None]) -> Callable[..., None]:
    """Return the callback that takes the global options before the command's name."""

    def act(ctx: typer.Context, typed: GlobalOptions, values: dict[str, Any]) -> None:
        ctx.obj = typed
        function(**values)
        if ctx.invoked_subcommand is None and (text := ctx.get_help()):  # Typer prints a framed help by itself
            typer.echo(text)

    return _with_global_options(function, list(inspect.signature(function).parameters), act)


def _with_global_options(
    function: Callable[..., None],
    names: list[str],
    act: Callable[[typer.Context, GlobalOptions, dict[str, Any]], None],
    extra: Mapping[str, Any] | None = None,
) -> Callable[..., None]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    groups = {name: hints[name] for name in names if is_dataclass(hints[name])}
    own = [each for name in names for each in _own_parameters(signature.parameters[name], hints[name])]
    own += [inspect.Parameter(name, keyword, annotation=hint, default=None) for name, hint in (extra or {}).items()]
    taken = frozenset(option for parameter in own for option in _option_names(parameter.annotation))
    common = [
        inspect.Parameter(_PREFIX + option.field, keyword, annotation=annotation, default=option.default)
        for option in GLOBAL_OPTIONS
        if (annotation := option.annotation(without=taken)) is not None
    ]

    @wraps(function)
    def run(**values: Any) -> None:
        ctx = values.pop("ctx")
        typed = {parameter.name.removeprefix(_PREFIX): values.pop(parameter.name) for parameter in common}
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        act(ctx, GlobalOptions(**typed), values)

    parameters = [inspect.Parameter("ctx", keyword, annotation=typer.Context), *own, *common]
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _own_parameters(parameter: inspect.Parameter, hint: Any) -> Iterator[inspect.Parameter]:
    """Yield what Typer sees of one parameter of the function."""
    if not is_dataclass(hint):
        described = Annotated[hint, typer.Argument(help=_help_of(parameter.name))] if hint in (int, list[int]) else hint
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=described)
        return
    hints = get_type_hints(hint, include_extras=True)
    for field in fields(hint):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[field.name],
            default=getattr(parameter.default, field.name),
        )


def _help_of(name: str) -> str:
    """Return the help of an argument that is named `job_id` or `job_ids`."""
    noun = name.removesuffix("_ids").removesuffix("_id").replace("_", " ")
    return f"Ids of {noun}s; several may be given." if name.endswith("_ids") else f"Id of the {noun}."


def _option_names(annotation: Any) -> set[str]:
    """Return the names in `Annotated[…, typer.Option("-f", "--format")]`."""
    names: set[str] = set()
    for metadata in get_args(annotation)[1:]:
        declared = (getattr(metadata, "default", None), *(getattr(metadata, "param_decls", None) or ()))
        names.update(part for name in declared if isinstance(name, str) for part in name.split("/"))
    return names
