"""The options that `recover`, `watch` and `run --recover` share, and the plan options made from them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from torc_cli.commands.options.left_allocations import left_allocations
from torc_cli.session.session import Session
from torc_core.errors import InvalidInputError
from torc_core.hints import Line
from torc_core.recovery.defaults import HOOK_TIMEOUT_S, MEMORY_MULTIPLIER, RUNTIME_MULTIPLIER

if TYPE_CHECKING:
    from torc_client.recovery.recover import RecoveryTools
    from torc_core.recovery.plan import RecoverOptions

_PANEL = "Recovery"
RECOVERY_PATIENCE_S: Final = 60.0
"""The seconds that the server may be away in the middle of a recovery."""

MaxRetriesOption = Annotated[
    int, typer.Option("-m", "--max-retries", min=0, help="Recover at most so often.", rich_help_panel=_PANEL)
]
OutputDirOption = Annotated[
    Path | None, typer.Option("-o", "--output-dir", help="Write logs to this folder; `output` when left out.")
]


@dataclass(frozen=True, kw_only=True)
class RecoveryChoices:
    """The options about recovery; a command that takes one of these has its fields as options."""

    memory_multiplier: Annotated[
        float,
        typer.Option(
            "--memory-multiplier",
            help="Multiply the memory of jobs that ran out of memory by this.",
            rich_help_panel=_PANEL,
        ),
    ] = MEMORY_MULTIPLIER
    runtime_multiplier: Annotated[
        float,
        typer.Option(
            "--runtime-multiplier",
            help="Multiply the runtime of jobs that ran out of time by this.",
            rich_help_panel=_PANEL,
        ),
    ] = RUNTIME_MULTIPLIER
    retry_unknown: Annotated[
        bool,
        typer.Option("--retry-unknown", help="Also retry jobs with unknown failure causes.", rich_help_panel=_PANEL),
    ] = False
    recovery_hook: Annotated[
        str | None,
        typer.Option(
            "--recovery-hook",
            metavar="COMMAND",
            help="Run before jobs with unknown failure causes are retried, with the workflow's id as last argument "
            "and as TORC_WORKFLOW_ID; implies --retry-unknown.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    hook_timeout: Annotated[
        float,
        typer.Option("--hook-timeout", min=0.001, help="Stop the hook after so many seconds.", rich_help_panel=_PANEL),
    ] = HOOK_TIMEOUT_S
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory",
            metavar="AMOUNT",
            help="Give no job more memory than this, for example 64g.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    max_runtime: Annotated[
        str | None,
        typer.Option(
            "--max-runtime",
            metavar="ISO8601",
            help="Give no job more runtime than this, for example PT12H.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    foresight: Annotated[
        bool,
        typer.Option(
            "--foresight/--no-foresight",
            help="Raise, too, what waits where a third of its started siblings lacked memory or time.",
            rich_help_panel=_PANEL,
        ),
    ] = False

    def as_options(self) -> "RecoverOptions":
        """Return the options of the recovery. Raises InvalidInputError for amounts that cannot be meant."""
        from torc_core.recovery.plan import RecoverOptions
        from torc_core.resources.duration import parse_duration
        from torc_core.resources.memory import parse_memory

        return RecoverOptions(
            memory_multiplier=self.memory_multiplier,
            runtime_multiplier=self.runtime_multiplier,
            retry_unknown=self.retry_unknown,
            recovery_hook=self.recovery_hook,
            max_memory_bytes=None if self.max_memory is None else parse_memory(self.max_memory),
            max_runtime_s=None if self.max_runtime is None else parse_duration(self.max_runtime),
            foresight=self.foresight,
        )


def recovery_tools(
    session: Session, choices: RecoveryChoices, *, output_dir: Path | None, recovers: bool = True, submits: bool = False
) -> "RecoveryTools":
    """Return what a recovery works with; `submits`: it asks the scheduler for nodes, too.

    Raises InvalidInputError for a hook that cannot be started, or that nothing would ever start.
    """
    from torc_client.recovery.allocations import find_allocations
    from torc_client.recovery.hooks import find_hook
    from torc_client.recovery.recover import RecoveryTools
    from torc_client.submission.watch_actions import action_firer

    command = choices.recovery_hook
    if command is not None and not recovers:
        raise InvalidInputError("--recovery-hook does nothing without --recover", hint="add --recover")
    hook = None if command is None else find_hook(command, folder=Path.cwd(), timeout_s=choices.hook_timeout)
    return RecoveryTools(
        user=session.settings.user,
        say=sayer(session),
        output_dir=output_dir or Path(session.settings.output_dir),
        hook=hook,
        environment=dict(os.environ),
        allocations=left_allocations(session) if submits else find_allocations(os.environ),
        # a server of this command alone is gone when allocations begin
        fire_actions=action_firer(os.environ) if submits and not session.options.standalone else None,
    )


def sayer(session: Session) -> Callable[[Line], None]:
    """Return what prints lines for people: on stdout, or on stderr where stdout is for JSON."""
    return session.out.note if session.is_json else lambda line: session.out.done(line, {})
