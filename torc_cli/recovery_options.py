"""The options that `recover`, `watch` and `run --recover` share, and what they are turned into."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torc_cli.session import Session
from torc_core.errors import InvalidInputError

if TYPE_CHECKING:
    from torc_client.recovery.recover import RecoveryTools
    from torc_core.recovery.plan import RecoverOptions

_PANEL = "Recovery"

MemoryMultiplierOption = Annotated[
    float, typer.Option("--memory-multiplier", help="Memory increase factor for OOM.", rich_help_panel=_PANEL)
]
RuntimeMultiplierOption = Annotated[
    float, typer.Option("--runtime-multiplier", help="Runtime increase factor for timeout.", rich_help_panel=_PANEL)
]
RetryUnknownOption = Annotated[
    bool, typer.Option("--retry-unknown", help="Also retry jobs with unknown failure causes.", rich_help_panel=_PANEL)
]
RecoveryHookOption = Annotated[
    str | None,
    typer.Option(
        "--recovery-hook",
        metavar="COMMAND",
        help="Run before jobs with unknown failure causes are retried, with the workflow's id as last argument "
        "and as TORC_WORKFLOW_ID; implies --retry-unknown.",
        rich_help_panel=_PANEL,
    ),
]
HookTimeoutOption = Annotated[
    float, typer.Option("--hook-timeout", min=0.001, help="Seconds the hook may take.", rich_help_panel=_PANEL)
]
MaxMemoryOption = Annotated[
    str | None,
    typer.Option("--max-memory", metavar="AMOUNT", help="No job gets more, for example 64g.", rich_help_panel=_PANEL),
]
MaxRuntimeOption = Annotated[
    str | None,
    typer.Option(
        "--max-runtime", metavar="ISO8601", help="No job gets more, for example PT12H.", rich_help_panel=_PANEL
    ),
]
MaxRetriesOption = Annotated[
    int, typer.Option("-m", "--max-retries", min=0, help="Maximum recovery attempts.", rich_help_panel=_PANEL)
]
OutputDirOption = Annotated[
    Path | None, typer.Option("-o", "--output-dir", help="Where logs go; `output` when left out.")
]


def recover_options(
    *,
    memory_multiplier: float,
    runtime_multiplier: float,
    retry_unknown: bool,
    recovery_hook: str | None,
    max_memory: str | None,
    max_runtime: str | None,
) -> "RecoverOptions":
    """Raises InvalidInputError for what cannot be meant."""
    from torc_core.recovery.plan import RecoverOptions
    from torc_core.resources.duration import parse_duration
    from torc_core.resources.memory import parse_memory

    return RecoverOptions(
        memory_multiplier=memory_multiplier,
        runtime_multiplier=runtime_multiplier,
        retry_unknown=retry_unknown,
        recovery_hook=recovery_hook,
        max_memory_bytes=None if max_memory is None else parse_memory(max_memory),
        max_runtime_s=None if max_runtime is None else parse_duration(max_runtime),
    )


def recovery_tools(
    session: Session,
    *,
    recovery_hook: str | None,
    hook_timeout: float,
    output_dir: Path | None,
    recovers: bool = True,
) -> "RecoveryTools":
    """Raises InvalidInputError when there is a hook that cannot be started, or that nothing would ever start."""
    from torc_client.recovery.hooks import find_hook
    from torc_client.recovery.recover import RecoveryTools

    if recovery_hook is not None and not recovers:
        raise InvalidInputError("--recovery-hook does nothing without --recover", hint="add --recover")
    hook = None if recovery_hook is None else find_hook(recovery_hook, folder=Path.cwd(), timeout_s=hook_timeout)
    password = session.settings.password
    return RecoveryTools(
        user=session.settings.user,
        say=sayer(session),
        output_dir=output_dir or Path(session.settings.output_dir),
        hook=hook,
        environment={**os.environ, **({"TORC_PASSWORD": password} if password else {})},
    )


def sayer(session: Session) -> Callable[[str], None]:
    """Lines for people: the result on stdout, or beside it where stdout is for JSON."""
    if session.is_json:
        return lambda line: session.out.note(session.literal(line))
    return lambda line: session.out.done(session.literal(line), {})
